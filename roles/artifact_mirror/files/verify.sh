#!/bin/sh
# Tries the mirror of this host as its clients do. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh ADDRESS PORT DIRECTORY
set -u
LC_ALL=C
export LC_ALL
umask 077
pki=/etc/care-provision/pki
base=https://$1:$2
directory=$3
work=$(mktemp -d "${TMPDIR:-/var/tmp}/mirror-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
# get PATH: the status; what came is in $work/body
get() { curl -q -s -m 60 --noproxy '*' --cacert "$pki/ca.crt" --cert "$pki/host.crt" --key "$pki/host.key" -o "$work/body" -w '%{http_code}' "$base$1"; }

found=0
for file in "$directory"/sha256/??/????????????????????????????????????????????????????????????????; do
  [ -f "$file" ] || continue
  found=$((found + 1))
  digest=${file##*/}
  code=$(get "/sha256/$(printf '%.2s' "$digest")/$digest")
  [ "$code" = 200 ] || fail "$digest: the mirror answers $code"
  sum=$(sha256sum <"$work/body")
  [ "${sum%% *}" = "$digest" ] || fail "$digest: the mirror gives another file"
done

none=0000000000000000000000000000000000000000000000000000000000000000
code=$(get "/sha256/00/$none")
[ "$code" = 404 ] || fail "a file that is not there: the mirror answers $code, not 404"
for path in / /sha256/ /sha256/00/ /etc/passwd /sha256/00/../../../../etc/passwd /sha256/00/..%2f..%2f..%2f..%2fetc%2fpasswd; do
  code=$(curl -q -s -m 60 --noproxy '*' --path-as-is --cacert "$pki/ca.crt" --cert "$pki/host.crt" --key "$pki/host.key" -o "$work/body" -w '%{http_code}' "$base$path")
  case $code in 400 | 404) ;; *) fail "$path: the mirror answers $code, not 404" ;; esac
done
code=$(curl -q -s -m 60 --noproxy '*' -X PUT --data x --cacert "$pki/ca.crt" --cert "$pki/host.crt" --key "$pki/host.key" -o /dev/null -w '%{http_code}' "$base/sha256/00/$none")
[ "$code" = 403 ] || [ "$code" = 405 ] || fail "PUT: the mirror answers $code, not 403"
code=$(curl -q -s -m 60 --noproxy '*' --cacert "$pki/ca.crt" -o /dev/null -w '%{http_code}' "$base/sha256/00/$none")
[ "$code" = 400 ] || [ "$code" = 000 ] || fail "without a certificate: the mirror answers $code, not 400"
code=$(curl -q -s -m 60 --noproxy '*' -o /dev/null -w '%{http_code}' "http://$1:$2/sha256/00/$none")
[ "$code" = 400 ] || [ "$code" = 000 ] || fail "plain http: the mirror answers $code, not 400"
printf '%s files\n' "$found"
