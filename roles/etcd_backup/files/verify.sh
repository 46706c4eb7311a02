#!/bin/sh
# Looks at the backups of this control plane, takes one more, which tries a restore, and asks the object storage for that one. Prints what is
# wrong; exits 0 when all is well.
#   verify.sh DIR HOURS [NAME]     NAME: of the copies in object storage, as care-s3-copy knows them
set -u
LC_ALL=C
export LC_ALL
fail() { printf '%s\n' "$*"; exit 1; }
cd "$1" || fail "$1 is not there"
[ "$(stat -c %U:%a .)" = root:700 ] || fail "$1 is $(stat -c %U:%a .)"
newest=$(ls -1 -- *.tar.age 2>/dev/null | sort | tail -n 1)
[ -n "$newest" ] || fail 'there is no backup'
age=$(( ($(date +%s) - $(stat -c %Y "$newest")) / 3600 ))
[ "$age" -lt "$2" ] || fail "the newest backup, $newest, is $age hours old"
sha256sum --quiet -c "$newest.sha256" >/dev/null 2>&1 || fail "$newest is not as it was written"
if tar -tf "$newest" >/dev/null 2>&1; then fail "$newest is not encrypted"; fi
[ -z "$(find . -maxdepth 1 -type f -perm /077)" ] || fail "open to others: $(find . -maxdepth 1 -type f -perm /077 | head -n 3)"
said=$(timeout 2400 /usr/local/sbin/care-kubernetes-backup 2>&1) || fail "another backup can't be taken: $said"
systemctl is-active --quiet care-kubernetes-backup.timer || fail 'the timer does not run'
[ "$#" -lt 3 ] || said=$(timeout 2400 /usr/local/sbin/care-s3-copy verify "$3" "$2" 2>&1) || fail "$said"
exit 0
