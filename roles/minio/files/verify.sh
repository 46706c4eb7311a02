#!/bin/sh
# Tries the store as an S3 client. Prints what is wrong; exits 0 when all is as it should be.
#   verify.sh ready URL                       waits, some minutes at most, until this node can write
#   verify.sh client URL OTHER-URL USER NAME REGION KEY DRIVE…   the root password comes on standard input; NAME makes the bucket this
#                                                               host's own; KEY says whether the store encrypts (true, false)
#   verify.sh metrics URL FILE                that metrics are for whoever has the token in FILE; FILE may be `none`
#   verify.sh copied URL USER REGION BUCKET OTHER-URL OTHER-BUCKET OTHER-USER MARKERS [PREFIX]   that what is written here is read
#                                                               there. Standard input: both passwords, a line each; MARKERS: whether
#                                                               deleting is copied; PREFIX: what is copied begins so, percent-encoded
set -u
LC_ALL=C
export LC_ALL
umask 077
work=$(mktemp -d "${TMPDIR:-/var/tmp}/minio-verify-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { printf '%s\n' "$*"; exit 1; }
once() { curl -q -s -m 5 --noproxy '*' --cacert /etc/care-provision/pki/ca.crt -o "$work/body" -w '%{http_code}' "$@"; }
# Transient answers (503, or none, while nodes come up again) are asked for again, for two minutes.
plain() { curl -q -s -m 20 --retry 20 --retry-delay 2 --retry-max-time 120 --noproxy '*' --cacert /etc/care-provision/pki/ca.crt -o "$work/body" -w '%{http_code}' "$@"; }
url=$2
# A line of curl's settings for an account; a quote or a backslash in a password stays one.
account() { printf 'user = "%s:%s"\naws-sigv4 = "aws:amz:%s:s3"\n' "$1" "$(printf '%s' "$2" | sed 's/[\\"]/\\&/g')" "$3"; }

if [ "$1" = metrics ]; then
  for path in v2/metrics/cluster v2/metrics/node v2/metrics/bucket v2/metrics/resource metrics/v3 prometheus/metrics; do
    code=$(plain "$url/minio/$path")
    [ "$code" = 403 ] || fail "metrics are given without a token: $code for /minio/$path"
  done
  [ "$3" = none ] && exit 0
  { printf 'header = "Authorization: Bearer '; tr -d '\n' <"$3"; printf '"\n'; } >"$work/token" || fail "$3 can not be read"
  code=$(plain -K "$work/token" "$url/minio/v2/metrics/cluster")
  [ "$code" = 200 ] && grep -q '^minio_' "$work/body" || fail "the token in $3 opens no metrics: $code"
  exit 0
fi

if [ "$1" = copied ]; then
  IFS= read -r password || fail 'no password on standard input'
  IFS= read -r other_password || [ -n "$other_password" ] || fail 'no second password on standard input'
  account "$3" "$password" "$4" >"$work/account"
  account "$8" "$other_password" "$4" >"$work/other"
  object=${10-}care-verify/$(openssl rand -hex 16)
  openssl rand -hex 2048 >"$work/object"
  signed() { plain -K "$work/account" "$@"; }
  code=$(signed -D "$work/head" -T "$work/object" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$url/$5/$object")
  [ "$code" = 200 ] || fail "writing an object into $5: $code $(cat "$work/body")"
  version=$(sed -n 's/\r$//; s/^[Xx]-[Aa]mz-[Vv]ersion-[Ii]d: //p' "$work/head")
  tries=0
  until code=$(curl -q -s -m 20 --noproxy '*' --cacert /etc/minio/certs/CAs/ca.crt -o "$work/body" -w '%{http_code}' -K "$work/other" "$6/$7/$object") && [ "$code" = 200 ] && cmp -s "$work/body" "$work/object"; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "what was written into $5 is not read in $7 at $6 after a minute: $code; see mc replicate status, and whether the other store is up"
    sleep 1
  done
  code=$(signed -D "$work/head" -X DELETE "$url/$5/$object")
  [ "$code" = 204 ] || fail "deleting the object of $5: $code"
  marker=$(sed -n 's/\r$//; s/^[Xx]-[Aa]mz-[Vv]ersion-[Ii]d: //p' "$work/head")
  if [ "$9" = true ]; then
    tries=0
    until code=$(curl -q -s -m 20 --noproxy '*' --cacert /etc/minio/certs/CAs/ca.crt -o "$work/body" -w '%{http_code}' -K "$work/other" "$6/$7/$object") && [ "$code" = 404 ]; do
      tries=$((tries + 1))
      [ "$tries" -lt 60 ] || fail "what was deleted in $5 is still read in $7 at $6 after a minute: $code"
      sleep 1
    done
  fi
  # Nothing of it stays here; there the lifecycle takes it.
  for id in $version $marker; do
    code=$(signed -X DELETE "$url/$5/$object?versionId=$id")
    [ "$code" = 204 ] && continue
    # Object lock keeps it until its time.
    signed -I -D "$work/head" "$url/$5/$object?versionId=$id" >/dev/null
    grep -qi '^x-amz-object-lock-mode: *[a-z]' "$work/head" || fail "deleting a version of the object of $5: $code"
  done
  exit 0
fi

if [ "$1" = ready ]; then
  tries=0
  until [ "$(once "$url/minio/health/cluster")" = 200 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "$url has no write quorum after minutes: bring the other nodes or their drives back (journalctl -u care-minio there); what is there can be read by half of them, and nothing is lost"
    sleep 2
  done
  exit 0
fi

other=$3
IFS= read -r password || [ -n "$password" ] || fail 'no password on standard input'
account "$4" "$password" "$6" >"$work/account"
account "$4" "wrong-$password" "$6" >"$work/wrong"
signed() { plain -K "$work/account" "$@"; }
bucket=care-verify-$(printf '%s' "$5" | tr 'A-Z_.' 'a-z--')

code=$(plain "$url/minio/health/live")
[ "$code" = 200 ] || fail "$url is not alive: $code"
# A node that was just started may need a moment to be counted. One that stands alone can't be done without.
if [ "$other" != "$url" ]; then
  tries=0
  until code=$(once "$url/minio/health/cluster?maintenance=true") && [ "$code" = 200 ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || fail "the store could not do without this node: $code; see which nodes and drives are down"
    sleep 2
  done
fi

code=$(signed -X PUT "$url/$bucket")
case $code in 200 | 409) ;; *) fail "making bucket $bucket: $code $(cat "$work/body")" ;; esac
# A text that is on no drive in the clear, when the store encrypts, and random bytes behind it.
canary=care-canary-$(openssl rand -hex 16)
{ echo "$canary"; dd if=/dev/urandom bs=1024 count=1500 2>/dev/null; } >"$work/object"
if [ "$7" = true ]; then
  code=$(signed -T "$work/object" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -H 'x-amz-server-side-encryption: AES256' "$url/$bucket/object")
else
  code=$(signed -T "$work/object" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$url/$bucket/object")
fi
[ "$code" = 200 ] || fail "writing an object: $code $(cat "$work/body")"
if [ "$7" = true ]; then
  shift 7
  for drive in "$@"; do
    grep -rqF "$canary" "$drive/$bucket" 2>/dev/null && fail "what was written encrypted is on $drive in the clear"
  done
fi
# Read through another node: what one has taken, all have.
code=$(signed "$other/$bucket/object")
[ "$code" = 200 ] && cmp -s "$work/body" "$work/object" || fail "reading the object through $other: $code"
code=$(plain "$url/$bucket/object")
[ "$code" = 403 ] || fail "without an account the object can be read: $code"
code=$(plain -K "$work/wrong" "$url/$bucket/object")
[ "$code" = 403 ] || fail "with a wrong password the object can be read: $code"
code=$(plain "http${url#https}/$bucket/object")
[ "$code" = 400 ] || [ "$code" = 000 ] || fail "plain http is answered: $code"
code=$(signed -X DELETE "$url/$bucket/object")
[ "$code" = 204 ] || fail "deleting the object: $code"
code=$(signed "$other/$bucket/object")
[ "$code" = 404 ] || fail "the object is still there after it was deleted: $code"
code=$(signed -X DELETE "$url/$bucket")
[ "$code" = 204 ] || fail "deleting the bucket: $code"

plain --tls-max 1.1 "$url/minio/health/live" >/dev/null && fail 'TLS 1.1 is taken'
exit 0
