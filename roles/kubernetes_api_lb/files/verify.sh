#!/bin/sh
# Tries the balancer as a node does. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh NAME PORT CONTROL-PLANES
set -u
LC_ALL=C
export LC_ALL
fail() { printf '%s\n' "$*"; exit 1; }
ca=/etc/kubernetes/pki/ca.crt
[ -f "$ca" ] || fail "$ca is not there: this host has not joined"
getent hosts "$1" >/dev/null || fail "$1 has no address"
said=$(curl -sS -m 10 --cacert "$ca" "https://$1:$2/readyz" 2>&1) || fail "https://$1:$2/readyz: $said"
[ "$said" = ok ] || fail "https://$1:$2/readyz says: $said"
if curl -s -m 10 -o /dev/null "https://$1:$2/readyz"; then fail 'the certificate is taken without the CA of the cluster'; fi
# Names of servers, one a line, that are up, by HAProxy's own word.
up=$(printf 'show stat\n' | socat -t 5 - UNIX-CONNECT:/run/care-kubernetes-api-lb/admin.sock 2>/dev/null | awk -F , '$1 == "control_planes" && $2 != "BACKEND" && $18 == "UP"' | grep -c .)
[ "$up" -eq "$3" ] || fail "$up of $3 control planes are up for the balancer"
exit 0
