# shellcheck shell=sh disable=SC2154 # sourced by care-postgres-maintenance
# Weekly report of index bloat, and REINDEX INDEX CONCURRENTLY of what is above the threshold.
# Readers and writers go on: CONCURRENTLY takes no lock that they wait for. It does wait for transactions that are older
# than itself; lock_timeout bounds that, too, so it has its own (reindex_wait), after which the half-made index is taken away.

# Half-made indexes of a rebuild that was cut off. Not while one is at work.
drop_invalid() {
  sql "$1" <<'SQL' >"$work/invalid" || return 1
SELECT i.indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND c.relkind = 'i'
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.relid = i.indrelid);
SQL
  while read -r index; do
    if echo "DROP INDEX CONCURRENTLY $index" | sql "$1" -f - 2>"$work/error"; then
      say "$1 $index: invalid, dropped"
    else
      complain "$1 $index: invalid, and can't be dropped: $(tail -n 1 "$work/error")"
    fi
  done <"$work/invalid"
}

# Share of the pages of a B-tree that could be given back, in percent: what its leaves hold, packed to the fill factor,
# against its leaf, empty and deleted pages.
bloated_indexes() {
  sql "$1" -v least="$reindex_min_bytes" <<'SQL'
SELECT c.oid::regclass, pg_relation_size(c.oid),
  round(greatest(0, 100 * (1 - CASE WHEN s.avg_leaf_density = 'NaN' THEN 0 ELSE s.leaf_pages * s.avg_leaf_density / f.factor END
    / nullif(s.leaf_pages + s.empty_pages + s.deleted_pages, 0)))::numeric, 1)
FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace,
  LATERAL (SELECT coalesce((SELECT option_value::float FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), 90) AS factor) f,
  LATERAL care_maintenance.pgstatindex(c.oid::regclass) s
WHERE c.relkind = 'i' AND a.amname = 'btree' AND i.indisvalid AND NOT i.indisexclusion AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') AND pg_relation_size(c.oid) >= :'least'::bigint
ORDER BY 3 DESC;
SQL
}
remember() {
  sql postgres -v slot="$slot" -v d="$1" -v r="$2" -v b="$3" -v p="$4" -v a="$5" -v ba="${6-}" -v pa="${7-}" <<'SQL'
INSERT INTO care_maintenance.bloat (slot, database, relation, bytes, bloat_percent, action, bytes_after, percent_after)
VALUES (:'slot', :'d', :'r', :'b', :'p', :'a', nullif(:'ba', '')::bigint, nullif(:'pa', '')::numeric)
ON CONFLICT (slot, database, relation) DO UPDATE SET action = excluded.action, bytes_after = excluded.bytes_after, percent_after = excluded.percent_after;
SQL
}
rebuild() {
  free=$(df -Pk "$data_dir" | awk 'NR == 2 { print $4 }')
  if [ $(( $3 * 2 / 1024 )) -gt "$free" ]; then
    complain "$1 $2: $4 % bloat, but less than twice its $3 bytes are free"
    remember "$1" "$2" "$3" "$4" 'no space'
    return
  fi
  if echo "SET lock_timeout = '$reindex_wait'; REINDEX INDEX CONCURRENTLY $2" | sql "$1" -f - 2>"$work/error"; then
    after=$(bloated_indexes "$1" | awk -F '\t' -v r="$2" '$1 == r { print $2 " " $3 }')
    # shellcheck disable=SC2086 # two words
    remember "$1" "$2" "$3" "$4" rebuilt $after
    say "$1 $2: rebuilt, $4 % of $3 bytes were bloat, now ${after:-below the least size}"
  else
    complain "$1 $2: $(tail -n 1 "$work/error")"
    remember "$1" "$2" "$3" "$4" failed
    drop_invalid "$1"
  fi
}

run_job() {
  while read -r database; do
    [ -n "$database" ] || continue
    drop_invalid "$database" || complain "$database: invalid indexes can't be listed"
    bloated_indexes "$database" >"$work/bloated" 2>"$work/error" || { complain "$database: $(tail -n 1 "$work/error")"; continue; }
    metric "care_postgres_bloated_indexes{datname=\"$database\"} $(awk -F '\t' -v t="$reindex_percent" '$3 >= t' "$work/bloated" | grep -c . || :)"
    while IFS="$(printf '\t')" read -r index bytes percent; do
      remember "$database" "$index" "$bytes" "$percent" none
      [ "${percent%.*}" -lt "$reindex_percent" ] || rebuild "$database" "$index" "$bytes" "$percent"
    done <"$work/bloated"
    say "$database: $(grep -c . "$work/bloated" || :) indexes looked at"
  done <"$conf/databases"
}
