/**
 * One run at a time on a host, whichever controller it comes from: POSIX sh for the runner.
 *
 * The lock is a directory of numbered symbolic links whose targets say who holds. `ln -s` makes a link with
 * its content in one atomic step and fails when the name is taken. The highest number is the lock. A new
 * holder makes the next number, and only when the highest is released (a link `N.free`) or its holder is
 * dead; afterwards it looks whether a higher one has appeared, and has lost if so. Numbers never go back
 * (the highest link is never removed), so a slow contender cannot take a number that was in use before.
 * The directory is under /run, which a reboot empties.
 */
import { Script, quote } from '../support/shell.ts';

export const HOST_LOCK_DIRECTORY = '/run/care-provision.lock';

export interface HostLockOptions {
  /** Identity of the run; the same run may take its own lock again (after a reconnect). */
  readonly run: string;
  /** Who, for messages: `alice@controller: apply inventory/production`. */
  readonly description: string;
  /** ISO 8601. */
  readonly since: string;
  /** Seconds to wait for another holder; the caller's timeout must be longer. */
  readonly waitSeconds: number;
  /**
   * Shell word that gives the process id of the long-lived shell: the lock lasts as long as that process.
   * Default: the runner's variable.
   */
  readonly pidWord?: string;
  readonly directory?: string;
}

/** Exit status of the acquire script when somebody else holds the lock (EX_TEMPFAIL of sysexits.h). */
export const HOST_LOCKED_STATUS = 75;

/** Links below the highest mean nothing; they are removed together, now and then, since that takes a process. */
const SWEEP_EVERY = 8;

const DEFAULT_PID_WORD = '"$care_runner_pid"';

/** Letters that need no thought in a link target that is split into words again. */
function plain(text: string): string {
  return text.replaceAll(/[^\w@.:/=+,-]+/g, '_').slice(0, 400);
}

/** The directory: /run for root, a private one for others, who can only be kept from meeting themselves. */
function prologue(directory: string): string {
  return [
    `care_lock=${quote(directory)}`,
    `if ! [ -w "\${care_lock%/*}" ] && [ "$(id -u)" != 0 ]; then care_lock=\${XDG_RUNTIME_DIR:-/tmp}/care-provision-$(id -u).lock; fi`,
    // Start time of a process (proc(5) field 22), in care_start: tells a reused process id from the holder. A name with a
    // line break in it gives no time: no runner is called so. Built-ins only, since every run comes by here on every host.
    'care_started() {',
    '  care_start=none',
    '  care_stat=',
    '  if { read -r care_stat <"/proc/$1/stat"; } 2>/dev/null; then',
    '    care_stat=${care_stat##*") "}',
    '    set -- $care_stat',
    '    care_start=${20:-none}',
    '  fi',
    '}',
    'care_highest() {',
    '  care_n=0',
    '  for care_link in "$care_lock"/*; do',
    '    [ -L "$care_link" ] || continue',
    '    care_link=${care_link##*/}',
    '    case $care_link in *[!0-9]*) continue ;; esac',
    '    if [ "$care_link" -gt "$care_n" ]; then care_n=$care_link; fi',
    '  done',
    '}',
    '{ read -r care_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || care_boot=none',
  ].join('\n');
}

/**
 * Takes the host's lock. Exits 0 with the lock, {@link HOST_LOCKED_STATUS} with a sentence on stderr that names
 * the holder, or another status when the directory cannot be made.
 */
export function acquireHostLock(options: HostLockOptions): Script {
  const directory = options.directory ?? HOST_LOCK_DIRECTORY;
  const run = quote(plain(options.run));
  const about = quote(`${plain(options.since)} ${plain(options.description)}`);
  return new Script(`(
set -eu
LC_ALL=C
export LC_ALL
umask 077
${prologue(directory)}
care_pid=${options.pidWord ?? DEFAULT_PID_WORD}
if ! [ -d "$care_lock" ] && ! mkdir "$care_lock" 2>/dev/null && ! [ -d "$care_lock" ]; then
  echo "cannot make the lock directory $care_lock" >&2
  exit 1
fi
if [ -L "$care_lock" ] || ! [ -O "$care_lock" ]; then
  echo "the lock directory $care_lock belongs to somebody else" >&2
  exit 1
fi
care_waited=0
care_refused=0
while :; do
  care_highest
  care_holder=
  if [ "$care_n" -gt 0 ] && ! [ -L "$care_lock/$care_n.free" ]; then
    care_holder=$(readlink "$care_lock/$care_n") || care_holder=
  fi
  care_alive=no
  if [ -n "$care_holder" ]; then
    set -- $care_holder
    if [ "$4" != ${run} ] && [ "$3" = "$care_boot" ] && [ -d "/proc/$1" ]; then
      care_started "$1"
      if [ "$2" = "$care_start" ]; then care_alive=yes; fi
    fi
  fi
  if [ "$care_alive" = no ]; then
    care_mine=$((care_n + 1))
    care_started "$care_pid"
    if ln -s "$care_pid $care_start $care_boot "${run}" "${about} "$care_lock/$care_mine" 2>/dev/null; then
      care_highest
      if [ "$care_n" -eq "$care_mine" ]; then
        if [ $((care_mine % ${String(SWEEP_EVERY)})) -eq 0 ]; then
          set --
          while care_mine=$((care_mine - 1)) && [ -L "$care_lock/$care_mine" ]; do
            set -- "$@" "$care_lock/$care_mine" "$care_lock/$care_mine.free"
          done
          rm -f "$@"
        fi
        exit 0
      fi
      rm -f "$care_lock/$care_mine"
    elif ! [ -L "$care_lock/$care_mine" ] && care_refused=$((care_refused + 1)) && [ "$care_refused" -ge 20 ]; then
      # Once or twice it may be that others took this number and gave it up again meanwhile.
      echo "cannot write in the lock directory $care_lock" >&2
      exit 1
    fi
    continue
  fi
  if [ "$care_waited" -ge ${String(Math.floor(options.waitSeconds))} ]; then
    echo "the host is in use by another run: $6 (run $4, since $5, process $1 on the host)" >&2
    exit ${String(HOST_LOCKED_STATUS)}
  fi
  sleep 1
  care_waited=$((care_waited + 1))
done
)`);
}

/** Gives the lock back if this run holds it; does nothing otherwise. */
export function releaseHostLock(options: Pick<HostLockOptions, 'run' | 'directory'>): Script {
  return new Script(`(
set -eu
LC_ALL=C
export LC_ALL
${prologue(options.directory ?? HOST_LOCK_DIRECTORY)}
care_highest
if [ "$care_n" -gt 0 ]; then
  set -- $(readlink "$care_lock/$care_n")
  if [ "\${4:-}" = ${quote(plain(options.run))} ]; then ln -s free "$care_lock/$care_n.free" 2>/dev/null || :; fi
fi
)`);
}
