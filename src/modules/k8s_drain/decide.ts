/** Which pods of a node go, which stay, and which forbid it. Pure; the rules are kubectl drain's (kubernetes/kubectl, pkg/drain/filters.go). */
import type { NodePod } from '../../services/kubernetes/nodes.ts';

export interface DrainRules {
  /** Pods without a controller go too: nobody makes them anew elsewhere. */
  readonly force: boolean;
  readonly ignoreDaemonSets: boolean;
  /** What stands in emptyDir volumes may be lost. */
  readonly deleteEmptyDirData: boolean;
  /** Pods that have been being deleted for longer, in seconds, are not waited for; undefined: all are. */
  readonly skipWaitSeconds: number | undefined;
}

export interface Draining {
  readonly evict: readonly NodePod[];
  /** Left where they are, and why. */
  readonly leave: readonly { readonly pod: NodePod; readonly why: string }[];
  /** Why the node can't be drained, each with what would allow it; none is evicted then. */
  readonly forbidden: readonly string[];
}

type Verdict = { readonly type: 'evict' } | { readonly type: 'leave'; readonly why: string } | { readonly type: 'forbidden'; readonly why: string };

export const podName = (pod: Pick<NodePod, 'namespace' | 'name'>): string => `${pod.namespace}/${pod.name}`;

function isGivenUp(pod: NodePod, rules: DrainRules, epochSeconds: number): boolean {
  return rules.skipWaitSeconds !== undefined && pod.deletedAt !== undefined && epochSeconds - Date.parse(pod.deletedAt) / 1000 > rules.skipWaitSeconds;
}

function verdictOn(pod: NodePod, rules: DrainRules, epochSeconds: number): Verdict {
  if (isGivenUp(pod, rules, epochSeconds)) return { type: 'leave', why: `it has been being deleted since ${String(pod.deletedAt)}` };
  if (pod.isMirror) return { type: 'leave', why: 'kubelet runs it from a file of the node' };
  if (pod.controller?.kind === 'DaemonSet' && !pod.isFinished) {
    if (pod.hasDaemonSet) return rules.ignoreDaemonSets ? { type: 'leave', why: `DaemonSet ${pod.controller.name} would make it again` } : { type: 'forbidden', why: `${podName(pod)} is of DaemonSet ${pod.controller.name} (ignore_daemonsets leaves such pods)` };
    if (!rules.force) return { type: 'forbidden', why: `${podName(pod)} is of DaemonSet ${pod.controller.name}, which is there no more (force deletes such pods)` };
  }
  if (pod.isFinished) return { type: 'evict' };
  if (pod.emptyDirs.length > 0 && !rules.deleteEmptyDirData) return { type: 'forbidden', why: `${podName(pod)} would lose its emptyDir ${pod.emptyDirs.join(', ')} (delete_emptydir_data allows that)` };
  if (pod.controller === undefined && !rules.force) return { type: 'forbidden', why: `${podName(pod)} has no controller that would make it anew elsewhere (force deletes such pods)` };
  return { type: 'evict' };
}

/** @param epochSeconds what the time is, by the host's clock */
export function decideDrain(pods: readonly NodePod[], rules: DrainRules, epochSeconds: number): Draining {
  const evict: NodePod[] = [];
  const leave: { pod: NodePod; why: string }[] = [];
  const forbidden: string[] = [];
  for (const pod of [...pods].sort((a, b) => (podName(a) < podName(b) ? -1 : 1))) {
    const verdict = verdictOn(pod, rules, epochSeconds);
    if (verdict.type === 'evict') evict.push(pod);
    else if (verdict.type === 'leave') leave.push({ pod, why: verdict.why });
    else forbidden.push(verdict.why);
  }
  return { evict, leave, forbidden };
}
