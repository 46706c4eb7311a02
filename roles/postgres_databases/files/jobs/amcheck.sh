# shellcheck shell=sh disable=SC2154 # sourced by care-postgres-maintenance
# Monthly pg_amcheck of every declared database: heap pages and, by --heapallindexed, that every row is in its B-trees.
# Takes no lock that readers or writers wait for.
run_job() {
  while read -r database; do
    [ -n "$database" ] || continue
    if "$bin_dir/pg_amcheck" --heapallindexed -d "$database" >"$work/amcheck" 2>&1; then
      say "$database: no corruption found"
      metric "care_postgres_corruptions{datname=\"$database\"} 0"
    else
      complain "$database: $(head -n 20 "$work/amcheck" | tr '\n' ' ')"
      metric "care_postgres_corruptions{datname=\"$database\"} $(grep -c . "$work/amcheck")"
    fi
  done <"$conf/databases"
}
