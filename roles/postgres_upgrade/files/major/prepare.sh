#!/bin/sh
# Before the upgrade; the cluster serves all the time. On the leader.
#   prepare.sh backup HOURS   is there a backup that is not older?
#   prepare.sh problems    does anything speak against an upgrade?
#   prepare.sh initdb      an empty cluster of the new version with the old one's settings; what it offers is noted
#   prepare.sh compare     does the new version have the extensions? Notes indexes whose sort order changes
#   prepare.sh check       pg_upgrade --check against the running server
# shellcheck disable=SC1091,SC2154
. /var/lib/postgres-upgrade/lib.sh

databases() { old_sql postgres -c "select datname from pg_database where datallowconn order by 1"; }
# each_database WHAT QUERY: a line a row, with the database's name.
each_database() {
  databases | while IFS= read -r database; do
    old_sql "$database" -c "$2" </dev/null | sed "s/^/$1 in database $database: /"
  done
}
whole() { old_sql postgres -c "$2" | sed "s/^/$1: /"; }

backup() {
  command -v pgbackrest >/dev/null 2>&1 || fail "pgBackRest is not installed: nobody knows of a backup. Take one, and say so with -e '{\"postgres_upgrade_without_backup\": true}'"
  # With a stanza: a repository's server tells nobody of others' (tls-server-auth).
  stanza=$(cat /etc/pgbackrest/pgbackrest.conf /etc/pgbackrest.conf 2>/dev/null | sed -n 's/^\[\([^]:]*\)\].*/\1/p' | grep -v '^global$' | head -n 1)
  newest=$(as_postgres pgbackrest ${stanza:+--stanza="$stanza"} --output=json info 2>/dev/null | python3 -c 'import json, sys
print(max((b["timestamp"]["stop"] for s in json.load(sys.stdin) for b in s["backup"] if not b.get("error")), default=""))' 2>/dev/null)
  [ -n "$newest" ] || fail "pgBackRest knows of no backup: take one first (systemctl start care-postgres-backup@full.service on the repository's host)"
  age=$((($(date +%s) - newest) / 3600))
  [ "$age" -lt "$1" ] || fail "the newest backup is $age hours old, more than $1: take one first"
}

look_for_problems() {
  runs "$old_bin" "$OLD" || fail "PostgreSQL $FROM does not run in $OLD"
  [ "$(old_sql postgres -c 'select pg_is_in_recovery()')" = f ] || fail "$NAME does not lead"
  whole 'prepared transaction' "select gid from pg_prepared_xacts"
  whole 'logical replication slot, which an upgrade loses (drop it, or let its consumer finish)' "select slot_name from pg_replication_slots where slot_type = 'logical'"
  whole 'tablespace outside the data directory, which this playbook does not handle' "select spcname from pg_tablespace where spcname not like 'pg\\_%'"
  whole 'database that is invalid (drop it)' "select datname from pg_database where datconnlimit = -2"
  whole 'the installation superuser is not postgres but' "select rolname from pg_roles where oid = 10 and rolname <> 'postgres'"
  each_database 'invalid index (reindex or drop it)' "select indexrelid::regclass from pg_index where not indisvalid"
  each_database 'subscription, which an upgrade would leave half' "select subname from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())"
  if [ "$ROLLBACK" = logical ]; then
    [ "$(old_sql postgres -c 'show wal_level')" = logical ] || say 'wal_level is not logical, which postgres_upgrade_rollback: logical needs (postgres_parameters)'
    each_database 'table without a primary key or replica identity, whose changes could not be sent back' "select c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema') and c.relreplident in ('d', 'n') and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and c.relreplident = 'd')"
    each_database 'large objects, which logical replication does not send' "select count(*) from pg_largeobject_metadata having count(*) > 0"
    [ "$(old_sql postgres -c "select count(*) + 4 > current_setting('max_worker_processes')::int from pg_database where datallowconn")" = f ] || say 'max_worker_processes is too small: one for each database and four more are needed'
    [ "$METHOD" != link ] || say 'postgres_upgrade_rollback: logical needs postgres_upgrade_method: copy or clone, since --link spoils the old data'
  fi
  need=$(du -sk "$OLD" | cut -f 1)
  [ "$METHOD" != link ] || need=$((need / 20))
  free=$(df -Pk "$(dirname "$(dirname "$NEW")")" | awk 'NR == 2 { print $4 }')
  need=$((need + 1048576))
  [ "$free" -ge "$need" ] || say "disk: $((free / 1024)) MiB free beside $OLD, $((need / 1024)) needed for --$METHOD"
}

problems() {
  found=$(look_for_problems) || exit 1
  [ -z "$found" ] || fail "$found"
}

initdb() {
  [ "$(recall made_new)" != "$NEW" ] || [ "$(recall new_started)" = yes ] || { halt "$new_bin" "$NEW"; rm -rf -- "$NEW"; }
  [ ! -d "$NEW" ] || [ -z "$(ls -A "$NEW")" ] || fail "$NEW is not empty and was not made by this upgrade: look at what it holds, and move it away"
  mkdir -p "$NEW" && chown postgres:postgres "$(dirname "$NEW")" "$NEW" && chmod 0700 "$NEW"
  remember made_new "$NEW"
  eval "$(old_sql postgres -c "select format('encoding=%L provider=%L collate=%L ctype=%L locale=%L checksums=%L segment=%L mode=%L',
    pg_encoding_to_char(encoding), coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'), datcollate, datctype, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', ''),
    current_setting('data_checksums'), (select setting::bigint / 1048576 from pg_settings where name = 'wal_segment_size'), current_setting('data_directory_mode')) from pg_database d where datname = 'template0'")"
  set -- -E "$encoding" --lc-collate="$collate" --lc-ctype="$ctype" --wal-segsize="$segment" -U postgres --auth-local=peer --auth-host=reject
  [ "$provider" != i ] || set -- "$@" --locale-provider=icu --icu-locale="$locale"
  [ "$checksums" != on ] || set -- "$@" --data-checksums
  [ "$mode" != 0750 ] || set -- "$@" --allow-group-access
  out=$(as_postgres "$new_bin/initdb" -D "$NEW" "$@" 2>&1) || fail "initdb: $out"
  # What the new version offers is asked of itself.
  start_private "$new_bin" "$NEW" "$private_port"
  private_sql postgres -c "select name from pg_available_extensions order by 1" >"$here/extensions.new" || fail 'what the new version offers is unknown'
  private_sql postgres -c "select collprovider::text || ' ' || collname || ' ' || coalesce(collversion, '') from pg_collation order by 1" >"$here/collations.new" || fail 'what the new version sorts by is unknown'
  private_sql postgres -c "select 'd default ' || coalesce(pg_database_collation_actual_version(oid), '') from pg_database where datname = 'template1'" >>"$here/collations.new"
  halt "$new_bin" "$NEW"
}

lacking() {
  databases | while IFS= read -r database; do
    old_sql "$database" -c "select extname from pg_extension" </dev/null | while IFS= read -r extension; do
      grep -Fqx -- "$extension" "$here/extensions.new" || say "extension $extension of database $database is not installed for PostgreSQL $TO"
    done
  done
}

compare() {
  found=$(lacking) || exit 1
  [ -z "$found" ] || fail "$found"
  # Collations of indexes with the version that they were sorted by; the new version's libraries may sort otherwise.
  databases | while IFS= read -r database; do
    old_sql "$database" -F ' ' -c "select distinct co.collprovider, co.collname, coalesce(case when co.collprovider = 'd' then pg_database_collation_actual_version((select oid from pg_database where datname = current_database())) else pg_collation_actual_version(co.oid) end, ''), i.indexrelid::regclass
      from pg_index i, unnest(i.indcollation) k(oid), pg_collation co where co.oid = k.oid and co.collname not in ('C', 'POSIX') and i.indexrelid >= 16384" </dev/null | while read -r provider collation version index; do
      # The default collation without a version has three words.
      [ -n "$index" ] || { index=$version version=; }
      grep -Fqx -- "$provider $collation $version" "$here/collations.new" || printf '%s %s\n' "$database" "$index"
    done
  done | sort -u >"$here/reindex"
}

check() {
  work
  out=$(cd "$here/work" && as_postgres "$new_bin/pg_upgrade" --check "--$METHOD" -b "$old_bin" -B "$new_bin" -d "$OLD" -D "$NEW" -p "$PORT" -P "$private_port" -O "$(alike)" 2>&1) || fail "pg_upgrade --check: $(printf '%s\n' "$out" | tail -n 25; find "$NEW/pg_upgrade_output.d" -name '*.txt' -exec head -n 10 {} \; 2>/dev/null)"
}
work() { mkdir -p "$here/work" && chown postgres:postgres "$here/work" && chmod 0700 "$here/work"; }
# Options of the new server while it is upgraded: some extensions can only be made anew while their library is loaded; and pg_control
# keeps the limits of the last start, which a standby must not fall below.
alike() {
  old_sql postgres -c "select string_agg('-c ' || name || '=' || replace(setting, ' ', ''), ' ') from pg_settings
    where name in ('shared_preload_libraries', 'max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction') and setting <> ''" >"$here/alike" || fail 'no settings'
  cat "$here/alike"
}

case ${1-} in
  backup | problems | initdb | compare | check) "$@" ;;
  *) fail "usage: prepare.sh backup|problems|initdb|compare|check" ;;
esac
