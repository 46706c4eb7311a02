#!/bin/sh
# Tries the backups as those do who will need them. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh archive SECONDS PORT               on the leader: a WAL file switched now arrives within so many seconds
#   verify.sh check STANZA                       pgbackrest check: this host reaches what it must, and WAL arrives
#   verify.sh refused STANZA REPOSITORY          the repository's server refuses certificates that are not the backups' own
#   verify.sh ages STANZA REPOSITORY ANY FULL    the newest backup, and the newest full one, are at most so many hours old
#   verify.sh encrypted DIRECTORY                every file of the repository is encrypted, and the canary is nowhere to be read
#   verify.sh replica DIRECTORY REPOSITORY       the newest backup was taken from a replica
#   verify.sh proof DIRECTORY REPOSITORY HOURS RUN   the newest backup was restored; RUN yes: now, when it was not
#   verify.sh problems                           what care-postgres-backup-status says
set -u
LC_ALL=C
export LC_ALL
cd /
work=$(mktemp -d "${TMPDIR:-/var/tmp}/backup-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
as_postgres() { runuser -u postgres -- "$@"; }
sql() { as_postgres psql -XAtq -v ON_ERROR_STOP=1 -p "$port" -d postgres -c "$1" 2>"$work/error" || fail "the leader: $(tail -n 3 "$work/error")"; }

archive() {
  port=$2
  # A text that would be read in a repository that is not encrypted; and something to be archived.
  sql "SELECT pg_logical_emit_message(true, 'care-provision', 'care-provision-canary-row')" >/dev/null
  file=$(sql 'SELECT pg_walfile_name(pg_current_wal_lsn())')
  sql 'SELECT pg_switch_wal()' >/dev/null
  end=$(( $(date +%s) + $1 ))
  # Names of one timeline sort by their age.
  until [ "$(sql "SELECT coalesce(last_archived_wal, '') COLLATE \"C\" >= '$file' FROM pg_stat_archiver")" = t ]; do
    [ "$(date +%s)" -lt "$end" ] || fail "WAL file $file was not archived within $1 seconds: $(sql "SELECT 'last ' || coalesce(last_archived_wal, '-') || ', failed ' || failed_count || ' times, last ' || coalesce(last_failed_wal, '-') FROM pg_stat_archiver")"
    sleep 1
  done
}

check() {
  as_postgres pgbackrest --stanza="$1" --log-level-console=error check >"$work/error" 2>&1 || fail "pgbackrest check: $(tail -n 5 "$work/error")"
}

refused() {
  # As root: it may read the site's key.
  ask() { timeout 120 pgbackrest --stanza="$stanza" --repo="$repository" --log-level-console=error --log-level-file=off "--repo$repository-host-cert-file=$1.crt" "--repo$repository-host-key-file=$1.key" repo-ls >"$work/error" 2>&1; }
  stanza=$1
  repository=$2
  # As root, pgBackRest wants keys that nobody else may read.
  for pair in own:/etc/pgbackrest/pki/host site:/etc/care-provision/pki/host; do
    [ ! -f "${pair#*:}.crt" ] || { cp "${pair#*:}.crt" "$work/${pair%%:*}.crt" && (umask 077 && cat "${pair#*:}.key" >"$work/${pair%%:*}.key"); } || fail "${pair#*:} can't be read"
  done
  ask "$work/own" || fail "the backups' own certificate is refused: $(grep ERROR "$work/error")"
  # Of a CA of its own making, with a name that is known there.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=$(hostname)" -keyout "$work/other.key" -out "$work/other.crt" 2>/dev/null || fail 'openssl makes no certificate'
  for certificate in "$work/other" "$work/site"; do
    [ -f "$certificate.crt" ] || continue
    if ask "$certificate"; then fail "repository $repository lets a certificate of another CA in (${certificate##*/})"; fi
    grep -Eqi 'access denied|alert|unexpected eof|ServiceError|ProtocolError' "$work/error" || fail "repository $repository does not refuse a certificate of another CA (${certificate##*/}), something else is wrong: $(tail -n 3 "$work/error")"
  done
}

ages() {
  as_postgres pgbackrest --stanza="$1" --repo="$2" --output=json info 2>"$work/error" | tr '\000-\037' ' ' >"$work/info"
  for wish in "any $3" "full $4"; do
    type=${wish% *}
    hours=${wish#* }
    newest=$(jq -r --arg type "$type" '[.[0].backup[]? | select(.error != true and ($type == "any" or .type == $type)) | .timestamp.stop] | max // 0' "$work/info") || fail "pgbackrest info: $(cat "$work/error" "$work/info" | head -n 3)"
    [ "$newest" -gt 0 ] || fail "repository $2 has no $type backup"
    [ $(( $(date +%s) - newest )) -le $(( hours * 3600 )) ] || fail "the newest $type backup of repository $2 is of $(date -d "@$newest"), older than $hours hours"
  done
}

encrypted() {
  [ -d "$1" ] || fail "there is no repository $1"
  count=0
  find "$1" -type f >"$work/files"
  while IFS= read -r file; do
    count=$(( count + 1 ))
    case $file in
      # Many files in one, or the changed blocks of a large one, without a mark of the encryption: then nothing compressed may begin
      # in it (zst, lz4, gz, bz2).
      */bundle/* | *.pgbi) [ "$(grep -cPa '\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|\x1f\x8b\x08\x00|BZh[1-9]1AY&SY' "$file" 2>/dev/null)" -lt 3 ] || fail "$file is not encrypted" ;;
      # What OpenSSL's and pgBackRest's encryption begins with. A file may go meanwhile (expiry).
      *) [ "$(head -c 8 "$file" 2>/dev/null)" = Salted__ ] || [ ! -e "$file" ] || fail "$file is not encrypted" ;;
    esac
  done <"$work/files"
  [ "$count" -gt 3 ] || fail "$1 holds only $count files"
  found=$(grep -rlaF care-provision-canary-row "$1" | head -n 1)
  [ -z "$found" ] || fail "the canary can be read in $found"
}

replica() {
  cat "$1"/last-full-"$2".json "$1"/last-diff-"$2".json "$1"/last-incr-"$2".json 2>/dev/null | jq -se 'map(select(.exit_status == 0)) | max_by(.stop) | .from_replica' >/dev/null || fail "the newest backup of repository $2 was not taken from a replica: $(cat "$1"/last-*-"$2".json 2>/dev/null | jq -c 'del(.error)' | tr '\n' ' ')"
}

proof() {
  file=$1/restore-proof-$2.json
  young() { [ "$(jq -r 'if .ok then .verified else 0 end' "$file" 2>/dev/null || echo 0)" -gt $(( $(date +%s) - $1 * 3600 )) ]; }
  young "$3" || [ "$4" != yes ] || systemctl start care-postgres-restore-proof.service 2>/dev/null || :
  young "$3" || fail "the newest backup of repository $2 was not restored within $3 hours: $(jq -r '.error // "the last proof is too old"' "$file" 2>/dev/null || echo 'never tried')"
}

problems() {
  care-postgres-backup-status >"$work/status" || fail 'care-postgres-backup-status fails'
  jq -e '.problems == []' "$work/status" >/dev/null || fail "$(jq -r '.problems[]' "$work/status")"
}

what=$1
shift
case $what in
  archive | check | refused | ages | encrypted | replica | proof | problems) "$what" "$@" ;;
  *) fail "unknown check $what" ;;
esac
exit 0
