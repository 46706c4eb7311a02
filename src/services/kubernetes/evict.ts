/** Evicting many pods and waiting until they are gone, as `kubectl drain` does it: all at once, each asked for again while its budget says no. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KubernetesSilent, type KubernetesClient } from './client.ts';
import { deletePod, evictPod, isThere, type NodePod } from './nodes.ts';
import type { Refusal, Said } from './objects.ts';

export interface EvictAllOptions {
  readonly gracePeriodSeconds: number | undefined;
  /** Delete instead, past all budgets. */
  readonly disableEviction: boolean;
  readonly timeoutSeconds: number;
  /** Between two looks. */
  readonly sleepSeconds: number;
}

/** A pod that is still there, and why. */
export interface Remaining {
  readonly pod: NodePod;
  readonly why: string;
}

/** The longest time between two requests for one pod that its budget keeps (kubectl's is always this). */
const RETRY_SECONDS = 5;

export function refusalText(refusal: Refusal): string {
  const causes = (refusal.causes ?? []).map((cause) => cause.message).filter((text) => text !== '' && !refusal.msg.includes(text));
  return causes.length === 0 ? refusal.msg : `${refusal.msg} ${causes.join('; ')}`;
}

type Asked = { readonly type: 'going' } | { readonly type: 'wait'; readonly why: string } | { readonly type: 'no'; readonly why: string };

function judge(said: Said<unknown>): Asked {
  if (said.ok || said.status === 404) return { type: 'going' };
  // 409: another pod has taken the name, so this one is gone; or its budget has just been written to.
  if (said.status === 409 || said.status === 429) return { type: 'wait', why: refusalText(said) };
  // Everything in a namespace that is being deleted goes by itself, and may not be evicted.
  if (said.status === 403 && said.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true) return { type: 'going' };
  return { type: 'no', why: refusalText(said) };
}

/** An API server that is silent for a moment (another one takes over) is asked again: requests name the pod's UID. */
async function patient<T>(ask: () => Promise<Said<T>>): Promise<Said<T>> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof KubernetesSilent)) throw error;
    return { ok: false, status: 429, reason: 'Silent', msg: error.message };
  }
}

async function evictOne(client: KubernetesClient, pod: NodePod, options: EvictAllOptions, until: number, signal: AbortSignal): Promise<Remaining | undefined> {
  const request = { gracePeriodSeconds: options.gracePeriodSeconds, dryRun: false };
  let asked = pod.deletedAt !== undefined;
  let why = 'it is being deleted and does not end';
  for (;;) {
    if (!asked) {
      const answer = judge(await patient(() => (options.disableEviction ? deletePod : evictPod)(client, pod, request, signal)));
      if (answer.type === 'no') return { pod, why: answer.why };
      asked = answer.type === 'going';
      why = answer.type === 'wait' ? answer.why : 'it was evicted and does not end';
    }
    const there = await patient(() => isThere(client, pod, signal));
    if (there.ok && !there.value) return undefined;
    if (!there.ok && there.status !== 429) return { pod, why: refusalText(there) };
    const left = until - performance.now();
    if (left <= 0) return { pod, why };
    await sleep(Math.min(left, (asked ? options.sleepSeconds : Math.min(RETRY_SECONDS, options.sleepSeconds)) * 1000), undefined, { signal });
  }
}

/** @returns those that are still there when the time is over, or that may not be evicted at all */
export async function evictAll(client: KubernetesClient, pods: readonly NodePod[], options: EvictAllOptions, signal: AbortSignal): Promise<readonly Remaining[]> {
  const until = performance.now() + options.timeoutSeconds * 1000;
  const remaining = await Promise.all(pods.map((pod) => evictOne(client, pod, options, until, signal)));
  return remaining.filter((each) => each !== undefined);
}
