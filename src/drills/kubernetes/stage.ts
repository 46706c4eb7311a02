/** What is set up around one drill: a namespace, and an account in it that may make ConfigMaps there and nothing else; taken away again whatever happens. */
import { z } from 'zod';
import { clusterOf } from '../../modules/k8s_kubeconfig/decide.ts';
import type { KubernetesClient } from '../../services/kubernetes/client.ts';
import { applyObject, deleteObject, listObjects, postTo, readObject, type Manifest } from '../../services/kubernetes/objects.ts';
import type { ClusterHost } from '../../operations/inventory.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { rangesOf } from '../measure.ts';
import type { Recording } from '../record.ts';
import type { Counted, PreparedStage, Stage } from '../service.ts';
import { waitUntil } from '../wait.ts';
import { API_SILENT, certain, placeAtServer, placeOnNode, type Administrator, type Place } from './api.ts';
import { nodeForClient } from './choose.ts';
import type { DrilledCluster } from './installation.ts';
import { DRILL_NAMESPACE, numberOf, refusalOf, startWriter, type Writer } from './writer.ts';

const ACCOUNT = 'writer';
const WRITER = 'writer';
const WRITE_EVERY_MS = 100;
const PROBE_EVERY_MS = 1000;
/** Seconds: longer than any drill. The token ends with its account, which goes with the namespace. */
const TOKEN_SECONDS = 7200;
/** Seconds until every API server knows of the account and its rights. */
const KNOWN_SECONDS = 20;
/** Seconds until the namespace is gone: another controller manager may have to take over first. */
const GONE_SECONDS = 180;
const OWN_LABEL = 'care-provision/drill';
export const CLEAR_BY_HAND = `the drill's namespace could not be removed: kubectl delete namespace ${DRILL_NAMESPACE}`;

const NAMESPACE: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: DRILL_NAMESPACE, labels: { 'app.kubernetes.io/managed-by': 'care-provision', [OWN_LABEL]: 'true', 'pod-security.kubernetes.io/enforce': 'restricted' } } };
const where = { name: ACCOUNT, namespace: DRILL_NAMESPACE };
const SERVICE_ACCOUNT: Manifest = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: where, automountServiceAccountToken: false };
const RBAC = 'rbac.authorization.k8s.io';
const ROLE: Manifest = { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata: where, rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }] };
const BINDING: Manifest = { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata: where, roleRef: { apiGroup: RBAC, kind: 'Role', name: ACCOUNT }, subjects: [{ kind: 'ServiceAccount', ...where }] };

const Space = z.looseObject({ metadata: z.looseObject({ labels: z.record(z.string(), z.string()).default({}) }) });
const Token = z.looseObject({ status: z.looseObject({ token: z.string() }) });
const ConfigMaps = z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }), data: z.record(z.string(), z.string()).optional() }));

/** A kubeconfig for a token, at the cluster of an administrator's. @throws Diagnostic when that one names none */
export function tokenKubeconfig(administrators: string, token: Secret): Secret {
  const at = clusterOf(administrators);
  if (at === undefined) throw failure('no-kubeconfig', 'the kubeconfig of the control planes names no cluster');
  return Secret.derived(JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'drill', contexts: [{ name: 'drill', context: { cluster: at.name, user: 'drill' } }],
    clusters: [{ name: at.name, cluster: { server: at.server, 'certificate-authority-data': Buffer.from(at.ca).toString('base64') } }], users: [{ name: 'drill', user: { token: token.reveal() } }],
  }));
}

/** @returns whether a drill has made it; undefined: there is none */
async function namespaceIsOurs(client: KubernetesClient, signal: AbortSignal): Promise<boolean | undefined> {
  const said = await readObject(client, NAMESPACE, signal);
  if (!said.ok && said.status === 404) return undefined;
  return Space.parse(certain(said, `namespace ${DRILL_NAMESPACE}`)).metadata.labels[OWN_LABEL] === 'true';
}

/** @returns what is still missing until the namespace is gone */
async function removeNamespace(admin: Administrator): Promise<string | undefined> {
  try {
    return await admin.as(async (client, limit) => {
      const ours = await namespaceIsOurs(client, limit);
      if (ours === undefined) return undefined;
      if (!ours) throw failure('not-ours', `there is a namespace ${DRILL_NAMESPACE} that no drill has made`, { remedy: 'rename it: drills write there' });
      certain(await deleteObject(client, NAMESPACE, limit), `namespace ${DRILL_NAMESPACE}`);
      return 'it is there still';
    });
  } catch (error) {
    // Right after a drill an API server may still have its troubles: it is asked again.
    if (error instanceof Diagnostic && error.code === API_SILENT) return error.message;
    throw error;
  }
}

/** Deletes the namespace with all that is in it, and waits until it is gone. Harmless when there is none. @throws Diagnostic */
export async function clearStage(admin: Administrator, signal: AbortSignal = uninterrupted()): Promise<void> {
  const left = await waitUntil(() => removeNamespace(admin), GONE_SECONDS, signal);
  if (left !== undefined) throw failure('namespace-stays', `the namespace ${DRILL_NAMESPACE} is not gone after ${String(GONE_SECONDS)} s: ${left}`, { remedy: `kubectl get namespace ${DRILL_NAMESPACE} -o yaml says in its conditions why` });
}

/** @returns the account's token */
async function makeAccount(admin: Administrator): Promise<Secret> {
  return admin.as(async (client, signal) => {
    for (const manifest of [NAMESPACE, SERVICE_ACCOUNT, ROLE, BINDING]) certain(await applyObject(client, manifest, { fieldManager: 'care-provision', force: true, dryRun: false }, signal), `${manifest.kind} ${manifest.metadata.name}`);
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: TOKEN_SECONDS } };
    return new Secret(Token.parse(certain(await postTo(client, SERVICE_ACCOUNT, 'token', request, signal), 'a token')).status.token);
  });
}

/** Where the client can write; each way must let it in. @throws Diagnostic */
async function refuseWithoutWays(places: readonly Place[], login: Secret, signal: AbortSignal): Promise<void> {
  for (const place of places) {
    const why = await waitUntil(() => refusalOf(place, login), KNOWN_SECONDS, signal);
    if (why !== undefined) throw failure('no-way-to-write', `the drill's client can't write from ${place.label}`, { detail: why, remedy: 'care-provision cluster status; the name of the API must lead somewhere on every node (role kubernetes_api_lb)' });
  }
}

export interface PreparedWriting extends PreparedStage {
  readonly clientNode: () => ClusterHost;
  readonly moveTo: (node: ClusterHost) => Promise<void>;
  /** `ADDRESS:PORT` of the API server that has answered the client last. */
  readonly servedBy: () => string | undefined;
}

const joined = (recordings: readonly Recording[]): Recording => ({ acknowledged: recordings.flatMap((r) => r.acknowledged), errors: recordings.flatMap((r) => r.errors), errorsNotKept: recordings.reduce((n, r) => n + r.errorsNotKept, 0) });

/** @param config an administrator's kubeconfig @throws Diagnostic */
export async function setStage(cluster: DrilledCluster, hosts: HostAccess, admin: Administrator, config: Secret, signal: AbortSignal): Promise<PreparedWriting> {
  const first = nodeForClient(cluster, []);
  if (first === undefined) throw failure('no-nodes', 'the cluster has no nodes');
  await clearStage(admin, signal);
  const login = tokenKubeconfig(config.reveal(), await makeAccount(admin));
  const servers = cluster.controlPlanes.map((host) => placeAtServer(hosts, host, cluster.apiPort));
  let node = first;
  let place = placeOnNode(hosts, node);
  await refuseWithoutWays([place, ...servers], login, signal);
  let writer: Writer | undefined;
  return {
    get way() {
      return `from ${node.name}, by ${clusterOf(config.reveal())?.server ?? ''}${cluster.balancer === 'local' ? ' (its own balancer)' : ''}, TLS verified`;
    },
    clientNode: () => node,
    servedBy: () => writer?.servedBy(),
    async moveTo(next) {
      node = next;
      place = placeOnNode(hosts, next);
      const missing = await waitUntil(() => (writer?.recording().acknowledged.at(-1)?.server === next.name ? undefined : 'it has not written there'), KNOWN_SECONDS, signal);
      if (missing !== undefined) throw failure('no-way-to-write', `the drill's client can't write from ${next.name}`);
    },
    begin(now): Stage {
      const own = startWriter({ client: WRITER, place: () => place, login, everyMs: WRITE_EVERY_MS, now });
      writer = own;
      const probers = cluster.controlPlanes.flatMap((host, i) => {
        const server = servers[i];
        return server === undefined ? [] : [startWriter({ client: probeName(host), place: () => server, login, everyMs: PROBE_EVERY_MS, now })];
      });
      return {
        writer: () => own.recording(),
        prober: () => joined(probers.map((each) => each.recording())),
        async stop() {
          const [written, ...probed] = await Promise.all([own.stop(), ...probers.map((each) => each.stop())]);
          return { writer: written, prober: joined(probed), counts: [] };
        },
      };
    },
  };
}

/** The name of the client that writes to one control plane's API server and no other. */
export function probeName(host: { readonly name: string }): string {
  return `at-${host.name}`;
}

/** What is there now, as the API says with a quorum: a list without resourceVersion is no old one. */
export async function countConfigMaps(admin: Administrator): Promise<Counted> {
  try {
    const items = await admin.as(async (client, signal) => certain(await listObjects(client, { apiVersion: 'v1', kind: 'ConfigMap', namespace: DRILL_NAMESPACE, labels: '', fields: '' }, signal), 'ConfigMaps'), { seconds: 60 });
    const numbers = new Map<string, number[]>();
    for (const { client, sequence } of ConfigMaps.parse(items).map(numberOf).filter((each) => each !== undefined)) numbers.set(client, [...(numbers.get(client) ?? []), sequence]);
    return { found: [...numbers].flatMap(([client, all]) => rangesOf(client, all)), why: undefined };
  } catch (error) {
    if (!(error instanceof Diagnostic)) throw error;
    return { found: undefined, why: error.format() };
  }
}
