# shellcheck shell=sh disable=SC2154 # sourced by care-postgres-maintenance
# Guard against transaction id wraparound: freezes the oldest tables of every database that has come too near, and names
# what holds the horizon back.
freeze_database() {
  sql "$1" -v least="$2" <<'SQL' >"$work/old" || return 1
SELECT c.oid::regclass FROM pg_class c
WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't' AND greatest(age(c.relfrozenxid), mxid_age(c.relminmxid)) >= :'least'::bigint
  AND c.relfrozenxid <> '0' ORDER BY greatest(age(c.relfrozenxid), mxid_age(c.relminmxid)) DESC LIMIT 500;
SQL
  while read -r relation; do
    patiently freeze_table "$1" "$relation" 2>"$work/error" || complain "$1 $relation: $(tail -n 1 "$work/error")"
  done <"$work/old"
}
freeze_table() {
  sql "$1" -v t="$2" <<'SQL'
SELECT format('VACUUM (FREEZE, TRUNCATE FALSE) %s', :'t'::regclass) \gexec
SQL
}
ages() {
  sql postgres <<'SQL'
SELECT datname, greatest(age(datfrozenxid), mxid_age(datminmxid)), datallowconn FROM pg_database ORDER BY 2 DESC;
SQL
}

run_job() {
  ages >"$work/ages" || { complain 'no ages'; return; }
  while IFS="$(printf '\t')" read -r database age connectable; do
    if [ "$age" -lt "$freeze_age" ] || [ "$connectable" != t ]; then continue; fi
    say "$database: age $age, at least $freeze_age: freezing"
    freeze_database "$database" "$((freeze_age / 2))" || complain "$database: its tables can't be listed"
  done <"$work/ages"
  ages >"$work/ages" || { complain 'no ages'; return; }
  while IFS="$(printf '\t')" read -r database age connectable; do
    metric "care_postgres_xid_age{datname=\"$database\"} $age"
    [ "$age" -lt "$freeze_fail_age" ] || complain "$database is $age transactions old: writes stop at 2^31"
  done <"$work/ages"
  say "oldest database: $(head -n 1 "$work/ages" | tr '\t' ' ')"
  sql postgres <<'SQL' >"$work/holders" || { complain 'what holds the horizon back is unknown'; return; }
SELECT format('session %s of %s (%s), transaction open since %s', pid, usename, application_name, xact_start)
  FROM pg_stat_activity WHERE xact_start < now() - interval '1 day' AND backend_type = 'client backend'
UNION ALL SELECT format('prepared transaction %s of %s, since %s', gid, owner, prepared) FROM pg_prepared_xacts WHERE prepared < now() - interval '1 hour'
UNION ALL SELECT format('replication slot %s (%s), age %s', slot_name, CASE WHEN active THEN 'active' ELSE 'inactive' END, greatest(age(xmin), age(catalog_xmin)))
  FROM pg_replication_slots WHERE greatest(age(xmin), age(catalog_xmin)) > 10000000;
SQL
  while read -r holder; do say "holds the horizon back: $holder"; done <"$work/holders"
  metric "care_postgres_horizon_holders $(grep -c . "$work/holders" || :)"
}
