#!/bin/sh
# A way back that keeps what is written to the new version: the old cluster's data stay up to date by logical replication, on the
# leader, over the local socket, until the commit point. On the leader only.
#   logical.sh publish     before the new version is opened: publications and slots, so that nothing is missed
#   logical.sh subscribe   the old version runs beside it and follows
#   logical.sh status      prints how far it is behind, in bytes, for each database
#   logical.sh ready       can the old version take over? Does it follow, and are the tables the same?
#   logical.sh drain       the new version is stopped for clients; waits until the old one has all; copies sequences. No replica may
#                          run then: it would be promoted, and take writes that nobody sends back
#   logical.sh drop        the old version does not follow any more: the commit point
# shellcheck disable=SC1091,SC2154
. /var/lib/postgres-upgrade/lib.sh

old_port=50434
rollback_unit=care-postgres-rollback.service
follower_sql() { sql "$old_bin" "$private" "$old_port" "$@"; }
# Databases with their slot's name.
slots() { cat "$here/slots"; }

publish() {
  remember new_started yes
  # shellcheck disable=SC2046
  start_private "$new_bin" "$NEW" "$private_port" -c wal_level=logical $(cat "$here/alike")
  private_sql postgres -F ' ' -c "select 'care_rollback_' || oid, datname from pg_database where datallowconn and datname <> 'template1' order by oid" >"$here/slots" || fail 'no databases'
  slots | while read -r slot database; do
    private_sql "$database" -c 'create publication care_rollback for all tables' </dev/null || fail "publication in $database"
    private_sql "$database" -c "select pg_create_logical_replication_slot('$slot', 'pgoutput')" </dev/null >/dev/null || fail "slot $slot"
    patroni_dcs ignore "$slot" "$database" </dev/null || exit 1
  done || exit 1
  halt "$new_bin" "$NEW"
}

subscribe() {
  make_private
  printf 'local all postgres peer\n' >"$private/hba.conf"
  cat >"/etc/systemd/system/$rollback_unit" <<U
# Until the major upgrade is committed: care-provision, role postgres_upgrade.
[Unit]
Description=PostgreSQL $FROM, kept up to date for a way back
After=$unit

[Service]
Type=simple
User=postgres
Group=postgres
ExecStart=$old_bin/postgres -D $OLD -p $old_port -c listen_addresses= -c unix_socket_directories=$private -c hba_file=$private/hba.conf -c synchronous_standby_names= -c archive_mode=off -c max_logical_replication_workers=16 -c shared_buffers=64MB -c cluster_name=rollback
KillMode=mixed
KillSignal=SIGINT
TimeoutStopSec=300
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
U
  systemctl daemon-reload
  systemctl enable -q --now "$rollback_unit" || fail "$rollback_unit does not start"
  remember following yes
  end=$(($(date +%s) + 120))
  until follower_sql postgres -c 'select 1' >/dev/null 2>&1; do
    [ "$(date +%s)" -lt "$end" ] || { journalctl -u "$rollback_unit" -n 5 --no-pager -o cat >&2; fail "PostgreSQL $FROM does not answer"; }
    sleep 0.5
  done
  slots | while read -r slot database; do
    [ "$(follower_sql "$database" -c "select count(*) from pg_subscription where subname = 'care_rollback' and subdbid = (select oid from pg_database where datname = current_database())" </dev/null)" = 0 ] || continue
    follower_sql "$database" -c "create subscription care_rollback connection 'host=/var/run/postgresql port=$PORT user=postgres dbname=$database' publication care_rollback with (create_slot = false, slot_name = '$slot', copy_data = false)" </dev/null || fail "subscription in $database"
  done || exit 1
}

# On the new version's socket DIRECTORY, which is another one while it is shut to clients.
behind() { sql "$new_bin" /var/run/postgresql "$PORT" postgres -F ' ' -c "select database, active, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) from pg_replication_slots where slot_name like 'care\\_rollback\\_%' order by 1"; }
status() { behind; }

columns() { "$1" "$2" -c "select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'S') and a.attnum > 0 and not a.attisdropped and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast' order by 1, 2, 3" </dev/null; }

ready() {
  slots | while read -r slot database; do
    new_sql postgres -c "select active from pg_replication_slots where slot_name = '$slot' and wal_status in ('reserved', 'extended')" </dev/null | grep -qx t || fail "database $database is not followed (slot $slot): what was written to PostgreSQL $TO would be lost"
    [ "$(columns new_sql "$database")" = "$(columns follower_sql "$database")" ] || fail "tables of database $database are not as they were before the upgrade (DDL is not replicated): make the same changes by hand on the follower (psql -h $private -p $old_port -d $database), or go back without the new rows"
  done || exit 1
}

drain() {
  [ "$(recall drained)" != yes ] || return 0
  remember stage draining
  systemctl stop "$unit" || fail "$unit does not stop"
  halt "$new_bin" "$NEW"
  # Nobody but postgres on this host comes in now; the follower does.
  make_private
  printf 'local all postgres peer\n' >"$private/drain_hba.conf"
  as_postgres "$new_bin/pg_ctl" -D "$NEW" -w -t 300 -l "$private/drain.log" -o "-p $PORT -c listen_addresses='' -c unix_socket_directories=/var/run/postgresql -c hba_file=$private/drain_hba.conf -c synchronous_standby_names='' -c autovacuum=off -c archive_mode=off" start >/dev/null || { tail -n 5 "$private/drain.log" >&2; fail "PostgreSQL $TO does not start"; }
  end=$(($(date +%s) + 300))
  until [ -z "$(behind | awk '$3 > 0')" ]; do
    [ "$(date +%s)" -lt "$end" ] || fail "the old version has not caught up: $(behind)"
    sleep 0.2
  done
  slots | while read -r slot database; do
    new_sql "$database" -c "select format('select setval(%L, %s)', quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value) from pg_sequences where last_value is not null" </dev/null | follower_sql "$database" -f - >/dev/null || fail "sequences of $database"
  done || exit 1
  remember drained yes
}

drop() {
  [ -s "$here/slots" ] || return 0
  slots | while read -r slot database; do
    ! systemctl is-active -q "$rollback_unit" || follower_sql "$database" -f - <<S || fail "subscription in $database"
alter subscription care_rollback disable;
alter subscription care_rollback set (slot_name = none);
drop subscription care_rollback;
S
  done || exit 1
  systemctl disable -q --now "$rollback_unit" 2>/dev/null
  rm -f "/etc/systemd/system/$rollback_unit"
  systemctl daemon-reload
  halt "$old_bin" "$OLD"
  slots | while read -r slot database; do
    if new_sql postgres -c 'select 1' </dev/null >/dev/null 2>&1; then
      new_sql postgres -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '$slot'" </dev/null >/dev/null || fail "slot $slot"
      new_sql "$database" -c 'drop publication if exists care_rollback' </dev/null || fail "publication in $database"
    fi
    patroni_dcs unignore "$slot" </dev/null || exit 1
  done || exit 1
  rm -f "$here/slots"
  forget following
}

case ${1-} in
  publish | subscribe | status | ready | drain | drop) "$1" ;;
  *) fail "usage: logical.sh publish|subscribe|status|ready|drain|drop" ;;
esac
