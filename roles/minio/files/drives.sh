#!/bin/sh
# Whether the drives of this host are fit: mounted, each a file system of its own, of an allowed kind, of about one size.
# Prints what is wrong and what to do; exits 0 when all is well.
#   drives.sh check PREFIX COUNT KIND,KIND…
set -u
LC_ALL=C
export LC_ALL
prefix=$2
count=$3
kinds=,$4,
fail() { printf '%s\n' "$*"; exit 1; }

root=$(stat -c %d /) || exit 1
seen=' '
least=
most=
n=0
while [ "$n" -lt "$count" ]; do
  n=$((n + 1))
  drive=$prefix$n
  [ -d "$drive" ] || fail "$drive is not there: mount a drive of its own there (module mount, or /etc/fstab with nofail)"
  device=$(stat -c %d "$drive") || exit 1
  [ "$device" != "$root" ] || fail "$drive is on the root file system: mount a drive of its own there"
  [ "$device" != "$(stat -c %d "$drive/..")" ] || fail "$drive is no mount point: mount a drive of its own there"
  case $seen in *" $device "*) fail "$drive is on the same file system as another drive: each needs one of its own" ;; esac
  seen="$seen$device "
  kind=$(awk -v d="$drive" '$2 == d { kind = $3 } END { print kind }' /proc/self/mounts)
  case $kinds in *",$kind,"*) ;; *) fail "$drive is $kind, not one of ${4}: make it anew, or allow it with minio_filesystems" ;; esac
  size=$(df -Pk "$drive" | awk 'NR == 2 { print $2 }')
  [ -n "$least" ] && [ "$least" -le "$size" ] || least=$size
  [ -n "$most" ] && [ "$most" -ge "$size" ] || most=$size
done
# Every drive is used as if it were the smallest.
[ $((most - least)) -le $((most / 20)) ] || fail "drives are of different sizes ($least and $most KiB): the room above the smallest would be lost; give all the same"
