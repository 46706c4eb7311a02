/**
 * Each systemd host takes a dozen inotify instances of the machine's per-user limit, 128 by default: about
 * the tenth host would not boot. The limit is raised while large labs run, and put back afterwards.
 */
import { readParameter, restoreParameter, setParameter, type KernelParameter } from './kernel-parameter.ts';

const LIMIT: KernelParameter = { name: 'fs.inotify.max_user_instances', saved: 'inotify-max-user-instances' };
const WANTED = 4096;
/** Instances left for all else on the machine, and what one host takes. */
const SPARE = 40;
const PER_HOST = 12;
/** What runs on a Kubernetes node watches files too: containerd, kubelet, each pod's shim. */
const PER_NESTED_HOST = 120;

/** Whether a limit is too low for so many hosts, some of which run containers themselves. */
export function tooFewInstances(limit: number, hosts: number, nested = 0): boolean {
  return limit < SPARE + hosts * PER_HOST + nested * PER_NESTED_HOST;
}

/** Raises the limit when `hosts` running lab hosts need it; says so, or says that it could not. */
export async function raiseInotifyLimit(hosts: number, nested: number, report: (line: string) => void): Promise<void> {
  const before = await readParameter(LIMIT);
  if (!tooFewInstances(Number(before), hosts, nested)) return;
  const why = await setParameter(LIMIT, String(WANTED));
  if (why === undefined) report(`raised ${LIMIT.name} of this machine from ${before} to ${WANTED}; the last lab down puts it back`);
  else report(`could not raise ${LIMIT.name} from ${before} (${why}): hosts beyond the ${Math.floor((Number(before) - SPARE) / PER_HOST)}th may not boot`);
}

/** Puts the limit back, when a lab had raised it. Called when the machine's last lab goes. */
export async function restoreInotifyLimit(report: (line: string) => void): Promise<void> {
  await restoreParameter(LIMIT, report);
}
