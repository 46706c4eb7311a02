#!/bin/sh
# How far the other control planes are from this one, and which heartbeat its etcd is configured with. `NAME ADDRESS` a line on standard input.
# Prints JSON: {"round_trips":{"k2":0.4},"heartbeat_ms":100}; who does not answer is left out, and 0 says that there is no etcd here yet.
set -u
umask 077
LC_ALL=C
# Those that begin with CARE_ are for tests.
PATH=${CARE_ROUND_TRIPS_PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export LC_ALL PATH
config=${CARE_ROUND_TRIPS_CONFIG:-/etc/kubernetes/kubeadm/cluster.yaml}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# Averages: etcd's documentation asks for the largest of them. All at once, a second in all, and four where somebody does not answer.
while read -r name address; do
  [ -n "$name" ] || continue
  timeout 10 ping -q -n -c 5 -i 0.2 -w 4 "$address" >"$work/$name" 2>/dev/null </dev/null &
done
wait
trips=
for file in "$work"/*; do
  [ -f "$file" ] || continue
  # rtt min/avg/max/mdev = 0.031/0.042/0.055/0.008 ms
  average=$(sed -n 's|^rtt [a-z/]* = [0-9.]*/\([0-9.]*\)/.* ms.*|\1|p' "$file")
  if [ -n "$average" ]; then trips="$trips${trips:+,}\"${file##*/}\":$average"; fi
done
heartbeat=$(sed -n 's/^ *- { name: heartbeat-interval, value: "\([0-9]*\)" }.*/\1/p' "$config" 2>/dev/null)
printf '{"round_trips":{%s},"heartbeat_ms":%s}\n' "$trips" "${heartbeat:-0}"
