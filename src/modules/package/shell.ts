/** The shell around apt: waiting for locks, mending what was cut off, and keeping services from starting. */
import { quote, rawScript, sh, type Script } from '../../support/shell.ts';
import { APT_STAMP } from '../../host/kinds/apt.ts';

/** First words in our policy-rc.d, by which a later run knows a stale one. */
export const POLICY_MARK = '# care-provision: temporary';

/**
 * Runs `body` as an installation: noninteractive, UTF-8 (PostgreSQL's package takes the encoding of its
 * first cluster from the locale), an interrupted dpkg mended first. Functions for the body: `care_apt`
 * (apt-get with the options that every call needs), `care_apt_update`, and `care_install`, which tries once more
 * with fresh lists when the lists are to blame (a version that the mirror no longer has). Its output goes to a
 * file, not through a pipe, which a daemon started by a package would hold open.
 */
export function aptScript(body: Script, lockTimeout: number): Script {
  const head = rawScript(`(
umask 022
cd /
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=y UCF_FORCE_CONFFOLD=1
care_apt() {
  apt-get -y -q -o DPkg::Lock::Timeout=${String(lockTimeout)} -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null
}
care_apt_update() {
  care_left=${String(lockTimeout)}
  while ! care_said=$(care_apt -o APT::Update::Error-Mode=any update 2>&1); do
    case $care_said in *'Could not get lock'*) ;; *) care_left=0 ;; esac
    if [ "$care_left" -le 0 ]; then
      printf '%s\\n' "$care_said" >&2
      return 1
    fi
    care_left=$((care_left - 3))
    sleep 3
  done
  mkdir -p ${quote(APT_STAMP.replace(/\/[^/]*$/, ''))}
  touch ${quote(APT_STAMP)}
  care_fresh=yes
}
care_fresh=
care_install() {
  care_status=0
  care_log=$(mktemp)
  care_apt "$@" >"$care_log" 2>&1 || care_status=$?
  cat "$care_log" >&2
  care_stale=
  if grep -q -e 'Unable to locate package' -e 'no installation candidate' -e "' for '.*' was not found" -e '404  Not Found' -e 'Hash Sum mismatch' "$care_log"; then care_stale=yes; fi
  rm -f "$care_log"
  if [ "$care_status" -ne 0 ] && [ -n "$care_stale" ] && [ -z "$care_fresh" ]; then
    echo 'trying again with fresh package lists' >&2
    care_apt_update && care_apt "$@" || return $?
    return 0
  fi
  return "$care_status"
}
if grep -qs '${POLICY_MARK}' /usr/sbin/policy-rc.d; then rm -f /usr/sbin/policy-rc.d; fi
if [ -n "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] || [ -n "$(dpkg --audit 2>/dev/null)" ]; then
  echo 'finishing an interrupted dpkg' >&2
  dpkg --force-confdef --force-confold --configure -a </dev/null
fi
`);
  return sh`${head}${body}
)`;
}

/**
 * The lines that put a policy-rc.d in place (deb-systemd-invoke and invoke-rc.d ask it) until the script
 * ends. Services that run now may be restarted by the upgrade of their package; others don't start:
 * that is for a task that comes after their configuration. A policy of the host's own is left alone. Ours
 * does nothing once the process that made it is gone, so a killed run leaves no host without services.
 */
export function denyServices(status: number | undefined): Script {
  const decision =
    status === undefined
      ? `case " $care_units " in *" $1 "* | *" $1.service "*) exit 0 ;; esac
exit 101`
      : `exit ${String(status)}`;
  return rawScript(`care_units=$(systemctl list-units --no-legend --plain --no-pager --state=active,activating,reloading 2>/dev/null </dev/null | awk '{ printf "%s ", $1 }')
if [ ! -e /usr/sbin/policy-rc.d ] && [ ! -L /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d /usr/sbin/policy-rc.d.care' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  read -r care_pid care_stat </proc/self/stat
  set -- $care_stat
  shift 20
  {
    cat <<END_OF_HEAD
#!/bin/sh
${POLICY_MARK}, made for one installation by process $care_pid
[ "\\$(cut -d ' ' -f 22 /proc/$care_pid/stat 2>/dev/null)" = "$1" ] || exit 0
care_units='$care_units'
END_OF_HEAD
    cat <<'END_OF_BODY'
${decision}
END_OF_BODY
  } >/usr/sbin/policy-rc.d.care
  chmod 0755 /usr/sbin/policy-rc.d.care
  mv /usr/sbin/policy-rc.d.care /usr/sbin/policy-rc.d
fi
`);
}

/**
 * Fetches lists when an installation needs it: there are none, a source was changed since, they are older
 * than asked, or a wanted name is in none. Only a refresh that was asked for makes its failure the task's:
 * otherwise one dead mirror would stop the installation of what the others have.
 *
 * @param maxAge seconds; undefined: age does not matter
 */
export function refreshLists(names: readonly string[], maxAge: number | undefined): Script {
  const tooOld =
    maxAge === undefined ? '' : ` || [ $(($(date +%s) - $(stat -c %Y ${APT_STAMP}))) -gt ${String(maxAge)} ]${maxAge === 0 ? ' || :' : ''}`;
  return sh`care_wanted() {
  for care_f in /var/lib/apt/lists/*Release; do [ ! -e "$care_f" ] || break; done
  [ ! -e "$care_f" ] || [ ! -e ${APT_STAMP} ] || [ -n "$(find /etc/apt/sources.list /etc/apt/sources.list.d -newer ${APT_STAMP} ! -type d 2>/dev/null)" ]${rawScript(tooOld)} && return 0
  set -- ${names}
  [ "$#" -eq 0 ] || [ "$(apt-cache showpkg "$@" 2>/dev/null | grep -c '^Package: ')" -ge "$#" ] || return 0
  return 1
}
if care_wanted; then
  care_apt_update${rawScript(maxAge === undefined ? ` || echo 'apt-get update failed, going on with the lists that are there' >&2` : '')}
fi
`;
}

/** Sets or clears the hold mark. */
export function setHold(name: string, hold: boolean): Script {
  return sh`printf '%s %s\\n' ${name} ${hold ? 'hold' : 'install'} | dpkg --set-selections`;
}
