# shellcheck shell=sh disable=SC2154 # sourced by care-postgres-maintenance
# Nightly VACUUM (ANALYZE) of the declared hot tables. TRUNCATE FALSE: giving the empty end of a table back needs an
# exclusive lock. SKIP_LOCKED is not used: it would skip in silence.
vacuum_table() {
  sql "$1" -v t="$2" <<'SQL'
SELECT format('VACUUM (ANALYZE, TRUNCATE FALSE) %s', :'t'::regclass) \gexec
SQL
}

run_job() {
  while IFS="$(printf '\t')" read -r database table; do
    [ -n "$database" ] || continue
    there=$(sql "$database" -v t="$table" <<'SQL'
SELECT to_regclass(:'t') IS NOT NULL;
SQL
    ) || { complain "$database does not answer"; continue; }
    if [ "$there" != t ]; then say "$database $table: not there (yet)"; continue; fi
    if patiently vacuum_table "$database" "$table" 2>"$work/error"; then
      say "$database $table: vacuumed and analyzed"
    else
      complain "$database $table: $(tail -n 1 "$work/error")"
    fi
  done <"$conf/hot_tables"
}
