#!/bin/sh
# packages.sh VERSION [NEXT]: which packages a member of PostgreSQL VERSION runs, which of them are held, and which the host's sources
# have a newer version of, and what they are called for PostgreSQL NEXT. Reads only; prints one JSON object.
set -u
LC_ALL=C
export LC_ALL
version=$1
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Installed packages of the server, its extensions and clients, and of Patroni.
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null |
  sed -n 's/^[hi]i  *//p' |
  grep -E "^(postgresql(-client|-pl[a-z0-9]+)?-$version(-.*)?|patroni|libpq5|python3-psycopg2?)\$" | sort -u)
case "
$installed
" in *"
postgresql-$version
"*) ;; *) fail "package postgresql-$version is not installed" ;; esac

held=$(apt-mark showhold 2>/dev/null | sed 's/:.*//' | sort -u)
# Word splitting is meant: names of packages hold no blanks.
# shellcheck disable=SC2086
plan=$(apt-get -s -qq -o Debug::NoLocking=1 --allow-change-held-packages --only-upgrade install $installed 2>&1) || fail "apt-get: $plan"

has() { printf '%s\n' "$2" | grep -Fqx -- "$1"; }
list() { sed '/^$/d;s/.*/"&"/' | paste -sd, -; }
each() { printf '%s\n' "$installed" | while read -r name; do if has "$name" "$held"; then [ "$1" = free ] || printf '%s\n' "$name"; else [ "$1" = held ] || printf '%s\n' "$name"; fi; done | list; }
upgradable=$(printf '%s\n' "$plan" | sed -n 's/^Inst \([^ ]*\) \[\([^]]*\)\] (\([^ ]*\) .*/\1 \2 \3/p' | while read -r name from to; do
  has "$name" "$installed" || continue
  printf '{"name":"%s","from":"%s","to":"%s","held":%s}\n' "$name" "$from" "$to" "$(if has "$name" "$held"; then echo true; else echo false; fi)"
done | paste -sd, -)
# What the member's processes run: not the programs for people.
running=$(printf '%s\n' "$installed" | grep -v '^postgresql-client-')
successors=$(printf '%s\n' "$installed" | sed -n "s/^\\(postgresql\\(-client\\|-pl[a-z0-9]*\\)\\{0,1\\}\\)-$version/\\1-${2-$version}/p")
printf '{"successors":[%s],"installed":[%s],"running":[%s],"free":[%s],"held":[%s],"upgradable":[%s]}\n' "$(printf '%s\n' "$successors" | list)" "$(printf '%s\n' "$installed" | list)" "$(printf '%s\n' "$running" | list)" "$(each free)" "$(each held)" "$upgradable"
