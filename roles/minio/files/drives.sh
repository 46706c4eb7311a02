#!/bin/sh
# Whether what the store of this host stands on is fit. Prints what is wrong and what to do; exits 0 when all is well.
#   drives.sh check PREFIX KIND,KIND… FIRST-LAST…   the drives, a range a pool: mounted, each a file system of its own, of an
#                                                   allowed kind, those of a pool of about one size
#   drives.sh key                                   whether the key whose id comes on standard input is the one that the store
#                                                   was made with; `none` for no key
set -u
LC_ALL=C
export LC_ALL
fail() { printf '%s\n' "$*"; exit 1; }

if [ "$1" = key ]; then
  IFS= read -r id || [ -n "$id" ] || fail 'no id on standard input'
  had=$(cat /etc/minio/kms.id 2>/dev/null) || had=
  [ -z "$had" ] || [ "$had" = "$id" ] || {
    [ "$id" != none ] || fail 'the store has a key (/etc/minio/kms.id), and minio_kms_key is empty: without it nothing that is encrypted can be read. Take it back from the history of the inventory'
    fail 'minio_kms_key, or minio_kms_key_name, is another one than the store was made with: no object could be read. Take the old one back from the history of the inventory'
  }
  exit 0
fi

prefix=$2
kinds=,$3,
allowed=$3
shift 3
root=$(stat -c %d /) || exit 1
seen=' '
for range in "$@"; do
  least=
  most=
  n=${range%-*}
  while [ "$n" -le "${range#*-}" ]; do
    drive=$prefix$n
    n=$((n + 1))
    [ -d "$drive" ] || fail "$drive is not there: mount a drive of its own there (module mount, or /etc/fstab with nofail)"
    device=$(stat -c %d "$drive") || exit 1
    [ "$device" != "$root" ] || fail "$drive is on the root file system: mount a drive of its own there"
    [ "$device" != "$(stat -c %d "$drive/..")" ] || fail "$drive is no mount point: mount a drive of its own there"
    case $seen in *" $device "*) fail "$drive is on the same file system as another drive: each needs one of its own" ;; esac
    seen="$seen$device "
    kind=$(awk -v d="$drive" '$2 == d { kind = $3 } END { print kind }' /proc/self/mounts)
    case $kinds in *",$kind,"*) ;; *) fail "$drive is $kind, not one of $allowed: make it anew, or allow it with minio_filesystems" ;; esac
    size=$(df -Pk "$drive" | awk 'NR == 2 { print $2 }')
    [ -n "$least" ] && [ "$least" -le "$size" ] || least=$size
    [ -n "$most" ] && [ "$most" -ge "$size" ] || most=$size
  done
  # Every drive of a pool is used as if it were the smallest.
  [ $((most - least)) -le $((most / 20)) ] || fail "drives $range are of different sizes ($least and $most KiB): the room above the smallest would be lost; give all the same"
done
