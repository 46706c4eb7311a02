/** Nodes of a Kubernetes API and the pods on them: cordoning, what would be evicted, evicting one pod. */
import { z } from 'zod';
import type { KubernetesClient } from './client.ts';
import { deleteObject, listObjects, patchObject, postTo, readObject, type Manifest, type Said } from './objects.ts';

const Owner = z.looseObject({ kind: z.string(), name: z.string(), controller: z.boolean().optional() });
const PodObject = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), uid: z.string(), annotations: z.record(z.string(), z.string()).default({}), ownerReferences: z.array(Owner).default([]), deletionTimestamp: z.string().optional() }),
  spec: z.looseObject({ nodeName: z.string().default(''), volumes: z.array(z.looseObject({ name: z.string(), emptyDir: z.unknown().optional() })).default([]) }),
  status: z.looseObject({ phase: z.string().default('') }).default({ phase: '' }),
});
const NodeObject = z.looseObject({ spec: z.looseObject({ unschedulable: z.boolean().default(false) }).default({ unschedulable: false }) });

/** What draining asks of a pod. */
export interface NodePod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** A copy of what kubelet runs from a file of the node: deleting it does nothing. */
  readonly isMirror: boolean;
  /** Succeeded or failed: it runs no more. */
  readonly isFinished: boolean;
  readonly controller: { readonly kind: string; readonly name: string } | undefined;
  /** Whether the DaemonSet that it belongs to is there; false for pods of other things. */
  readonly hasDaemonSet: boolean;
  /** Names of its emptyDir volumes. */
  readonly emptyDirs: readonly string[];
  /** Since when it is being deleted (RFC 3339). */
  readonly deletedAt: string | undefined;
}

const MIRROR = 'kubernetes.io/config.mirror';

function podOf(object: unknown): Omit<NodePod, 'hasDaemonSet'> {
  const { metadata, spec, status } = PodObject.parse(object);
  const controller = metadata.ownerReferences.find((each) => each.controller === true);
  return {
    namespace: metadata.namespace, name: metadata.name, uid: metadata.uid, isMirror: MIRROR in metadata.annotations, isFinished: status.phase === 'Succeeded' || status.phase === 'Failed',
    controller: controller === undefined ? undefined : { kind: controller.kind, name: controller.name }, emptyDirs: spec.volumes.filter((volume) => volume.emptyDir !== undefined).map((volume) => volume.name), deletedAt: metadata.deletionTimestamp,
  };
}

function nodeManifest(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name } };
}

/** Whether pods are kept off a node; a refusal with NotFound where there is none. */
export async function readCordon(client: KubernetesClient, node: string, signal: AbortSignal): Promise<Said<boolean>> {
  const said = await readObject(client, nodeManifest(node), signal);
  return said.ok ? { ok: true, value: NodeObject.parse(said.value).spec.unschedulable } : said;
}

export async function setCordon(client: KubernetesClient, node: string, unschedulable: boolean, signal: AbortSignal): Promise<Said<unknown>> {
  return patchObject(client, nodeManifest(node), { spec: { unschedulable: unschedulable ? true : null } }, signal);
}

/**
 * Pods on a node.
 *
 * @param labels selector, as `kubectl -l` takes it; empty for all
 */
export async function podsOn(client: KubernetesClient, node: string, labels: string, signal: AbortSignal): Promise<Said<readonly NodePod[]>> {
  const listed = await listObjects(client, { apiVersion: 'v1', kind: 'Pod', labels, fields: `spec.nodeName=${node}` }, signal);
  if (!listed.ok) return listed;
  const pods = listed.value.map(podOf);
  const sets = new Map<string, boolean>();
  for (const { namespace, controller } of pods) {
    if (controller?.kind !== 'DaemonSet' || sets.has(`${namespace}/${controller.name}`)) continue;
    const set = await readObject(client, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: controller.name, namespace } }, signal);
    if (!set.ok && set.status !== 404) return set;
    sets.set(`${namespace}/${controller.name}`, set.ok);
  }
  return { ok: true, value: pods.map((pod) => ({ ...pod, hasDaemonSet: pod.controller !== undefined && sets.get(`${pod.namespace}/${pod.controller.name}`) === true })) };
}

type Named = Pick<NodePod, 'namespace' | 'name' | 'uid'>;

export interface EvictOptions {
  /** Seconds that it has to end; undefined: its own. */
  readonly gracePeriodSeconds: number | undefined;
  readonly dryRun: boolean;
}

const podManifest = ({ namespace, name }: Named): Manifest => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } });

function deleteOptions(pod: Named, options: EvictOptions): Readonly<Record<string, unknown>> {
  // Another pod of the same name (a StatefulSet's) is never meant: asking once more does no harm.
  return { preconditions: { uid: pod.uid }, ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }), ...(options.dryRun ? { dryRun: ['All'] } : {}) };
}

/** Asks for a pod to go; PodDisruptionBudgets may refuse with 429 (kubernetes.io, "API-initiated Eviction"). */
export function evictPod(client: KubernetesClient, pod: Named, options: EvictOptions, signal: AbortSignal): Promise<Said<unknown>> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod.name, namespace: pod.namespace }, deleteOptions: deleteOptions(pod, options) };
  return postTo(client, podManifest(pod), 'eviction', body, signal);
}

/** Deletes a pod whatever its budget says. */
export function deletePod(client: KubernetesClient, pod: Named, options: EvictOptions, signal: AbortSignal): Promise<Said<unknown>> {
  return deleteObject(client, podManifest(pod), signal, deleteOptions(pod, options));
}

/** Whether this very pod is still there. */
export async function isThere(client: KubernetesClient, pod: Named, signal: AbortSignal): Promise<Said<boolean>> {
  const said = await readObject(client, podManifest(pod), signal);
  if (said.ok) return { ok: true, value: PodObject.parse(said.value).metadata.uid === pod.uid };
  return said.status === 404 ? { ok: true, value: false } : said;
}
