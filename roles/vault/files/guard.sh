#!/bin/sh
# Managed by care-provision, role vault. A member that has lost its data would join again by itself, as one who has forgotten what it
# voted for: that is refused until somebody says that it was wiped on purpose. Else notes when it was started.
#   care-vault-guard DATA-DIRECTORY STAMP
set -eu
if [ -e /etc/care-vault/member ] && [ ! -s "$1/raft/raft/raft.db" ]; then
  echo "this host was a member, and $1 is empty. If it was wiped on purpose: apply with --extra-vars vault_replace=HOST; else bring the data back" >&2
  exit 1
fi
: >"$2"
