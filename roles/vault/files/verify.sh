#!/bin/sh
# Tries the cluster as a client. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh members URL…              all are open and know the same leader
#   verify.sh client PKI NAME OWN-URL OTHER-URL   writes, reads through another member, is refused where it should be
#   verify.sh young DIRECTORY HOURS     the newest snapshot is young enough
#   verify.sh snapshots DIRECTORY       one can be taken, and only key holders can read it
#   verify.sh audit PKI NAME URL AUDIT-LOG   what was done is in the log, and its values are not
set -u
LC_ALL=C
export LC_ALL
umask 077
work=$(mktemp -d "${TMPDIR:-/var/tmp}/vault-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
pki=/etc/care-vault/pki
# Transient answers (none, 5xx while a leader is elected) are asked for again, for a minute.
ask() { curl -q -s -m 15 --retry 12 --retry-delay 2 --retry-max-time 60 --retry-connrefused --noproxy '*' --cacert "$pki/ca.crt" -o "$work/body" -w '%{http_code}' "$@"; }
once() { curl -q -s -m 10 --noproxy '*' --cacert "$pki/ca.crt" -o "$work/body" -w '%{http_code}' "$@"; }
field() { sed -n "s/.*\"$1\":[ ]*\"\{0,1\}\([^\",}]*\).*/\1/p" "$work/body" | head -n 1; }
told() { head -c 300 "$work/body" 2>/dev/null; }

# A token for the member's own certificate; it goes into files of this script alone, never into arguments.
log_in() {
  code=$(ask --cert "$pki/member.crt" --key "$pki/member.key" -X POST -d '{"name":"member"}' "$1/v1/auth/care/login")
  [ "$code" = 200 ] || fail "the member's certificate does not get in at $1: $code $(told)"
  printf 'header = "X-Vault-Token: %s"\n' "$(field client_token)" >"$work/token"
}
log_out() { once -K "$work/token" -X POST "$1/v1/auth/token/revoke-self" >/dev/null; }

members() {
  leader=
  for url in "$@"; do
    code=$(ask "$url/v1/sys/seal-status")
    [ "$code" = 200 ] || fail "$url does not answer: $code"
    [ "$(field initialized)" = true ] || fail "$url is not initialised: care-provision vault init"
    [ "$(field sealed)" = false ] || fail "$url is sealed: care-provision vault unseal"
    tries=0
    until [ "$(once "$url/v1/sys/leader")" = 200 ] && [ -n "$(field leader_address)" ]; do
      tries=$((tries + 1))
      [ "$tries" -lt 20 ] || fail "$url knows no leader"
      sleep 1
    done
    now=$(field leader_address)
    [ -z "$leader" ] || [ "$leader" = "$now" ] || fail "$url follows $now, another $leader"
    leader=$now
  done
}

client() {
  pki=$1 name=$2 own=$3 other=$4
  log_in "$own"
  canary=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '{"canary":"%s"}' "$canary" >"$work/value"
  code=$(ask -K "$work/token" -X POST --data-binary "@$work/value" "$own/v1/care-verify/$name")
  [ "$code" = 204 ] || fail "a value can't be written: $code $(told)"
  # Standbys may answer reads themselves, a moment late.
  tries=0
  until code=$(ask -K "$work/token" "$other/v1/care-verify/$name") && [ "$code" = 200 ] && [ "$(field canary)" = "$canary" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || fail "what $own has taken can't be read at $other: $code"
    sleep 1
  done
  code=$(ask -X GET "$own/v1/care-verify/$name")
  [ "$code" = 403 ] || fail "without a token the value can be read: $code"
  code=$(ask -K "$work/token" "$own/v1/sys/policies/acl/care-operator")
  [ "$code" = 403 ] || fail "the member may do more than it should: $code"
  # A certificate of the site's CA is none of an operator's or member's.
  if [ -r /etc/care-provision/pki/host.key ]; then
    code=$(ask --cert /etc/care-provision/pki/host.crt --key /etc/care-provision/pki/host.key -X POST -d '{"name":"operator"}' "$own/v1/auth/care/login")
    case $code in 400 | 403) ;; *) fail "a host certificate of the site gets in: $code" ;; esac
  fi
  code=$(ask --cert "$pki/member.crt" --key "$pki/member.key" -X POST -d '{"name":"operator"}' "$own/v1/auth/care/login")
  case $code in 400 | 403) ;; *) fail "the member's certificate makes it an operator: $code" ;; esac
  code=$(once "http${own#https}/v1/care-verify/$name")
  [ "$code" = 400 ] || [ "$code" = 000 ] || fail "plain http is answered: $code"
  once --tls-max 1.1 "$own/v1/sys/seal-status" >/dev/null && fail 'TLS 1.1 is taken'
  code=$(ask -K "$work/token" -X DELETE "$own/v1/care-verify/$name")
  [ "$code" = 204 ] || fail "the value can't be deleted: $code"
  tries=0
  until code=$(ask -K "$work/token" "$other/v1/care-verify/$name") && [ "$code" = 404 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || fail "the value is there after it was deleted: $code"
    sleep 1
  done
  log_out "$own"
}

# Requests are taken down by the leader, whoever was asked.
audit() {
  pki=$1 name=$2 url=$3 log=$4
  code=$(ask "$url/v1/sys/leader")
  [ "$code" = 200 ] && [ "$(field is_self)" = true ] || exit 0
  log_in "$url"
  canary=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '{"canary":"%s"}' "$canary" >"$work/value"
  code=$(ask -K "$work/token" -X POST --data-binary "@$work/value" "$url/v1/care-verify/$name-audit")
  [ "$code" = 204 ] || fail "a value can't be written: $code $(told)"
  printf '{"input":"%s"}' "$canary" >"$work/value"
  code=$(ask -K "$work/token" -X POST --data-binary "@$work/value" "$url/v1/sys/audit-hash/care-file")
  hash=$(field hash)
  [ "$code" = 200 ] && [ -n "$hash" ] || fail "there is no audit device care-file: $code $(told)"
  code=$(ask -K "$work/token" -X DELETE "$url/v1/care-verify/$name-audit")
  log_out "$url"
  tail -c 2000000 "$log" >"$work/tail" || fail "$log can't be read"
  grep -F "\"path\":\"care-verify/$name-audit\"" "$work/tail" | grep -Fq "$hash" || fail "what was just done is not in $log"
  ! grep -Fq "$canary" "$work/tail" || fail "$log has values in the open"
  [ "$(stat -c %U:%a "$log")" = vault:600 ] || fail "$log can be read by others"
}

# One more of this moment: what will be saved next can be saved as well.
snapshots() {
  /usr/local/sbin/care-vault-snapshot >"$work/out" 2>&1 || fail "no snapshot can be taken: $(tail -n 3 "$work/out")"
  newest=$(find "$1" -maxdepth 1 -name 'vault-*.snap.age' | sort | tail -n 1)
  [ -n "$newest" ] || fail "there is no snapshot in $1"
  (cd "$1" && sha256sum -c --quiet "$newest.sha256") >"$work/out" 2>&1 || fail "$newest is not what was saved: $(cat "$work/out")"
  head -c 21 "$newest" | grep -q '^age-encryption.org/v1' || fail "$newest is not encrypted"
  [ "$(stat -c %U:%a "$1")" = root:700 ] || fail "$1 can be looked into by others"
}

# Before the one that verify takes itself.
young() {
  newest=$(find "$1" -maxdepth 1 -name 'vault-*.snap.age' | sort | tail -n 1)
  if [ -n "$newest" ]; then
    [ -n "$(find "$newest" -mmin "-$(( $2 * 60 ))")" ] || fail "the newest snapshot, $newest, is older than $2 hours: systemctl status care-vault-snapshot"
  elif [ -n "$(find /etc/care-vault/member -mmin "+$(( $2 * 60 ))" 2>/dev/null)" ]; then
    fail "there is no snapshot in $1, and the host has been a member for more than $2 hours"
  fi
}

what=$1
shift
case $what in
  members | client | audit | young | snapshots) "$what" "$@" ;;
  *) fail "unknown check $what" ;;
esac
exit 0
