#!/bin/sh
# The upgrade itself, between the old cluster's last write and the new one's first.
#   gap.sh begin           leader: from here on a run that ends is undone by the next
#   gap.sh detach          replica: Patroni lets go; PostgreSQL streams on
#   gap.sh stop            leader: PostgreSQL is stopped in order; prints where its log ends
#   gap.sh follow LSN      replica: has it everything up to there? Then it is stopped, and kept
#   gap.sh upgrade         leader: pg_upgrade
#   gap.sh reindex         leader: indexes whose sort order has changed, before anybody reads them
#   gap.sh open            leader: the new version under Patroni
#   gap.sh analyze N       leader: statistics, first coarse (1), then as they are to be (100)
#   gap.sh join            replica: a copy of the new cluster
#   gap.sh extensions      leader: brings extensions to the version that comes with the new server
#   gap.sh finish          leader: only the commit is still to come
#   gap.sh settle          any: after a run that was cut off; prints the stage that counts
# shellcheck disable=SC1091,SC2154
. /var/lib/postgres-upgrade/lib.sh

detach() {
  remember role replica
  remember stage stopping
  systemctl stop "$unit" || fail "$unit does not stop"
}

stop() {
  old_sql postgres -c checkpoint || fail 'no checkpoint'
  remember stopped_at "$(date +%s)"
  # Patroni is in maintenance mode: it takes no part any more, and its end need not be waited for.
  systemctl stop --no-block "$unit"
  halt "$old_bin" "$OLD"
  [ "$(control "$old_bin" "$OLD" 'Database cluster state')" = 'shut down' ] || fail "the old leader was not shut down in order"
  control "$old_bin" "$OLD" 'Latest checkpoint location'
}

follow() {
  end=$(($(date +%s) + 30))
  if runs "$old_bin" "$OLD"; then
    until [ "$(old_sql postgres -c "select coalesce(pg_last_wal_replay_lsn() > '$1', false)")" = t ]; do
      [ "$(date +%s)" -lt "$end" ] || break
      sleep 0.1
    done
    halt "$old_bin" "$OLD"
  fi
  if [ "$(control "$old_bin" "$OLD" 'Latest checkpoint location')" = "$1" ]; then remember complete yes; say complete; else remember complete no; say incomplete; fi
  remember stage stopped
}

upgrade() {
  remember stage upgrading
  out=$(cd "$here/work" && as_postgres "$new_bin/pg_upgrade" "--$METHOD" -j "$JOBS" -b "$old_bin" -B "$new_bin" -d "$OLD" -D "$NEW" -p "$private_port" -P "$private_port" -o '-c synchronous_standby_names=' -O "$(cat "$here/alike")" 2>&1) ||
    fail "pg_upgrade: $(printf '%s\n' "$out" | tail -n 25)"
}

reindex() {
  [ -s "$here/reindex" ] || return 0
  remember new_started yes
  # shellcheck disable=SC2046
  start_private "$new_bin" "$NEW" "$private_port" $(cat "$here/alike")
  while read -r database index; do
    private_sql "$database" -c "reindex index $index" </dev/null || fail "index $index of $database"
  done <"$here/reindex"
  private_sql postgres -c "select datname from pg_database where datallowconn" | while IFS= read -r database; do
    private_sql "$database" -c "select format('alter collation %I.%I refresh version', n.nspname, c.collname) from pg_collation c join pg_namespace n on n.oid = c.collnamespace where c.collversion is distinct from pg_collation_actual_version(c.oid) and c.collversion is not null" </dev/null | private_sql "$database" -f - 2>/dev/null
    private_sql postgres -v name="$database" -f - >/dev/null 2>&1 <<'S'
alter database :"name" refresh collation version;
S
  done
  halt "$new_bin" "$NEW"
}

await_stopped() {
  end=$(($(date +%s) + 120))
  while systemctl is-active -q "$unit" || [ "$(systemctl show -p ActiveState --value "$unit")" = deactivating ]; do
    [ "$(date +%s)" -lt "$end" ] || fail "$unit does not stop"
    sleep 0.2
  done
}

open() {
  remember stage switching
  await_stopped
  point_at "$new_bin" "$NEW"
  patroni_dcs forget || exit 1
  remember new_started yes
  systemctl start "$unit" || fail "$unit does not start"
  await_primary "$new_bin" 120
  remember opened_at "$(date +%s)"
  remember stage open
}

analyze() {
  PGOPTIONS="-c default_statistics_target=$1 -c vacuum_cost_delay=0" as_postgres "$new_bin/vacuumdb" -h /var/run/postgresql -p "$PORT" --all --analyze-only -q || fail 'vacuumdb'
}

join() {
  remember role replica
  [ ! -d "$NEW" ] || [ -z "$(ls -A "$NEW")" ] || [ "$(recall made_new)" = "$NEW" ] || fail "$NEW is not empty and was not made by this upgrade: look at what it holds, and move it away"
  await_stopped
  remember made_new "$NEW"
  mkdir -p "$NEW" && chown postgres:postgres "$(dirname "$NEW")" "$NEW" && chmod 0700 "$NEW"
  point_at "$new_bin" "$NEW"
  systemctl start "$unit" || fail "$unit does not start"
  remember stage joined
}

extensions() {
  [ -s "$here/work/update_extensions.sql" ] || return 0
  new_sql postgres -f - <"$here/work/update_extensions.sql" || fail 'extensions'
  rm -f "$here/work/update_extensions.sql"
}

finish() { remember stage finished; }

begin() {
  remember role leader
  remember stage stopping
}

# Whether clients have written to the new version is what counts, not whether the run that opened it lived to note it.
settle() {
  if [ "$(recall stage)" = switching ] && [ "$(recall new_started)" = yes ] && systemctl is-active -q "$unit"; then
    end=$(($(date +%s) + 60))
    until takes_writes "$new_bin" || [ "$(date +%s)" -ge "$end" ]; do sleep 0.5; done
    ! takes_writes "$new_bin" || remember stage open
  fi
  recall stage
}

case ${1-} in
  begin | detach | stop | follow | upgrade | reindex | open | analyze | join | extensions | finish | settle) "$@" ;;
  *) fail "usage: gap.sh begin|detach|stop|follow|upgrade|reindex|open|analyze|join|extensions|finish|settle" ;;
esac
