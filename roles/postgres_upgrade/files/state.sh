#!/bin/sh
# state.sh CLUSTER CONFIG: what this member knows of a major upgrade, and which data Patroni runs on. Reads only; prints one JSON object.
set -u
LC_ALL=C
export LC_ALL
here=/var/lib/postgres-upgrade
recall() { [ ! -f "$here/$1" ] || sed -n "s/^$2=//p" "$here/$1" | tail -n 1; }
if [ -f "$here/state" ]; then
  from=$(recall settings FROM)
  data=$(recall settings OLD)
else
  data=$(python3 -c 'import sys
from patroni.config import Config
print(Config(sys.argv[1], None)["postgresql"]["data_dir"])' "$2" 2>/dev/null)
  from=$(head -n 1 "$data/PG_VERSION" 2>/dev/null)
fi
printf '{"stage":"%s","role":"%s","from":%s,"to":%s,"data_dir":"%s","method":"%s","rollback":"%s","complete":"%s","new_started":"%s","following":"%s","drained":"%s"}\n' \
  "$(recall state stage)" "$(recall state role)" "${from:-0}" "$([ -f "$here/state" ] && recall settings TO || echo 0)" "$data" \
  "$(recall settings METHOD)" "$(recall settings ROLLBACK)" "$(recall state complete)" "$(recall state new_started)" "$(recall state following)" "$(recall state drained)"
