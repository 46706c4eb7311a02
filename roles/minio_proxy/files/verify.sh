#!/bin/sh
# Tries the balancer as a client does. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh ADDRESS PORT STATS-PORT NODE…    the nodes by the names in their certificates
set -u
LC_ALL=C
export LC_ALL
fail() { printf '%s\n' "$*"; exit 1; }
at=$1
port=$2
stats=$3
shift 3

# A node is taken in at its second yes.
tries=0
while :; do
  up=0
  said=$(curl -q -s -m 5 --noproxy '*' "http://127.0.0.1:$stats/;csv") || said=
  for node in "$@"; do
    if printf '%s\n' "$said" | awk -F , -v n="$node" '$1 == "nodes" && $2 == n && $18 ~ /^UP/ { found = 1 } END { exit !found }'; then up=$((up + 1)); fi
  done
  [ "$up" -lt $# ] || break
  tries=$((tries + 1))
  [ "$tries" -lt 15 ] || fail "$up of $# nodes take connections: $(printf '%s\n' "$said" | awk -F , '$1 == "nodes" && $2 != "BACKEND" { printf "%s is %s (%s) ", $2, $18, $37 }')- see http://127.0.0.1:$stats/ on this host, and journalctl -u care-minio on the nodes"
  sleep 1
done

# Whoever is asked, the answer is a node's own, under a name that is in every node's certificate, over TLS alone.
code=$(curl -q -s -m 10 --retry 3 -o /dev/null -w '%{http_code}' --noproxy '*' --cacert /etc/haproxy/minio-ca.crt --connect-to "localhost:443:$at:$port" https://localhost/minio/health/cluster)
[ "$code" = 200 ] || fail "the store does not answer through $at:$port: $code"
code=$(curl -q -s -m 10 -o /dev/null -w '%{http_code}' --noproxy '*' "http://$at:$port/minio/health/live")
[ "$code" = 400 ] || [ "$code" = 000 ] || fail "plain http is answered: $code"
exit 0
