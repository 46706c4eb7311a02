#!/bin/sh
# Tries the databases as their users do. Prints what is wrong; exits 0 when all is as it should be; on a replica only the timers
# are looked at.
# What to try comes on standard input, a line each, fields separated by tabs: passwords are in no argument list.
#   verify.sh matrix           DATABASE JSON: every role against every object and verb, by matrix.sql
#   verify.sh powers           ROLE: nobody else is a superuser
#   verify.sh logins           ROLE DATABASE PASSWORD: the right password is taken, a wrong one refused, no superuser over TCP
#   verify.sh audit UNIT       DATABASE ROLE PASSWORD READER: DDL, GRANT and a write give one line each, with that role
#   verify.sh rows             DATABASE ROLE TABLE CONDITION [NAME=VALUE…]: it sees no row that does not satisfy the condition
#   verify.sh partitions       DATABASE TABLE COLUMN PREMAKE
#   verify.sh jobs HOURS       JOB PERIOD
# BIN_DIR and PGPORT are in the environment.
set -u
LC_ALL=C
export LC_ALL PGHOST=/var/run/postgresql PGCONNECT_TIMEOUT=10
tab=$(printf '\t')
work=$(mktemp -d "${TMPDIR:-/var/tmp}/postgres-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chown postgres "$work"
cat >"$work/input"
trouble=no
bad() { printf '%s\n' "$*"; trouble=yes; }
# sql DATABASE [options]: as the superuser, by peer; statements on stdin
sql() {
  sql_target=$1
  shift
  runuser -u postgres -- "$BIN_DIR/psql" -XqAt -F "$tab" -v ON_ERROR_STOP=1 -d "$sql_target" "$@"
}
# login ROLE DATABASE PASSWORD: with a password, over the socket; statements on stdin
login() { PGPASSWORD=$3 runuser -u postgres -- "$BIN_DIR/psql" -XqAt -v ON_ERROR_STOP=1 -U "$1" -d "$2"; }
last() { tail -n 1 "$work/error"; }

matrix() {
  while IFS="$tab" read -r database json; do
    [ -n "$database" ] || continue
    printf '%s\n' "$json" >"$work/declared"
    chmod 0644 "$work/declared"
    # shellcheck disable=SC2016 # psql's backticks
    { printf '\\set declared `cat %s`\n' "$work/declared"; cat /usr/local/lib/care-postgres/matrix.sql; } | sql "$database" >"$work/cells" 2>"$work/error" || { bad "$database: $(last)"; continue; }
    grep '^cells [1-9]' "$work/cells" >/dev/null || bad "$database: nothing was compared"
    grep -v '^cells ' "$work/cells" >"$work/wrong" && bad "$database: $(cat "$work/wrong")"
  done <"$work/input"
}

powers() {
  echo 'SELECT rolname FROM pg_roles WHERE rolsuper' | sql postgres >"$work/supers" 2>"$work/error" || { bad "$(last)"; return; }
  while read -r role; do
    grep -Fx -- "$role" "$work/input" >/dev/null || bad "$role is a superuser, and nobody declared it"
  done <"$work/supers"
}

logins() {
  while IFS="$tab" read -r role database password; do
    [ -n "$role" ] || continue
    if echo 'SELECT 1' | login "$role" "$database" "not-$password" >/dev/null 2>"$work/error"; then bad "$role gets in with a wrong password"
    else grep 'password authentication failed' "$work/error" >/dev/null || bad "$role with a wrong password: $(last)"; fi
    echo 'SELECT 1' | login "$role" "$database" "$password" >/dev/null 2>"$work/error" ||
      grep 'permission denied for database' "$work/error" >/dev/null || bad "$role with its password: $(last)"
  done <"$work/input"
  for role in postgres care_admin; do
    if echo 'SELECT 1' | PGHOST=127.0.0.1 PGSSLMODE=prefer login "$role" postgres nothing >/dev/null 2>"$work/error"; then bad "$role gets in over TCP"
    else grep -E 'pg_hba.conf rejects connection|no pg_hba.conf entry' "$work/error" >/dev/null || bad "$role over TCP: $(last)"; fi
  done
}

# Rolled back; what pgaudit has said stays said. The lines are known by the name of the application, since the text of
# statements may be kept out of them.
audit() {
  while IFS="$tab" read -r database role password reader; do
    [ -n "$database" ] || continue
    mark=care_verify_$(date +%s)_$$
    printf 'BEGIN;\nCREATE TABLE %s (a integer);\nGRANT SELECT ON %s TO "%s";\nINSERT INTO %s VALUES (1);\nROLLBACK;\n' "$mark" "$mark" "$reader" "$mark" |
      PGAPPNAME=$mark login "$role" "$database" "$password" >/dev/null 2>"$work/error" || { bad "$database as $role: $(last)"; continue; }
    try=0
    while :; do
      journalctl --sync 2>/dev/null
      journalctl -u "$1" --since "-2min" -o cat 2>/dev/null | grep -F " $role@$database/$mark " | grep 'AUDIT: ' >"$work/lines"
      if [ "$(grep -c . "$work/lines")" -ge 3 ] || [ "$try" -ge 10 ]; then break; fi
      try=$((try + 1))
      sleep 1
    done
    for class in 'DDL,CREATE TABLE' 'ROLE,GRANT' 'WRITE,INSERT'; do
      found=$(grep -c ",$class," "$work/lines")
      [ "$found" = 1 ] || bad "$database: $found audit lines of $role for $class, not 1"
    done
    [ "$(grep -c . "$work/lines")" = 3 ] || bad "$database: $(grep -c . "$work/lines") audit lines of $role for three statements"
  done <"$work/input"
}

rows() {
  while IFS="$tab" read -r database role table condition settings; do
    [ -n "$database" ] || continue
    there=$(printf "SELECT to_regclass(:'t') IS NOT NULL;" | sql "$database" -v t="$table" -f - 2>"$work/error") || { bad "$database: $(last)"; continue; }
    [ "$there" = t ] || { echo "$database $table: not there (yet)" >&2; continue; }
    {
      printf 'BEGIN READ ONLY;\n'
      printf '%s' "$settings" | tr '\t' '\n' | while IFS= read -r setting || [ -n "$setting" ]; do
        [ -n "$setting" ] && printf "SET LOCAL %s = '%s';\n" "${setting%%=*}" "$(printf %s "${setting#*=}" | sed "s/'/''/g")"
      done
      # The settings first: the role may not be allowed to make them.
      printf 'SET LOCAL ROLE "%s";\nSELECT count(*) FROM %s WHERE NOT coalesce((%s), false);\nROLLBACK;\n' "$role" "$table" "$condition"
    } | sql "$database" >"$work/count" 2>"$work/error" || { bad "$database $table as $role: $(last)"; continue; }
    [ "$(tail -n 1 "$work/count")" = 0 ] || bad "$database $table: $role sees $(tail -n 1 "$work/count") rows that it should not see"
  done <"$work/input"
}

partitions() {
  while IFS="$tab" read -r database table column premake; do
    [ -n "$database" ] || continue
    there=$(printf "SELECT to_regclass(:'t') IS NOT NULL;" | sql "$database" -v t="$table" -f - 2>"$work/error") || { bad "$database: $(last)"; continue; }
    [ "$there" = t ] || { echo "$database $table: not there (yet)" >&2; continue; }
    sql "$database" -v t="$table" -v c="$column" -v premake="$premake" -f - >"$work/partitions" 2>"$work/error" <<'SQL' || { bad "$database $table: $(last)"; continue; }
SELECT format('SELECT ''rows '' || count(*) FROM %s', (SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
  WHERE inhparent = :'t'::regclass AND pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')) \gexec
SELECT 'ahead ' || count(*) FROM partman.show_partitions(:'t') p,
  LATERAL partman.show_partition_info(format('%I.%I', p.partition_schemaname, p.partition_tablename), p_parent_table := :'t') i WHERE i.child_start_time > now();
SELECT format('EXPLAIN (COSTS OFF) SELECT * FROM %s WHERE %I >= %L AND %I < %L', :'t'::regclass, :'c', i.child_start_time, :'c', i.child_end_time)
FROM partman.show_partitions(:'t') p,
  LATERAL partman.show_partition_info(format('%I.%I', p.partition_schemaname, p.partition_tablename), p_parent_table := :'t') i
WHERE i.child_start_time <= now() AND i.child_end_time > now() \gexec
SQL
    grep -x 'rows 0' "$work/partitions" >/dev/null || bad "$database $table: $(grep '^rows' "$work/partitions") in the default partition"
    ahead=$(sed -n 's/^ahead //p' "$work/partitions")
    [ "${ahead:-0}" -ge "$premake" ] || bad "$database $table: ${ahead:-0} partitions ahead, $premake wanted"
    scanned=$(grep -c 'Scan.* on ' "$work/partitions")
    [ "$scanned" = 1 ] || bad "$database $table: a query of one partition's time scans $scanned"
  done <"$work/input"
}

jobs() {
  while IFS="$tab" read -r job period; do
    [ -n "$job" ] || continue
    state=$(systemctl is-active "care-postgres-$job.timer")
    [ "$state" = active ] || bad "care-postgres-$job.timer is $state"
    [ "$recovering" = f ] || continue
    result=$(sql postgres -v job="$job" -v hours="$1" -f - 2>"$work/error" <<'SQL'
SELECT CASE WHEN NOT ok THEN 'failed: ' || detail WHEN finished_at < now() - :'hours' * interval '1 hour' THEN 'last run ' || finished_at ELSE 'fine' END
FROM care_maintenance.runs WHERE job = :'job' AND finished_at IS NOT NULL ORDER BY started_at DESC LIMIT 1;
SQL
    ) || { bad "$job: $(last)"; continue; }
    case $result in
      fine) ;;
      failed*) bad "$job $result" ;;
      # Weekly and monthly jobs are as old as they are.
      *)
        [ "$period" = day ] || continue
        if [ -n "$(find "/etc/systemd/system/care-postgres-$job.timer" -mmin "+$(( $1 * 60 ))")" ]; then bad "$job has not run for $1 hours: ${result:-never}"; fi
        ;;
    esac
  done <"$work/input"
}

what=$1
shift
recovering=$(echo 'SELECT pg_is_in_recovery()' | sql postgres 2>"$work/error") || { bad "PostgreSQL does not answer: $(last)"; exit 1; }
case $what in
  jobs) jobs "$@" ;;
  matrix | powers | logins | audit | rows | partitions) [ "$recovering" = f ] || exit 0 ; "$what" "$@" ;;
  *) bad "unknown check $what" ;;
esac
[ "$trouble" = no ]
