/** Questions that a Kubernetes API answers; its refusals are facts, too. */
import { createHash } from 'node:crypto';
import { defineServiceQuery } from '../../../host/define-query.ts';
import type { ServicePort } from '../../../services/port.ts';
import { KubernetesSilent, kubernetesService, type KubernetesClient } from '../../../services/kubernetes/client.ts';
import { kubernetesLoginId, type KubernetesLogin } from '../../../services/kubernetes/login.ts';
import { applyObject, listObjects, readObject, type Manifest, type Said } from '../../../services/kubernetes/objects.ts';
import { essence, sameEssence, titleOf, type Essence } from './essence.ts';

export interface Silent {
  readonly ok: false;
  readonly status: 0;
  readonly reason: 'Silent';
  readonly msg: string;
}
export type Heard<T> = Said<T> | Silent;

export interface AppliedKey {
  readonly login: KubernetesLogin;
  readonly manifest: Manifest;
  readonly fieldManager: string;
  readonly force: boolean;
}

/** What an object is, and what it would be once applied; `before` is null where there is none. */
export interface Applied {
  readonly before: Essence | null;
  readonly after: Essence;
}

export interface ListedKey {
  readonly login: KubernetesLogin;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly labels: string;
  readonly fields: string;
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

/** All keys at once; a server that does not answer says so for each. */
export async function each<Key extends { readonly login: KubernetesLogin }, T>(keys: readonly Key[], port: ServicePort, ask: (client: KubernetesClient, key: Key) => Promise<Said<T>>): Promise<readonly Heard<T>[]> {
  return Promise.all(keys.map(async (key): Promise<Heard<T>> => {
    try {
      return await ask(port.clients.get(kubernetesService, key.login), key);
    } catch (error) {
      if (!(error instanceof KubernetesSilent)) throw error;
      return { ok: false, status: 0, reason: 'Silent', msg: error.message };
    }
  }));
}

/** A dry run on the server: admission, defaults and validation are its own, so what it gives is what applying will give. */
export const applied = defineServiceQuery<AppliedKey, Heard<Applied>>({
  name: 'kubernetes-applied',
  id: (key) => `${kubernetesLoginId(key.login)} ${titleOf(key.manifest)} ${digest([key.manifest, key.fieldManager, key.force])}`,
  describe: (key) => `${titleOf(key.manifest)} of the Kubernetes API`,
  answer: (keys, port) => each(keys, port, async (client, key) => {
    const now = await readObject(client, key.manifest, port.signal);
    if (!now.ok && now.status !== 404) return now;
    const then = await applyObject(client, key.manifest, { fieldManager: key.fieldManager, force: key.force, dryRun: true }, port.signal);
    if (!then.ok) return then;
    return { ok: true, value: { before: now.ok ? essence(now.value) : null, after: essence(then.value) } };
  }),
  // A claim is that applying it once more would change nothing.
  same: (expected, observed) => expected.ok && observed.ok && isApplied(expected.value) === isApplied(observed.value),
  show: (fact) => (fact.ok ? (isApplied(fact.value) ? 'as applied' : fact.value.before === null ? 'absent' : 'otherwise') : fact.msg),
  after: ['unit'],
  passing: (fact) => !fact.ok,
});

export function isApplied(fact: Applied): boolean {
  return fact.before !== null && sameEssence(fact.before, fact.after);
}

/** Whether an object is there, by name alone. */
export const present = defineServiceQuery<{ readonly login: KubernetesLogin; readonly manifest: Manifest }, Heard<boolean>>({
  name: 'kubernetes-present',
  id: (key) => `${kubernetesLoginId(key.login)} ${titleOf(key.manifest)}`,
  describe: (key) => `whether ${titleOf(key.manifest)} is there`,
  answer: (keys, port) => each(keys, port, async (client, key) => {
    const now = await readObject(client, key.manifest, port.signal);
    if (now.ok) return { ok: true, value: now.value['metadata'] === undefined || !('deletionTimestamp' in (now.value['metadata'] as object)) };
    return now.status === 404 ? { ok: true, value: false } : now;
  }),
  show: (fact) => (fact.ok ? (fact.value ? 'there' : 'absent') : fact.msg),
  after: ['unit', 'kubernetes-applied'],
  passing: (fact) => !fact.ok,
});

/** Objects of a kind, as they are. */
export const listed = defineServiceQuery<ListedKey, Heard<readonly Readonly<Record<string, unknown>>[]>>({
  name: 'kubernetes-listed',
  id: ({ login, ...what }) => `${kubernetesLoginId(login)} ${JSON.stringify(what)}`,
  describe: (key) => `${key.kind} of the Kubernetes API`,
  answer: (keys, port) => each(keys, port, (client, key) => listObjects(client, key, port.signal)),
  after: ['unit', 'kubernetes-applied', 'kubernetes-present'],
  // A cluster is never at rest.
  volatile: true,
  passing: (fact) => !fact.ok,
});

export const KUBERNETES_KINDS = ['kubernetes-applied', 'kubernetes-present', 'kubernetes-listed'] as const;
