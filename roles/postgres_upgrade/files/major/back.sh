#!/bin/sh
# Back to the old version.
#   back.sh retreat        any member: Patroni stops, and is pointed at the old data again
#   back.sh dcs            leader: prints `forget` when the DCS may know the new version, else `resume`
#   back.sh whose          any: prints `whole` when all of the old version's data are here
#   back.sh aside          leader: data of the new version that somebody may have written to is set aside, and so are spoiled old data
#   back.sh lead forget|resume   the member whose old data count leads the old cluster; forget where the DCS knows the new one
#   back.sh follow         the others
#   back.sh clear          any: the upgrade is over; forgets it
#   back.sh commit [delete]   any: there is no way back any more; deletes the old version's data if told so
# shellcheck disable=SC1091,SC2154
. /var/lib/postgres-upgrade/lib.sh

retreat() {
  systemctl stop "$unit" || fail "$unit does not stop"
  halt "$new_bin" "$NEW"
  # What an upgrade that was killed has started: it answers elsewhere. One that never stopped serving is left alone.
  [ "$(sed -n 4p "$OLD/postmaster.pid" 2>/dev/null)" = "$PORT" ] || halt "$old_bin" "$OLD"
  if [ -f "$OLD/global/pg_control.old" ] && [ ! -f "$OLD/global/pg_control" ]; then mv "$OLD/global/pg_control.old" "$OLD/global/pg_control"; fi
  if grep -Fqx "  data_dir: $OLD" "$config/00-base.yml"; then
    rm -f "$dropin" "$unit_dropin"
    systemctl daemon-reload
  else
    # The role postgres has been applied with the new version meanwhile; it takes this back when it is applied with the old one.
    point_at "$old_bin" "$OLD"
  fi
}

# spoiled: with --link the files of both are the same, and the new version has written to them.
spoiled() { [ "$METHOD" = link ] && [ "$(recall new_started)" = yes ] && [ "$(recall role)" != replica ]; }

# dcs: what the DCS has been told. The leader alone knows.
dcs() { if [ "$(recall stage)" = stopping ] || [ "$(recall stage)" = upgrading ] && [ "$(recall new_started)" != yes ]; then say resume; else say forget; fi; }

whose() {
  [ -f "$OLD/PG_VERSION" ] || { say none; return; }
  if spoiled; then say spoiled; elif [ "$(recall role)" = replica ] && [ "$(recall complete)" != yes ]; then say part; else say whole; fi
}

aside() {
  when=$(date -u +%Y%m%dT%H%M%SZ)
  if [ "$(recall made_new)" = "$NEW" ] && [ -d "$NEW" ]; then
    if [ "$(recall new_started)" = yes ] || [ "$(recall role)" = replica ]; then mv -- "$NEW" "$NEW.rolled-back-$when"; else rm -rf -- "$NEW"; fi
  fi
  if spoiled && [ -d "$OLD" ]; then mv -- "$OLD" "$OLD.spoiled-$when"; fi
}

lead() {
  [ -f "$OLD/PG_VERSION" ] || fail "there are no data in $OLD"
  # Only what the new version has been told is forgotten: a leader that still runs would not tell it again.
  if [ "$1" = forget ]; then patroni_dcs forget || exit 1; else patroni_dcs resume || exit 1; fi
  systemctl start "$unit" || fail "$unit does not start"
  await_primary "$old_bin" 120
}

follow() { systemctl start "$unit" || fail "$unit does not start"; }

clear() { rm -f "$here/state" "$here/alike" "$here/reindex" "$here/extensions.new" "$here/collations.new"; rm -rf "$here/work" "$private"; }

commit() {
  grep -Fq "data_dir: $NEW" "$config/00-base.yml" || fail "$config/00-base.yml does not say that the data are in $NEW: apply the role postgres first"
  if [ "${1-}" = delete ] && [ -d "$OLD" ]; then
    ! runs "$old_bin" "$OLD" || fail "PostgreSQL $FROM runs in $OLD"
    [ "$(head -n 1 "$OLD/PG_VERSION" 2>/dev/null)" = "$FROM" ] || fail "$OLD does not hold data of PostgreSQL $FROM"
    rm -rf -- "$OLD"
  fi
  rm -f "$dropin" "$unit_dropin"
  systemctl daemon-reload
  clear
}

case ${1-} in
  retreat | dcs | whose | aside | lead | follow | clear | commit) "$@" ;;
  *) fail "usage: back.sh retreat|dcs|whose|aside|lead|follow|clear|commit" ;;
esac
