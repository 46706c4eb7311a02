# shellcheck shell=sh disable=SC2034,SC2153
# What the steps of a major upgrade share. Read by them from the directory that they are in; `settings` there says what is upgraded:
# FROM TO CLUSTER NAME OLD NEW METHOD ROLLBACK PORT URL CACERT JOBS.
set -u
LC_ALL=C
export LC_ALL
here=/var/lib/postgres-upgrade
# shellcheck disable=SC1091
. "$here/settings"
unit=care-patroni.service
config=/etc/patroni/care.d
dropin=$config/60-upgrade.yml
unit_dropin=/etc/systemd/system/$unit.d/upgrade.conf
old_bin=/usr/lib/postgresql/$FROM/bin
new_bin=/usr/lib/postgresql/$TO/bin
# Where servers that nobody else is to see have their socket.
private=$here/private
private_port=50433
cd / || exit 1

fail() { printf '%s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*"; }
as_postgres() { runuser -u postgres -- "$@"; }

# State: one file of KEY=VALUE, replaced as a whole, so that it is never half written.
recall() { [ ! -f "$here/state" ] || sed -n "s/^$1=//p" "$here/state"; }
remember() {
  { [ ! -f "$here/state" ] || grep -v "^$1=" "$here/state"; printf '%s=%s\n' "$1" "$2"; } >"$here/state.new"
  sync "$here/state.new" 2>/dev/null || :
  mv -f "$here/state.new" "$here/state"
}
forget() { [ ! -f "$here/state" ] || { grep -v "^$1=" "$here/state" >"$here/state.new"; mv -f "$here/state.new" "$here/state"; }; }

runs() { as_postgres "$1/pg_ctl" -D "$2" status >/dev/null 2>&1; }
halt() { ! runs "$1" "$2" || as_postgres "$1/pg_ctl" -D "$2" -m fast -w -t 300 stop >/dev/null || fail "PostgreSQL in $2 does not stop"; }
control() { as_postgres "$1/pg_controldata" -D "$2" 2>/dev/null | sed -n "s/^$3: *//p"; }

make_private() {
  mkdir -p "$private" && chown postgres:postgres "$private" && chmod 0700 "$private"
}
# start_private BIN DATA PORT [option…]: a server with one socket, in a directory that only postgres may enter.
start_private() {
  bin=$1 data=$2 port=$3
  shift 3
  make_private
  printf 'local all postgres peer\n' >"$private/hba.conf"
  as_postgres "$bin/pg_ctl" -D "$data" -w -t 300 -l "$private/server.log" \
    -o "-p $port -c listen_addresses='' -c unix_socket_directories=$private -c hba_file=$private/hba.conf -c synchronous_standby_names='' -c archive_mode=off -c logging_collector=off $*" start >/dev/null || {
    tail -n 5 "$private/server.log" >&2
    fail "PostgreSQL in $data does not start"
  }
}
# sql BIN SOCKET PORT DATABASE [psql arguments]: statements on standard input or with -c.
sql() {
  bin=$1 socket=$2 port=$3 database=$4
  shift 4
  as_postgres "$bin/psql" -X -A -t -q -v ON_ERROR_STOP=1 -h "$socket" -p "$port" -d "$database" "$@"
}
old_sql() { sql "$old_bin" /var/run/postgresql "$PORT" "$@"; }
new_sql() { sql "$new_bin" /var/run/postgresql "$PORT" "$@"; }
private_sql() { sql "$new_bin" "$private" "$private_port" "$@"; }

patroni_dcs() { python3 "$here/dcs.py" "$config" "$@"; }
# answers PATH: whether this member's REST API says 200.
answers() { [ "$(curl -sS --noproxy '*' -m 3 --cacert "$CACERT" -o /dev/null -w '%{http_code}' "$URL/$1" 2>/dev/null)" = 200 ]; }
# await_primary BIN SECONDS: Patroni says so as soon as it has the lock; PostgreSQL must take writes as well.
takes_writes() { answers primary && [ "$(sql "$1" /var/run/postgresql "$PORT" postgres -c 'select pg_is_in_recovery()' 2>/dev/null)" = f ]; }
await_primary() {
  end=$(($(date +%s) + $2))
  until takes_writes "$1"; do
    [ "$(date +%s)" -lt "$end" ] || { systemctl --no-pager --full --lines=15 status "$unit" >&2 || :; fail "$NAME does not take writes after $2 s"; }
    sleep 0.2
  done
}

# point_at BIN DATA: Patroni's configuration says so, whatever role postgres has written. A new replica is copied from the leader: pgBackRest
# knows the old data directory only, and would restore the old version over it (role postgres_backup).
point_at() {
  mkdir -p "$(dirname "$unit_dropin")"
  printf '# A major upgrade is under way: care-provision, role postgres_upgrade.\npostgresql:\n  data_dir: %s\n  bin_dir: %s\n  create_replica_methods: [basebackup]\n' "$2" "$1" >"$dropin.new"
  chown root:postgres "$dropin.new" && chmod 0640 "$dropin.new" && mv -f "$dropin.new" "$dropin"
  printf '[Service]\nReadWritePaths=/var/lib/postgresql\n' >"$unit_dropin"
  systemctl daemon-reload
}
