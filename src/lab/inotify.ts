/**
 * Each systemd host takes a dozen inotify instances of the machine's per-user limit, 128 by default: about
 * the tenth host would not boot. The limit is raised while large labs run, and put back afterwards.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

const LIMIT = '/proc/sys/fs/inotify/max_user_instances';
/** Forgotten at a reboot like the limit itself. */
const SAVED = '/run/care-provision/inotify-max-user-instances';
const WANTED = 4096;
/** Instances left for all else on the machine, and what one host takes. */
const SPARE = 40;
const PER_HOST = 12;

/** Whether a limit is too low for so many hosts. */
export function tooFewInstances(limit: number, hosts: number): boolean {
  return limit < SPARE + hosts * PER_HOST;
}

/** Raises the limit when `hosts` running lab hosts need it; says so, or says that it could not. */
export async function raiseInotifyLimit(hosts: number, report: (line: string) => void): Promise<void> {
  const before = (await readFile(LIMIT, 'utf8')).trim();
  if (!tooFewInstances(Number(before), hosts)) return;
  try {
    await mkdir(dirname(SAVED), { recursive: true, mode: 0o755 });
    await writeFile(SAVED, `${before}\n`, { flag: 'wx' }).catch((cause: unknown) => {
      // Saved by an earlier lab: that is the machine's own value.
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    });
    await writeFile(LIMIT, String(WANTED));
    report(`raised fs.inotify.max_user_instances of this machine from ${before} to ${WANTED}; the last lab down puts it back`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    report(`could not raise fs.inotify.max_user_instances from ${before} (${why}): hosts beyond the ${Math.floor((Number(before) - SPARE) / PER_HOST)}th may not boot`);
  }
}

/** Puts the limit back, when a lab had raised it. Called when the machine's last lab goes. */
export async function restoreInotifyLimit(report: (line: string) => void): Promise<void> {
  const saved = (await readFile(SAVED, 'utf8').catch(() => '')).trim();
  if (saved === '') return;
  try {
    await writeFile(LIMIT, saved);
    await rm(SAVED, { force: true });
    report(`fs.inotify.max_user_instances of this machine is ${saved} again`);
  } catch (cause) {
    report(`could not put fs.inotify.max_user_instances back to ${saved}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
