#!/bin/sh
# Tries PgBouncer of this host as its clients do. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh clients NAME ADDRESS PORT CA      logins over TLS; the password of care_verify comes on standard input
#   verify.sh refused NAME ADDRESS PORT CA      those who must not get in; the same, and care_admin's password in a second line, if known
#   verify.sh function DATABASE PORT            the function tells no superuser, as the server's own user sees it
#   verify.sh console                           the console answers root over its socket, which is closed to others
set -u
LC_ALL=C
export LC_ALL
umask 077
work=$(mktemp -d "${TMPDIR:-/var/tmp}/pgbouncer-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
PGPASSFILE=$work/pass
PGCONNECT_TIMEOUT=10
export PGPASSFILE PGCONNECT_TIMEOUT

# Passwords by a file, as argument lists can be read by all. \ and : are special there.
password() { printf '*:*:*:*:%s\n' "$(printf '%s' "$1" | sed 's/[\\:]/\\&/g')" >"$PGPASSFILE"; }
# ask NAME USER DATABASE SETTINGS SQL…
ask() {
  target="host=$1 hostaddr=$address port=$port user=$2 dbname=$3 $4"
  shift 4
  timeout 30 psql -XAtq -v ON_ERROR_STOP=1 "$target" "$@" </dev/null 2>"$work/error"
}
# refused WHAT REASON NAME USER DATABASE SETTINGS: it must be refused, and for that reason
refused() {
  what=$1 reason=$2
  shift 2
  if ask "$@" -c 'SELECT 1' >/dev/null; then fail "$what is let in"; fi
  grep -Eq "$reason" "$work/error" || fail "$what is refused, but not for the right reason ($reason): $(cat "$work/error")"
}

clients() {
  name=$1 address=$2 port=$3 secure="sslmode=verify-full sslrootcert=$4"
  IFS= read -r secret || fail 'no password'
  password "$secret"
  for host in "$name" localhost; do
    got=$(ask "$host" care_verify postgres "$secure" -c "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user") || fail "as $host: $(cat "$work/error")"
    [ "$got" = 'care_verify|f' ] || fail "as $host one is $got"
  done
  # A cursor that outlives its transaction, and a setting: both need a session of their own.
  got=$(ask "$name" care_verify postgres "$secure" -c 'BEGIN' -c 'DECLARE c CURSOR WITH HOLD FOR SELECT generate_series(1, 3)' -c 'COMMIT' -c "SET application_name = 'care-verify-set'" -c 'FETCH 2 FROM c' -c 'SHOW application_name' | tr '\n' ' ') || fail "sessions: $(cat "$work/error")"
  [ "$got" = '1 2 care-verify-set ' ] || fail "a session does not keep its cursor and its settings: $got"
  got=$(ask "$name" care_verify postgres "$secure" -c "SELECT count(*) FROM pg_cursors") || fail "$(cat "$work/error")"
  [ "$got" = 0 ] || fail "a session has $got cursors of the one before"
}

refusals() {
  name=$1 address=$2 port=$3 ca=$4 secure="sslmode=verify-full sslrootcert=$4"
  IFS= read -r secret || fail 'no password'
  IFS= read -r admin || admin=
  password "$secret"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/other.key" -out "$work/other.crt" -subj '/CN=another CA' -days 1 >/dev/null 2>&1 || fail 'openssl req failed'
  refused 'a client without TLS' 'SSL required' "$name" care_verify postgres sslmode=disable
  refused 'a server that the client does not trust' 'certificate verify failed' "$name" care_verify postgres "sslmode=verify-full sslrootcert=$work/other.crt"
  refused 'a name that the certificate does not have' 'does not match host name' wrong.invalid care_verify postgres "$secure"
  refused 'the console over TCP' 'not allowed|no such user|authentication failed' "$name" care_verify pgbouncer "$secure"
  if ask "$name" care_verify postgres "$secure" -c "SELECT * FROM pgbouncer.get_auth('care_verify')" >/dev/null; then fail 'any client may ask for verifiers'; fi
  grep -q 'permission denied' "$work/error" || fail "asking for verifiers: $(cat "$work/error")"
  if timeout 10 openssl s_client -starttls postgres -connect "$address:$port" -CAfile "$ca" -tls1_1 -cipher 'DEFAULT:@SECLEVEL=0' </dev/null >"$work/tls" 2>&1; then fail 'TLS 1.1 is taken'; fi
  grep -qi 'protocol version\|unsupported protocol\|no protocols available' "$work/tls" || fail "TLS 1.1: $(tail -n 3 "$work/tls")"
  refused 'a superuser' 'no such user|authentication failed' "$name" postgres postgres "$secure"
  password "not-$secret"
  refused 'a wrong password' 'authentication failed' "$name" care_verify postgres "$secure"
  [ -z "$admin" ] || {
    password "$admin"
    refused 'care_admin, with the right password,' 'no such user|authentication failed' "$name" care_admin postgres "$secure"
  }
}

function() {
  cd / || exit 1
  told=$(PGPASSFILE='' timeout 30 runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -p "$2" -U postgres -d "$1" 2>"$work/error" <<'END'
SELECT string_agg(format('%s (%s)', r.rolname, CASE WHEN r.rolsuper THEN 'superuser' ELSE 'replication' END), ', ')
FROM pg_authid AS r, LATERAL pgbouncer.get_auth(r.rolname::text) AS f
WHERE r.rolsuper OR r.rolreplication OR NOT r.rolcanlogin OR EXISTS (SELECT FROM pg_authid AS s WHERE s.rolsuper AND pg_has_role(r.oid, s.oid, 'MEMBER'));
SELECT count(*) FROM pgbouncer.get_auth('care_verify');
END
  ) || fail "the server: $(cat "$work/error")"
  [ "$told" = '
1' ] || fail "the function tells what it must not, or nothing of care_verify: $told"
}

console() {
  got=$(/usr/local/sbin/care-pgbouncer 'SHOW POOLS' 2>&1) || fail "the console: $got"
  got=$(stat -c %U:%G:%a /run/pgbouncer) || fail 'no directory of the socket'
  [ "$got" = pgbouncer:pgbouncer:700 ] || fail "the directory of the socket is $got"
}

what=$1
shift
case $what in
  refused) refusals "$@" ;;
  clients | function | console) "$what" "$@" ;;
  *) fail "unknown check $what" ;;
esac
exit 0
