/** What the API of a cluster says of its nodes, requests for certificates and namespaces. Reads only. */
import { z } from 'zod';
import type { KubernetesClient } from '../../services/kubernetes/client.ts';
import { listObjects, type Said } from '../../services/kubernetes/objects.ts';

export interface NodeSeen {
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not, as its kubelet or the cluster says. */
  readonly why: string;
  readonly cordoned: boolean;
  /** Such as v1.36.3. */
  readonly version: string;
  readonly runtime: string;
  readonly controlPlane: boolean;
}

export interface ApiSeen {
  /** Of the API server that answered. */
  readonly version: string;
  readonly nodes: readonly NodeSeen[];
  /** Requests for certificates that nobody has approved or denied; seconds since the epoch. */
  readonly pending: readonly { readonly name: string; readonly signer: string; readonly user: string; readonly since: number }[];
  /** Pod Security level → namespaces that enforce it; an empty level: they say nothing. */
  readonly levels: Readonly<Record<string, readonly string[]>>;
}

const NodeObject = z.looseObject({
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
  spec: z.looseObject({ unschedulable: z.boolean().default(false) }).prefault({}),
  status: z.looseObject({
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string(), message: z.string().default('') })).default([]),
    nodeInfo: z.looseObject({ kubeletVersion: z.string().default(''), containerRuntimeVersion: z.string().default('') }).prefault({}),
  }).prefault({}),
});
const Request = z.looseObject({
  metadata: z.looseObject({ name: z.string(), creationTimestamp: z.string() }),
  spec: z.looseObject({ signerName: z.string(), username: z.string().default('') }),
  status: z.looseObject({ conditions: z.array(z.looseObject({ type: z.string() })).default([]) }).prefault({}),
});
const Space = z.looseObject({ metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }) });
const Version = z.looseObject({ gitVersion: z.string() });

function nodeOf(object: unknown): NodeSeen {
  const { metadata, spec, status } = NodeObject.parse(object);
  const ready = status.conditions.find((each) => each.type === 'Ready');
  return {
    name: metadata.name, ready: ready?.status === 'True', why: ready === undefined ? 'nothing was heard of it' : ready.message, cordoned: spec.unschedulable, version: status.nodeInfo.kubeletVersion,
    runtime: status.nodeInfo.containerRuntimeVersion, controlPlane: 'node-role.kubernetes.io/control-plane' in metadata.labels,
  };
}

function valueOf<T>(said: Said<T>, what: string): T {
  if (!said.ok) throw new Error(`${what}: ${said.msg}`);
  return said.value;
}

const byName = (a: NodeSeen, b: NodeSeen): number => (a.name < b.name ? -1 : 1);

/** The nodes alone, by name. @throws KubernetesSilent when there is no answer */
export async function lookAtNodes(client: KubernetesClient, signal: AbortSignal): Promise<Said<readonly NodeSeen[]>> {
  const said = await listObjects(client, { apiVersion: 'v1', kind: 'Node', labels: '', fields: '' }, signal);
  return said.ok ? { ok: true, value: said.value.map(nodeOf).sort(byName) } : said;
}

/** @throws KubernetesSilent when there is no answer, Error when the API says no */
export async function lookAtApi(client: KubernetesClient, signal: AbortSignal): Promise<ApiSeen> {
  const list = async (apiVersion: string, kind: string): Promise<readonly unknown[]> => valueOf(await listObjects(client, { apiVersion, kind, labels: '', fields: '' }, signal), kind);
  const version = await client.request({ method: 'GET', path: '/version' }, signal);
  const [nodes, requests, spaces] = await Promise.all([list('v1', 'Node'), list('certificates.k8s.io/v1', 'CertificateSigningRequest'), list('v1', 'Namespace')]);
  const levels: Record<string, string[]> = {};
  for (const { metadata } of spaces.map((each) => Space.parse(each))) (levels[metadata.labels['pod-security.kubernetes.io/enforce'] ?? ''] ??= []).push(metadata.name);
  return {
    version: Version.parse(version.body).gitVersion, levels,
    nodes: nodes.map(nodeOf).sort(byName),
    pending: requests.map((each) => Request.parse(each)).filter((each) => each.status.conditions.length === 0).map(({ metadata, spec }) => ({ name: metadata.name, signer: spec.signerName, user: spec.username, since: Date.parse(metadata.creationTimestamp) / 1000 })),
  };
}
