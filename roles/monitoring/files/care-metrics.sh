# Managed by care-provision, role monitoring. Common to care-host-metrics and care-service-metrics, which read it: a file for node_exporter's
# textfile collector, whole or not at all.
set -u
LC_ALL=C
export LC_ALL
umask 022
# begin DIRECTORY NAME: DIRECTORY/NAME.prom is being written
begin() {
  directory=${1:?a directory} target=$2
  out=$(mktemp "$directory/.$target.XXXXXX") || exit 1
  trap 'rm -f "$out"' EXIT
  trap 'exit 1' HUP INT TERM
}
finish() { chmod 0644 "$out" && mv -f "$out" "$directory/$target.prom"; }
say() { printf '%s\n' "$*" >>"$out"; }
# word TEXT: as the value of a label
word() { printf '%s' "$1" | tr -d '\n' | sed 's/\\/\\\\/g; s/"/\\"/g'; }
# certificate NAME: one in PEM on standard input, into the calendar
certificate() {
  name=$(word "$1")
  if dates=$(openssl x509 -noout -startdate -enddate 2>/dev/null); then
    say "care_certificate_readable{name=\"$name\"} 1"
    say "care_certificate_start_timestamp_seconds{name=\"$name\"} $(date -d "$(printf '%s\n' "$dates" | sed -n 's/^notBefore=//p')" +%s)"
    say "care_certificate_end_timestamp_seconds{name=\"$name\"} $(date -d "$(printf '%s\n' "$dates" | sed -n 's/^notAfter=//p')" +%s)"
  else
    say "care_certificate_readable{name=\"$name\"} 0"
  fi
}
