# shellcheck shell=sh disable=SC2154 # sourced by care-postgres-maintenance
# Partitions of the declared sets: pg_partman makes the ones to come; those past their retention are dumped, counted and
# detached here, because pg_partman can't wait for a dump.

create_ahead() {
  sql "$1" -v t="$2" <<'SQL'
SELECT partman.run_maintenance(:'t', p_analyze := false, p_jobmon := false);
-- pg_partman leaves what it makes to whoever calls it.
SELECT format('ALTER TABLE %s OWNER TO %s', c.oid::regclass, p.relowner::regrole)
FROM pg_class p, pg_partition_tree(p.oid) x JOIN pg_class c ON c.oid = x.relid WHERE p.oid = :'t'::regclass AND c.relowner <> p.relowner \gexec
SQL
}

# Rows that no partition took, and how many partitions are ahead of the newest row or of now, whichever is later.
look_after() {
  sql "$1" -v t="$2" <<'SQL' >"$work/look" || return 1
SELECT format('SELECT count(*) FROM %s', (SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
  WHERE inhparent = :'t'::regclass AND pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT')) \gexec
SELECT count(*) FROM partman.show_partitions(:'t') p,
  LATERAL partman.show_partition_info(format('%I.%I', p.partition_schemaname, p.partition_tablename), p_parent_table := :'t') i
WHERE i.child_start_time > now();
SQL
  rows=$(sed -n 1p "$work/look")
  ahead=$(sed -n 2p "$work/look")
  metric "care_postgres_default_partition_rows{datname=\"$1\",table=\"$2\"} $rows"
  metric "care_postgres_partitions_ahead{datname=\"$1\",table=\"$2\"} $ahead"
  [ "$rows" = 0 ] || complain "$1 $2: $rows rows are in the default partition: CALL partman.partition_data_proc('$2')"
  [ "$ahead" -ge "$3" ] || complain "$1 $2: only $ahead partitions ahead of now, $3 wanted"
  say "$1 $2: $ahead partitions ahead"
}

expired() {
  sql "$1" -v t="$2" -v keep="$3" <<'SQL'
SELECT format('%I.%I', p.partition_schemaname, p.partition_tablename), p.partition_schemaname || '.' || p.partition_tablename,
  pg_get_expr(c.relpartbound, c.oid)
FROM partman.show_partitions(:'t', 'ASC') p
JOIN pg_class c ON c.oid = format('%I.%I', p.partition_schemaname, p.partition_tablename)::regclass,
  LATERAL partman.show_partition_info(format('%I.%I', p.partition_schemaname, p.partition_tablename), p_parent_table := :'t') i
WHERE i.child_end_time < now() - :'keep'::interval;
SQL
}

count_rows() { echo "SELECT count(*) FROM $2" | sql "$1"; }

# The dump is believed only when it gives back as many rows as were counted.
dump() {
  mkdir -p "$archive_dir/$1" || return 1
  file=$archive_dir/$1/$3-$(date -u +%Y%m%dT%H%M%SZ).dump
  "$bin_dir/pg_dump" -Fc -d "$1" -t "$2" -f "$file.partial" || return 1
  "$bin_dir/pg_restore" -a -f - "$file.partial" | awk '/^COPY .* FROM stdin;$/ { on = 1; next } $0 == "\\." { on = 0 } on { n++ } END { print n + 0 }' >"$work/dumped" || return 1
  [ "$(cat "$work/dumped")" = "$4" ] || { echo "the dump of $2 has $(cat "$work/dumped") rows, the table $4" >&2; rm -f "$file.partial"; return 1; }
  sync "$file.partial" && mv "$file.partial" "$file" || return 1
  sum=$(sha256sum "$file" | cut -d ' ' -f 1)
  printf '%s  %s\n' "$sum" "${file##*/}" >"$file.sha256"
  if [ -n "$archive_hook" ]; then "$archive_hook" "$file" "$sum" || return 1; fi
  # The partition is still there, so what an earlier try dumped is worth nothing.
  find "$archive_dir/$1" -maxdepth 1 -name "$3-*.dump*" ! -name "${file##*/}*" -exec rm -f {} +
}

remember() {
  sql postgres -v d="$1" -v parent="$2" -v part="$3" -v b="$4" -v n="$5" -v h="$host" -v f="$6" -v s="$7" -v st="$8" <<'SQL'
UPDATE care_maintenance.archives SET state = 'superseded' WHERE database = :'d' AND partition = :'part' AND state IN ('detached', 'dropped') AND :'st' = 'dumped';
WITH known AS (
  UPDATE care_maintenance.archives SET state = :'st', row_count = :'n', file = coalesce(nullif(:'f', ''), file), sha256 = coalesce(nullif(:'s', ''), sha256), host = :'h'
  WHERE database = :'d' AND partition = :'part' AND state = 'dumped' RETURNING 1
)
INSERT INTO care_maintenance.archives (database, parent, partition, bounds, row_count, host, file, sha256, state)
SELECT :'d', :'parent', :'part', :'b', :'n', :'h', nullif(:'f', ''), nullif(:'s', ''), :'st' WHERE NOT EXISTS (SELECT FROM known);
SQL
}

# Nobody may write to it between the count and the end: SHARE on the partition alone, then the parent for a moment.
let_go() {
  # shellcheck disable=SC2016 # psql's
  sql "$1" -v parent="$2" -v part="$3" -v rows="$4" -v drop="$5" <<'SQL'
BEGIN;
SELECT format('LOCK TABLE %s IN SHARE MODE', :'part'::regclass) \gexec
SELECT count(*) = :'rows'::bigint AS same FROM :part \gset
\if :same
SELECT format('ALTER TABLE %s DETACH PARTITION %s', :'parent'::regclass, :'part'::regclass) \gexec
\if :drop
SELECT format('DROP TABLE %s', :'part'::regclass) \gexec
\endif
COMMIT;
\else
ROLLBACK;
DO $$ BEGIN RAISE 'its rows changed while it was dumped'; END $$;
\endif
SQL
}

retire() {
  while IFS="$(printf '\t')" read -r part name bounds; do
    rows=$(count_rows "$1" "$part") || { complain "$1 $part: can't be counted"; continue; }
    file=
    sum=
    if [ "$4" = archive ]; then
      dump "$1" "$part" "$name" "$rows" 2>"$work/error" || { complain "$1 $part: not archived, so not detached: $(tail -n 1 "$work/error")"; continue; }
    fi
    remember "$1" "$2" "$name" "$bounds" "$rows" "$file" "$sum" dumped || { complain "$1 $part: could not be recorded"; continue; }
    drop=on
    became=dropped
    if [ "$4" = keep ]; then drop=off became=detached; fi
    if patiently let_go "$1" "$2" "$part" "$rows" "$drop" >"$work/out" 2>"$work/error"; then
      remember "$1" "$2" "$name" "$bounds" "$rows" "$file" "$sum" "$became" || complain "$1 $part: $became, but not recorded"
      say "$1 $part: $rows rows, $became${file:+, archived in $file}"
    else
      complain "$1 $part: $(grep -m 1 . "$work/error")"
    fi
  done
}

run_job() {
  while IFS="$(printf '\t')" read -r database table premake retention action; do
    [ -n "$database" ] || continue
    if ! patiently create_ahead "$database" "$table" >"$work/out" 2>"$work/error"; then
      complain "$database $table: $(grep -m 1 . "$work/error")"
      continue
    fi
    look_after "$database" "$table" "$premake" 2>"$work/error" || complain "$database $table: $(tail -n 1 "$work/error")"
    [ "$retention" != - ] || continue
    expired "$database" "$table" "$retention" >"$work/expired" 2>"$work/error" || { complain "$database $table: $(tail -n 1 "$work/error")"; continue; }
    retire "$database" "$table" "$retention" "$action" <"$work/expired"
  done <"$conf/partitions"
}
