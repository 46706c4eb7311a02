#!/bin/sh
# Tries etcd as its clients do. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh keys ENDPOINT…           a key is put, read through another endpoint, and deleted, through each
#   verify.sh refused ENDPOINT…        nobody gets in without a certificate of the cluster's CA, or without TLS
#   verify.sh cluster MEMBERS          all well, one leader, one term, no alarm
#   verify.sh auth ENDPOINT            clients without a user reach nothing, users their own keys; `NAME PASSWORD PREFIX` a line on standard input
#   verify.sh snapshots DIR HOURS OWN DATA open             the newest is young enough and is restored in a scratch directory, as is one more
#   verify.sh snapshots DIR HOURS OWN DATA encrypted [NAME] the newest is young enough and whole; one more is taken, which tries a restore; all are
#                                      encrypted; NAME: of the copies in object storage, as care-s3-copy knows them, which gives the newest back
set -u
umask 077
LC_ALL=C
export LC_ALL
pki=${ETCD_PKI:-/etc/etcd/pki}
# curl says at once when it is refused; etcdctl would go on trying.
ask() { curl -fs -m 5 -o /dev/null --cacert "$pki/ca.crt" "$@"; }
PATH=$PATH:/usr/local/bin:/usr/local/sbin
work=$(mktemp -d "${TMPDIR:-/var/tmp}/etcd-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
errors() { grep -v '^{' "$work/error" | tail -n 3; }

keys() {
  key=/care-provision/verify/$(hostname)-$$
  last=
  for e do last=$e; done
  for e do
    value=$(date +%s)-$e
    care-etcdctl --endpoints="$e" put "$key" "$value" >/dev/null 2>"$work/error" || fail "put through $e: $(errors)"
    got=$(care-etcdctl --endpoints="$last" get "$key" --print-value-only 2>"$work/error") || fail "get through $last: $(errors)"
    [ "$got" = "$value" ] || fail "put through $e, $last gives '$got'"
    deleted=$(care-etcdctl --endpoints="$e" del "$key" 2>"$work/error") || fail "delete through $e: $(errors)"
    [ "$deleted" = 1 ] || fail "delete through $e deleted $deleted keys"
    last=$e
  done
}

refused() {
  site=/etc/care-provision/pki
  for e do
    ask --cert "$pki/healthcheck.crt" --key "$pki/healthcheck.key" "$e/health" || fail "$e refuses the certificate for health checks"
    if ask "$e/health"; then fail "$e lets a client without a certificate in"; fi
    if [ -f "$site/host.crt" ] && ask --cert "$site/host.crt" --key "$site/host.key" "$e/health"; then fail "$e lets a client with a host certificate of the site in"; fi
    if curl -fs -m 5 -o /dev/null "http://${e#*://}/health"; then fail "$e answers without TLS"; fi
  done
}

cluster() {
  care-etcdctl member list >"$work/members" 2>"$work/error" || fail "member list: $(errors)"
  [ "$(grep -c ', started, .*, false$' "$work/members")" -eq "$1" ] && [ "$(grep -c . "$work/members")" -eq "$1" ] || fail "not $1 voting members: $(cat "$work/members")"
  care-etcdctl endpoint health --cluster >/dev/null 2>"$work/error" || fail "not all are well: $(errors)"
  # endpoint, id, version, size, leader, learner, term, index, applied index, errors
  care-etcdctl endpoint status --cluster >"$work/status" 2>"$work/error" || fail "status: $(errors)"
  awk -F ', *' -v members="$1" '
    { leaders += ($5 == "true"); terms[$7]; if ($10 != "") problems = problems $1 ": " $10 "; " }
    END {
      for (t in terms) count++
      if (NR != members) { print NR " of " members " answer"; exit 1 }
      if (leaders != 1) { print leaders " leaders"; exit 1 }
      if (count != 1) { print count " raft terms"; exit 1 }
      if (problems != "") { print problems; exit 1 }
    }' "$work/status" || exit 1
  alarms=$(care-etcdctl alarm list 2>"$work/error") || fail "alarms: $(errors)"
  [ -z "$alarms" ] || fail "alarms: $alarms"
}

# range KEY: HTTP status of reading it through the gateway, with the token if there is one
range() {
  printf '{"key":"%s"}' "$(printf '%s' "$1" | base64 -w 0)" >"$work/body"
  { [ -z "$token" ] || printf 'header = "Authorization: %s"\n' "$token"; } >"$work/curlrc"
  curl -s -m 5 -o /dev/null -w '%{http_code}' -K "$work/curlrc" --cacert "$pki/ca.crt" --cert "$pki/server.crt" --key "$pki/server.key" --data-binary "@$work/body" "$endpoint/v3/kv/range"
}
login() {
  printf '{"name":"%s","password":"%s"}' "$1" "$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')" >"$work/body"
  curl -s -m 5 --cacert "$pki/ca.crt" --cert "$pki/server.crt" --key "$pki/server.key" --data-binary "@$work/body" "$endpoint/v3/auth/authenticate" | sed -n 's/.*"token" *: *"\([^"]*\)".*/\1/p'
}

auth() {
  endpoint=$1
  elsewhere=/care-provision/verify-elsewhere
  care-etcdctl --endpoints="$endpoint" auth status 2>"$work/error" | grep -q 'Authentication Status: true' || fail "authentication is off: $(errors)"
  if etcdctl --endpoints="$endpoint" --cacert "$pki/ca.crt" --cert "$pki/healthcheck.crt" --key "$pki/healthcheck.key" get "$elsewhere" >/dev/null 2>&1; then fail 'a certificate of the cluster whose name is no user reads keys'; fi
  token=
  status=$(range "$elsewhere")
  [ "$status" != 200 ] || fail 'a client without a user reads keys'
  while read -r name secret prefix; do
    [ -n "$name" ] || continue
    token=$(login "$name" "$secret")
    [ -n "$token" ] || fail "user $name can't log in"
    status=$(range "${prefix}care-provision-verify")
    [ "$status" = 200 ] || fail "user $name can't read $prefix: HTTP status $status"
    status=$(range "$elsewhere")
    [ "$status" = 403 ] || fail "user $name reads $elsewhere: HTTP status $status"
    token=$(login "$name" "not-$secret")
    [ -z "$token" ] || fail "user $name logs in with a wrong password"
  done
}

restore() {
  etcdutl snapshot status "$1" >/dev/null 2>"$work/error" || fail "$1 is no good: $(tail -n 3 "$work/error")"
  etcdutl snapshot restore "$1" --data-dir "$work/restored" >/dev/null 2>"$work/error" || fail "$1 can't be restored: $(tail -n 3 "$work/error")"
  [ -s "$work/restored/member/snap/db" ] || fail "$1 restored to nothing"
  rm -rf "$work/restored"
}

# newest DIR
newest() { find "$1" -maxdepth 1 \( -name 'etcd-*.db' -o -name 'etcd-*.db.age' \) -printf '%f\n' | sort | tail -n 1; }

snapshots() {
  found=$(newest "$1")
  if [ -n "$found" ]; then
    [ -n "$(find "$1/$found" -mmin "-$(( $2 * 60 ))")" ] || fail "the newest snapshot, $1/$found, is older than $2 hours"
    (cd "$1" && sha256sum -c --quiet "$found.sha256") >"$work/error" 2>&1 || fail "$1/$found is not what was saved: $(cat "$work/error")"
    case $found in *.db) restore "$1/$found" ;; esac
  elif [ -z "$(find "$4/member" -maxdepth 0 -mmin "-$(( $2 * 60 ))")" ]; then
    fail "there is no snapshot in $1, and the member is older than $2 hours"
  fi
  # One more of this moment: what will be saved next can be restored as well.
  if [ "$5" = open ]; then
    care-etcdctl --endpoints="$3" snapshot save "$work/now.db" >/dev/null 2>"$work/error" || fail "no snapshot can be taken: $(errors)"
    restore "$work/now.db"
  else
    said=$(timeout 2400 care-etcd-snapshot 2>&1) || fail "no snapshot can be taken: $said"
    found=$(newest "$1")
    [ "$(head -c 21 "$1/$found")" = age-encryption.org/v1 ] || fail "$1/$found is not encrypted"
    open=$(find "$1" -maxdepth 1 -name 'etcd-*.db' | head -n 3)
    [ -z "$open" ] || fail "not encrypted: $open"
    [ "$#" -lt 6 ] || said=$(timeout 2400 care-s3-copy verify "$6" "$2" 2>&1) || fail "$said"
  fi
}

what=$1
shift
case $what in
  keys | refused | cluster | auth | snapshots) "$what" "$@" ;;
  *) fail "unknown check $what" ;;
esac
exit 0
