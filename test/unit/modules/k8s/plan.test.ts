import { describe, expect, it } from 'vitest';
import type { AnyQuery } from '../../../../src/host/query.ts';
import { essence, essenceText } from '../../../../src/modules/common/kubernetes/essence.ts';
import { applied, listed, present, type Applied } from '../../../../src/modules/common/kubernetes/queries.ts';
import { manifestsOf } from '../../../../src/modules/common/kubernetes/manifests.ts';
import { keyOf, planK8s, pruneKeys } from '../../../../src/modules/k8s/plan.ts';
import { k8s } from '../../../../src/modules/k8s/index.ts';
import { K8sArgs } from '../../../../src/modules/k8s/schema.ts';
import type { Plan } from '../../../../src/host/plan.ts';
import type { Manifest } from '../../../../src/services/kubernetes/objects.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeHost } from '../fake-host.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8s, import.meta.url);

const CONFIG = '/etc/kubernetes/admin.conf';
const login = { path: CONFIG, config: Secret.derived('a kubeconfig') };
const settings = (value: string): Manifest => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'care' }, data: { mode: value } });
const space: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'care' } };
const fromServer = (manifest: Manifest, version: string): Readonly<Record<string, unknown>> => essence({ ...manifest, metadata: { ...manifest.metadata, uid: 'u', resourceVersion: version, managedFields: [{}] }, status: { phase: version } });
const heard = (before: Manifest | null, after: Manifest): { ok: true; value: Applied } => ({ ok: true, value: { before: before === null ? null : fromServer(before, '1'), after: fromServer(after, '2') } });
const NO_SPACE = { ok: false, status: 404, reason: 'NotFound', msg: 'namespaces "care" not found' };

function plan(args: Readonly<Record<string, unknown>>, facts: readonly (readonly [AnyQuery, unknown])[], check = false): Plan {
  const byKind: Record<string, Record<string, unknown>> = { content: { [CONFIG]: Buffer.from('a kubeconfig') } };
  for (const [query, fact] of facts) (byKind[query.kind.name] ??= {})[query.id.slice(query.kind.name.length + 1)] = fact;
  return planK8s(K8sArgs.parse(args), fakeHost({ facts: byKind, check }));
}
const changesOf = (made: Plan): readonly string[] => (made.type === 'changes' ? made.changes.map((each) => `${each.resource}: ${each.what}`) : [`${made.type}${'msg' in made ? `: ${made.msg ?? ''}` : ''}`]);
const key = (manifest: Manifest, args: Readonly<Record<string, unknown>> = {}): AnyQuery => applied(keyOf(login, manifest, K8sArgs.parse({ definition: {}, ...args })));

describe('planK8s', () => {
  it('changes nothing where a dry run of the server would change nothing, whatever it counts', () => {
    expect(plan({ definition: settings('a') }, [[key(settings('a')), heard(settings('a'), settings('a'))]])).toEqual({ type: 'ok' });
  });

  it('says which fields differ, by the server’s own dry run', () => {
    const made = plan({ definition: settings('b') }, [[key(settings('b')), heard(settings('a'), settings('b'))]]);
    expect(changesOf(made)).toEqual(['ConfigMap care/settings: change data.mode']);
    expect(made.type === 'changes' ? made.changes[0].diff : undefined).toMatchObject({ before: expect.stringContaining('mode: a') as string, after: expect.stringContaining('mode: b') as string });
  });

  it('makes a namespace and what is in it with one definition; alone, what is in it is refused', () => {
    const facts = [[key(space), heard(null, space)], [key(settings('a')), NO_SPACE]] as const;
    expect(changesOf(plan({ definition: [space, settings('a')] }, facts))).toEqual(['Namespace care: create', 'ConfigMap care/settings: create']);
    expect(changesOf(plan({ definition: [settings('a'), space] }, facts))).toEqual(['failed: ConfigMap care/settings: namespaces "care" not found']);
    expect(plan({ definition: settings('a') }, facts, true)).toMatchObject({ type: 'unknown' });
  });

  it('takes an object of a kind that the same definition brings', () => {
    const crd: Manifest = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'wards.care.example' }, spec: { group: 'care.example' } };
    const ward: Manifest = { apiVersion: 'care.example/v1', kind: 'Ward', metadata: { name: 'w1', namespace: 'care' } };
    expect(changesOf(plan({ definition: [crd, ward] }, [[key(crd), heard(null, crd)], [key(ward), { ok: false, status: 404, reason: 'NoKind', msg: 'the API serves no care.example/v1' }]]))).toHaveLength(2);
  });

  it('names who owns a field, and how to take it over', () => {
    const conflict = { ok: false, status: 409, reason: 'Conflict', msg: 'conflict with "kubectl-edit": .data.mode' };
    expect(plan({ definition: settings('a'), force_conflicts: false }, [[key(settings('a'), { force_conflicts: false }), conflict]])).toMatchObject({ type: 'failed', msg: expect.stringContaining('kubectl-edit') as string, remedy: expect.stringContaining('force_conflicts') as string });
  });

  it('deletes what has the labels and is in the definition no more', () => {
    const args = { definition: settings('a'), prune: { labels: 'set=x', kinds: [{ api_version: 'v1', kind: 'ConfigMap' }] } };
    const [prune] = pruneKeys(login, K8sArgs.parse(args));
    if (prune === undefined) throw new Error('nothing is pruned');
    const old = { ...settings('z'), metadata: { name: 'old', namespace: 'care' } };
    expect(changesOf(plan(args, [[key(settings('a')), heard(settings('a'), settings('a'))], [listed(prune), { ok: true, value: [settings('a'), old] }]]))).toEqual(['ConfigMap care/old: delete: it is in the definition no more']);
    // One that waits for its finalizers is not deleted again.
    const going = { ...old, metadata: { ...old.metadata, deletionTimestamp: '2026-11-26T12:00:00Z' } };
    expect(plan(args, [[key(settings('a')), heard(settings('a'), settings('a'))], [listed(prune), { ok: true, value: [settings('a'), going] }]])).toEqual({ type: 'ok' });
  });

  it('keeps what the API has in default because the definition names no namespace, and what is in none though the task names one', () => {
    const bare: Manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { mode: 'a' } };
    const inDefault: Manifest = { ...bare, metadata: { name: 'settings', namespace: 'default' } };
    const kinds = [{ api_version: 'v1', kind: 'ConfigMap' }];
    const of = (args: Readonly<Record<string, unknown>>): AnyQuery => {
      const [prune] = pruneKeys(login, K8sArgs.parse(args));
      if (prune === undefined) throw new Error('nothing is pruned');
      return listed(prune);
    };
    const first = { definition: bare, prune: { labels: 'set=x', kinds } };
    expect(plan(first, [[key(bare), heard(inDefault, inDefault)], [of(first), { ok: true, value: [inDefault] }]])).toEqual({ type: 'ok' });
    const role: Manifest = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'reader' } };
    const sent: Manifest = { ...role, metadata: { name: 'reader', namespace: 'care' } };
    const second = { definition: role, namespace: 'care', prune: { labels: 'set=x', kinds: [{ api_version: role.apiVersion, kind: role.kind }] } };
    expect(plan(second, [[key(sent), heard(role, role)], [of(second), { ok: true, value: [role] }]])).toEqual({ type: 'ok' });
  });

  it('deletes in the opposite order, and only what is there', () => {
    const facts = [[present({ login, manifest: space }), { ok: true, value: true }], [present({ login, manifest: settings('a') }), { ok: true, value: true }]] as const;
    expect(changesOf(plan({ state: 'absent', definition: [space, settings('a')] }, facts))).toEqual(['ConfigMap care/settings: delete', 'Namespace care: delete']);
    expect(plan({ state: 'absent', definition: space }, [[present({ login, manifest: space }), { ok: true, value: false }]])).toEqual({ type: 'ok' });
  });
});

describe('manifestsOf', () => {
  it('takes maps, lists, Lists and YAML of several documents, and gives a namespace to those without', () => {
    const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: own}}]\n';
    expect(manifestsOf([text, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }], 'care').map((m) => `${m.metadata.namespace ?? ''}/${m.metadata.name}`)).toEqual(['care/a', 'own/b', 'care/c']);
  });
  it('says which object is none', () => {
    expect(() => manifestsOf([space, { apiVersion: 'v1', kind: 'Pod' }], undefined)).toThrow(/object 2 is none: metadata/);
    expect(() => manifestsOf('a: [', undefined)).toThrow(/not YAML/);
  });
});

describe('essenceText', () => {
  it('shows that a value of a Secret is another, never what it is', () => {
    const secret = (word: string): Readonly<Record<string, unknown>> => ({ kind: 'Secret', data: { word, same: 'c2FtZQ==' } });
    const text = essenceText(secret('bmV3'), secret('b2xk'));
    expect(text).toContain('word: "******** (another)"');
    expect(text).toContain('same: "********"');
    expect(text).not.toContain('bmV3');
  });

  it('does not show the copy of a Secret that kubectl apply has left in it', () => {
    const made: Readonly<Record<string, unknown>> = { kind: 'Secret', metadata: { name: 'x', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"word":"b2xk"}}', other: 'seen' } }, data: { word: 'b2xk' } };
    const text = essenceText(made, null);
    expect(text).not.toContain('b2xk');
    expect(text).toContain('other: seen');
  });
});
