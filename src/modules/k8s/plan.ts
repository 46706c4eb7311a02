/** What has to be done for objects to be as wished. Pure. */
import { converge, failed, type Plan, type ServiceChange } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { kubernetesService } from '../../services/kubernetes/client.ts';
import type { KubernetesLogin } from '../../services/kubernetes/login.ts';
import { applyObject, deleteObject, type Manifest } from '../../services/kubernetes/objects.ts';
import { differing, essence, essenceText, titleOf, type Essence } from '../common/kubernetes/essence.ts';
import { loginFact, NO_LOGIN_REMEDY } from '../common/kubernetes/login.ts';
import { applied, isApplied, KUBERNETES_KINDS, listed, present, type AppliedKey, type ListedKey } from '../common/kubernetes/queries.ts';
import { BadDefinition, manifestsOf } from '../common/kubernetes/manifests.ts';
import type { K8sArgs } from './schema.ts';

/** A definition that was just made is served within moments. */
const SERVED_TRIES = 20;
const SERVED_BETWEEN_MS = 500;

export function keyOf(login: KubernetesLogin, manifest: Manifest, args: K8sArgs): AppliedKey {
  return { login, manifest, fieldManager: args.field_manager, force: args.force_conflicts };
}

export function pruneKeys(login: KubernetesLogin, args: K8sArgs): readonly ListedKey[] {
  return (args.prune?.kinds ?? []).map((each) => ({ login, apiVersion: each.api_version, kind: each.kind, namespace: each.namespace, name: undefined, labels: args.prune?.labels ?? '', fields: '' }));
}

function applying(key: AppliedKey, before: Essence | null, after: Essence): ServiceChange {
  const title = titleOf(key.manifest);
  return {
    resource: title,
    what: before === null ? 'create' : `change ${differing(before, after).join(', ')}`,
    diff: { name: title, before: essenceText(before, after), after: essenceText(after, before) },
    effects: [forgetKinds(...KUBERNETES_KINDS), applied(key).is({ ok: true, value: { before: after, after } })],
    async call(port) {
      const client = port.clients.get(kubernetesService, key.login);
      for (let tries = 1; ; tries += 1) {
        const said = await applyObject(client, key.manifest, { fieldManager: key.fieldManager, force: key.force, dryRun: false }, port.signal);
        if (said.ok) return;
        // Nothing was done: its kind, or its namespace, is being made.
        if (said.status !== 404 || tries >= SERVED_TRIES) throw new Error(`${title}: ${said.msg}`);
        await new Promise((resolve) => setTimeout(resolve, SERVED_BETWEEN_MS));
      }
    },
  };
}

function deleting(login: KubernetesLogin, manifest: Manifest, why: string): ServiceChange {
  const title = titleOf(manifest);
  return {
    resource: title,
    what: why,
    effects: [forgetKinds(...KUBERNETES_KINDS), present({ login, manifest }).is({ ok: true, value: false })],
    async call(port) {
      const said = await deleteObject(port.clients.get(kubernetesService, login), manifest, port.signal);
      if (!said.ok) throw new Error(`${title}: ${said.msg}`);
    },
  };
}

/** Whether the objects before it in the task make what the API misses: its namespace, or its kind. */
function isMadeBefore(manifest: Manifest, earlier: readonly Manifest[]): boolean {
  const group = manifest.apiVersion.split('/')[0] ?? '';
  return earlier.some((each) => {
    if (each.kind === 'Namespace') return each.metadata.name === manifest.metadata.namespace;
    if (each.kind !== 'CustomResourceDefinition') return false;
    const spec = each['spec'];
    return typeof spec === 'object' && spec !== null && 'group' in spec && spec.group === group;
  });
}

/**
 * Whether an object of the cluster is the one that a manifest makes. One that names no namespace is made in `default`, and the namespace that a
 * task gives to all says nothing of kinds that are in none: the API names things its own way, so the object has the last word.
 */
function isThatOf(manifest: Manifest, object: Manifest): boolean {
  const { name, namespace } = object.metadata;
  return manifest.kind === object.kind && manifest.metadata.name === name && (namespace === undefined || namespace === (manifest.metadata.namespace ?? 'default'));
}

function applyAll(login: KubernetesLogin, manifests: readonly Manifest[], args: K8sArgs, host: HostView): Plan {
  const changes: ServiceChange[] = [];
  for (const [i, manifest] of manifests.entries()) {
    const key = keyOf(login, manifest, args);
    const fact = host.fact(applied(key));
    if (fact.ok) {
      if (!isApplied(fact.value)) changes.push(applying(key, fact.value.before, fact.value.after));
      continue;
    }
    const title = titleOf(manifest);
    if (fact.status === 404 && isMadeBefore(manifest, manifests.slice(0, i))) changes.push(applying(key, null, essence(manifest)));
    else if (fact.status === 404 && host.checkMode) return { type: 'unknown', because: `${title}: ${fact.msg}; an earlier task may make it` };
    else return failed(`${title}: ${fact.msg}`, fact.reason === 'Conflict' ? 'somebody else owns these fields: force_conflicts: true takes them over' : undefined);
  }
  for (const key of pruneKeys(login, args)) {
    const fact = host.fact(listed(key));
    if (!fact.ok) {
      if (fact.reason === 'NoKind') continue;
      return failed(`${key.kind}: ${fact.msg}`);
    }
    for (const object of fact.value) {
      const [manifest] = manifestsOf(object, undefined);
      if (manifest === undefined) continue;
      if (manifests.some((each) => isThatOf(each, manifest))) continue;
      // It is being deleted, and waits for its finalizers.
      if (manifest.metadata['deletionTimestamp'] !== undefined) continue;
      const { name, namespace } = manifest.metadata;
      changes.push(deleting(login, { apiVersion: manifest.apiVersion, kind: manifest.kind, metadata: { name, namespace } }, 'delete: it is in the definition no more'));
    }
  }
  return converge(changes);
}

function deleteAll(login: KubernetesLogin, manifests: readonly Manifest[], host: HostView): Plan {
  const changes: ServiceChange[] = [];
  for (const manifest of [...manifests].reverse()) {
    const fact = host.fact(present({ login, manifest }));
    if (!fact.ok) return failed(`${titleOf(manifest)}: ${fact.msg}`);
    if (fact.value) changes.push(deleting(login, manifest, 'delete'));
  }
  return converge(changes);
}

/** Before there is a cluster, all is to be made. */
function onNewCluster(manifests: readonly Manifest[], args: K8sArgs): Plan {
  if (args.state === 'absent') return converge([]);
  return converge(manifests.map((manifest): ServiceChange => ({
    resource: titleOf(manifest),
    what: 'create',
    diff: { name: titleOf(manifest), before: '', after: essenceText(essence(manifest), null) },
    effects: [],
    call: () => Promise.reject(new Error('predicted only')),
  })));
}

export function definitionOf(args: K8sArgs, host: HostView): readonly Manifest[] {
  return manifestsOf(args.template === undefined ? args.definition : host.render(args.template), args.namespace);
}

export function planK8s(args: K8sArgs, host: HostView): Plan {
  let manifests: readonly Manifest[];
  try {
    manifests = definitionOf(args, host);
  } catch (error) {
    if (error instanceof BadDefinition) return failed(`the definition: ${error.message}`);
    throw error;
  }
  const login = loginFact(args, host);
  if (login.type === 'unreadable') return failed(login.msg, NO_LOGIN_REMEDY);
  if (login.type === 'absent') return host.checkMode ? onNewCluster(manifests, args) : failed(`${args.kubeconfig} is not there`, NO_LOGIN_REMEDY);
  return args.state === 'present' ? applyAll(login.login, manifests, args, host) : deleteAll(login.login, manifests, host);
}
