#!/bin/sh
# Lists every file of a host, one line each: path, type, mode, owner, group, size, time of its last change (ctime, which
# nothing can set back) and link target. Two listings that are equal mean that nothing was touched in between. Directories
# have no size and time: a container's file system copies one up, which changes both, when a file in it is merely opened.
#
# Left out, because they change while nobody does anything:
#   /proc /sys /run /tmp /dev   not on disk, or another file system
#   /var/log/journal            the journal; logins and sudo are written there
#   wtmp btmp lastlog           each SSH login is recorded there (also as wtmpdb and lastlog2)
#   /var/lib/systemd/timers     when each timer last ran
#   apt's lists and caches      refreshed by apt's own timer
set -eu
export LC_ALL=C
find / -xdev \
  \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /var/tmp/systemd-private-\* \
  -o -path /var/log/journal -o -path /var/log/wtmp\* -o -path /var/log/btmp\* -o -path /var/log/lastlog -o -path /var/lib/lastlog -o -path /var/lib/wtmpdb \
  -o -path /var/lib/systemd/timers -o -path /var/lib/apt/lists -o -path /var/lib/apt/periodic -o -path /var/cache/apt \) -prune \
  -o -type d -printf '%p %y %m %u %g\n' \
  -o -printf '%p %y %m %u %g %s %C@ %l\n' | sort
