#!/bin/sh
# Tries HAProxy of this host as its clients do. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh routes ADDRESS WRITE READ SYNC CA REST LAG SYNC-CHECK FALLBACK MEMBER=ADDRESS…
#       each port leads where the members' Patroni says; the password of care_verify comes on standard input
#   verify.sh refused ADDRESS PORT CA           those who must not get in; the same password
#   verify.sh health CA REST MEMBER=ADDRESS…    a health check takes no certificate of another name or another CA
#   verify.sh own STATS                         socket, page and metrics
set -u
LC_ALL=C
export LC_ALL
umask 077
work=$(mktemp -d "${TMPDIR:-/var/tmp}/haproxy-verify-XXXXXX") || exit 1
scratch=
end() {
  [ -z "$scratch" ] || { kill "$scratch" 2>/dev/null; wait "$scratch" 2>/dev/null; }
  rm -rf "$work"
}
trap end EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
PGPASSFILE=$work/pass
PGCONNECT_TIMEOUT=10
export PGPASSFILE PGCONNECT_TIMEOUT
password() { printf '*:*:*:*:%s\n' "$(printf '%s' "$1" | sed 's/[\\:]/\\&/g')" >"$PGPASSFILE"; }
# ask PORT USER DATABASE SETTINGS SQL
ask() { timeout 30 psql -XAtq -v ON_ERROR_STOP=1 "host=localhost hostaddr=$address port=$1 user=$2 dbname=$3 $4" -c "$5" </dev/null 2>"$work/error"; }

# says PATH: the members that answer 200 there, sorted, one a line
says() {
  for member in $members; do
    code=$(curl -s -m 5 -o /dev/null -w '%{http_code}' --cacert "$ca" --resolve "${member%%=*}:$rest:${member#*=}" "https://${member%%=*}:$rest$1" 2>/dev/null)
    [ "$code" != 200 ] || printf '%s\n' "${member%%=*}"
  done | sort
}
# led PORT TIMES: the members that so many connections are led to, by the name in the certificate that they show, sorted
led() {
  n=0
  while [ "$n" -lt "$2" ]; do
    n=$((n + 1))
    timeout 10 openssl s_client -starttls postgres -connect "$address:$1" -CAfile "$ca" -verify_return_error </dev/null 2>/dev/null | sed -n 's/^subject=.*CN *= *\([^,/ ]*\).*/\1/p'
  done | sort -u
}
words() { printf '%s' "$1" | tr '\n' ' '; }

# leads WHAT PORT PATH RECOVERY: as often as it takes for a change of roles to settle, and no longer
leads() {
  tries=0
  while :; do
    tries=$((tries + 1))
    wanted=$(says "$3")
    times=$(( 4 * $(printf '%s\n' "$wanted" | grep -c .) ))
    got=$(led "$2" "$times")
    [ "$wanted" != "$got" ] || [ "$wanted" != "$(says "$3")" ] || break
    [ "$tries" -lt 6 ] || fail "port $2 ($1) leads to: $(words "$got"); Patroni says: $(words "$wanted")"
    sleep 2
  done
  if [ -z "$wanted" ]; then
    if ask "$2" care_verify postgres "$secure" 'SELECT 1' >/dev/null; then fail "port $2 ($1) leads somewhere, and no member is one"; fi
    return
  fi
  n=0
  while [ "$n" -lt 4 ]; do
    n=$((n + 1))
    got=$(ask "$2" care_verify postgres "$secure" 'SELECT pg_is_in_recovery()') || fail "port $2 ($1): $(cat "$work/error")"
    [ "$got" = "$4" ] || fail "port $2 ($1) leads to a server that is $([ "$got" = t ] && echo a standby || echo a primary)"
  done
}

routes() {
  address=$1 write=$2 read=$3 sync=$4 ca=$5 rest=$6 lag=$7 check=$8 fallback=$9
  shift 9
  members=$*
  secure="sslmode=verify-full sslrootcert=$ca"
  IFS= read -r secret || fail 'no password'
  password "$secret"
  [ "$(says /primary | grep -c .)" -eq 1 ] || fail "not one leader: $(words "$(says /primary)")"
  leads 'the leader' "$write" /primary f
  if [ "$fallback" = true ] && [ -z "$(says "/replica?lag=$lag")" ]; then
    leads 'the leader in place of replicas' "$read" /primary f
  else
    leads replicas "$read" "/replica?lag=$lag" t
  fi
  leads 'synchronous standbys' "$sync" "/$check" t
}

# refused WHAT REASON USER DATABASE SETTINGS
refused() {
  if ask "$port" "$3" "$4" "$5" 'SELECT 1' >/dev/null; then fail "$1 is let in"; fi
  grep -Eq "$2" "$work/error" || fail "$1 is refused, but not for the right reason ($2): $(cat "$work/error")"
}
another_ca() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/other.key" -out "$work/other.crt" -subj '/CN=another CA' -days 1 >/dev/null 2>&1 || fail 'openssl req failed'
}

refusals() {
  address=$1 port=$2 secure="sslmode=verify-full sslrootcert=$3"
  IFS= read -r secret || fail 'no password'
  password "$secret"
  another_ca
  refused 'a client without TLS' 'SSL required' care_verify postgres sslmode=disable
  refused 'a server that the client does not trust' 'certificate verify failed' care_verify postgres "sslmode=verify-full sslrootcert=$work/other.crt"
  refused 'the console of PgBouncer' 'not allowed|no such user|authentication failed' care_verify pgbouncer "$secure"
  refused 'a superuser' 'no such user|authentication failed' postgres postgres "$secure"
  password "not-$secret"
  refused 'a wrong password' 'authentication failed' care_verify postgres "$secure"
}

# A scratch instance with three checks of one member: its own name, another name, another CA. Only the first may be up.
health() {
  ca=$1 rest=$2
  shift 2
  members=$*
  member=$(says /health | head -n 1)
  [ -n "$member" ] || fail 'no member answers /health'
  for each in $members; do [ "${each%%=*}" != "$member" ] || at=${each#*=}; done
  another_ca
  cat >"$work/haproxy.cfg" <<END
global
  stats socket $work/socket mode 600
defaults
  mode tcp
  timeout connect 3s
  timeout client 3s
  timeout server 3s
  timeout check 3s
  option httpchk OPTIONS /health
  http-check expect status 200
  default-server check port $rest check-ssl verify required inter 500ms fall 1 rise 1
backend right
  server s $at:$rest ca-file $ca check-sni $member verifyhost $member
backend name
  server s $at:$rest ca-file $ca check-sni wrong.invalid verifyhost wrong.invalid
backend ca
  server s $at:$rest ca-file $work/other.crt check-sni $member verifyhost $member
END
  chown -R haproxy:haproxy "$work"
  timeout -k 1 60 setpriv --reuid=haproxy --regid=haproxy --clear-groups /usr/sbin/haproxy -q -db -f "$work/haproxy.cfg" </dev/null >"$work/log" 2>&1 &
  scratch=$!
  tries=0
  state=
  while [ "$tries" -lt 40 ]; do
    tries=$((tries + 1))
    state=$(printf 'show stat\n' | socat -t 2 - "UNIX-CONNECT:$work/socket" 2>/dev/null | awk -F , '$2 == "s" { sub(/^\* /, "", $37); print $1, $18, $37 }')
    printf '%s\n' "$state" | grep -q ' INI' || [ -z "$state" ] || break
    sleep 0.5
  done
  printf '%s\n' "$state" | grep -q '^right UP L7OK' || fail "the check of $member by its own name: $(words "$state") $(tail -n 3 "$work/log")"
  printf '%s\n' "$state" | grep -q '^name DOWN L6' || fail "a certificate of another name is taken: $(words "$state")"
  printf '%s\n' "$state" | grep -q '^ca DOWN L6' || fail "a certificate of another CA is taken: $(words "$state")"
}

own() {
  got=$(stat -c %U:%a /run/care-haproxy /run/care-haproxy/admin.sock 2>&1 | tr '\n' ' ')
  [ "$got" = 'haproxy:700 haproxy:600 ' ] || fail "the socket and its directory are $got"
  up=$(/usr/local/sbin/care-haproxy | awk '$1 == "write" && $3 == "UP"' | grep -c .)
  [ "$up" -eq 1 ] || fail "$up members are up for writers: $(/usr/local/sbin/care-haproxy)"
  curl -fsS -m 5 "http://127.0.0.1:$1/" 2>"$work/error" | grep -q 'Statistics Report' || fail "the page of statistics: $(cat "$work/error")"
  curl -fsS -m 5 "http://127.0.0.1:$1/metrics" 2>"$work/error" | grep -q '^haproxy_server_status{proxy="write"' || fail "the metrics: $(cat "$work/error")"
}

what=$1
shift
case $what in
  refused) refusals "$@" ;;
  routes | health | own) "$what" "$@" ;;
  *) fail "unknown check $what" ;;
esac
exit 0
