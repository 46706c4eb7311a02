import { describe, expect, it } from 'vitest';
import type { AnyQuery } from '../../../../src/host/query.ts';
import type { Plan } from '../../../../src/host/plan.ts';
import { decideDrain, type DrainRules } from '../../../../src/modules/k8s_drain/decide.ts';
import { k8sDrain } from '../../../../src/modules/k8s_drain/index.ts';
import { cordoned, evictable, nodePods } from '../../../../src/modules/k8s_drain/queries.ts';
import type { NodePod } from '../../../../src/services/kubernetes/nodes.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeHost } from '../fake-host.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8sDrain, import.meta.url);

const pod = (name: string, more: Partial<NodePod> = {}): NodePod => ({ namespace: 'care', name, uid: `uid-${name}`, isMirror: false, isFinished: false, controller: { kind: 'ReplicaSet', name: 'web' }, hasDaemonSet: false, emptyDirs: [], deletedAt: undefined, ...more });
const strict: DrainRules = { force: false, ignoreDaemonSets: false, deleteEmptyDirData: false, skipWaitSeconds: undefined };
const daemon = { controller: { kind: 'DaemonSet', name: 'logs' }, hasDaemonSet: true };
const NOW = Date.parse('2026-01-01T01:00:00Z') / 1000;
const judged = (one: NodePod, rules: Partial<DrainRules> = {}): string => {
  const { evict, leave, forbidden } = decideDrain([one], { ...strict, ...rules }, NOW);
  expect(evict.length + leave.length + forbidden.length).toBe(1);
  return evict.length === 1 ? 'evict' : (forbidden[0] ?? `leave: ${leave[0]?.why ?? ''}`);
};

describe('decideDrain, as kubectl drain', () => {
  it.each<[string, NodePod, Partial<DrainRules>, string | RegExp]>([
    ['a pod of a ReplicaSet', pod('a'), {}, 'evict'],
    ['a mirror pod', pod('a', { isMirror: true, controller: undefined }), {}, /^leave: kubelet/],
    ['a pod of a DaemonSet', pod('a', daemon), {}, /ignore_daemonsets/],
    ['the same, ignored', pod('a', { ...daemon, emptyDirs: ['x'] }), { ignoreDaemonSets: true }, /^leave: DaemonSet logs/],
    ['one of a DaemonSet that is gone', pod('a', { ...daemon, hasDaemonSet: false }), { ignoreDaemonSets: true }, /force/],
    ['the same, by force', pod('a', { ...daemon, hasDaemonSet: false }), { force: true }, 'evict'],
    ['one of a DaemonSet that has ended', pod('a', { ...daemon, isFinished: true }), {}, 'evict'],
    ['one with an emptyDir', pod('a', { emptyDirs: ['x', 'y'] }), {}, /emptyDir x, y/],
    ['the same, allowed', pod('a', { emptyDirs: ['x'] }), { deleteEmptyDirData: true }, 'evict'],
    ['one with an emptyDir that has ended', pod('a', { emptyDirs: ['x'], isFinished: true }), {}, 'evict'],
    ['one that nobody makes anew', pod('a', { controller: undefined }), {}, /has no controller/],
    ['the same, by force', pod('a', { controller: undefined }), { force: true }, 'evict'],
    ['one that has ended', pod('a', { controller: undefined, isFinished: true }), {}, 'evict'],
    ['one that does not end', pod('a', { deletedAt: '2026-01-01T00:50:00Z' }), { skipWaitSeconds: 300 }, /^leave: it has been being deleted/],
    ['one that may still end', pod('a', { deletedAt: '2026-01-01T00:58:00Z' }), { skipWaitSeconds: 300 }, 'evict'],
    ['one that does not end, waited for', pod('a', { deletedAt: '2025-01-01T00:50:00Z' }), {}, 'evict'],
  ])('%s', (_name, one, rules, expected) => {
    const verdict = judged(one, rules);
    if (typeof expected === 'string') expect(verdict).toBe(expected);
    else expect(verdict).toMatch(expected);
  });
});

const CONFIG = '/etc/kubernetes/admin.conf';
const login = { path: CONFIG, config: Secret.derived('a kubeconfig') };
function plan(args: object, facts: readonly (readonly [AnyQuery, unknown])[], check = false): Plan {
  const byKind: Record<string, Record<string, unknown>> = { content: { [CONFIG]: Buffer.from('a kubeconfig') } };
  for (const [query, fact] of facts) (byKind[query.kind.name] ??= {})[query.id.slice(query.kind.name.length + 1)] = fact;
  return k8sDrain.prepare({ name: 'n1', ...args }).plan(fakeHost({ facts: byKind, check }));
}
const node = cordoned({ login, node: 'n1' });
const pods = nodePods({ login, node: 'n1', labels: '' });
const ok = (value: unknown): unknown => ({ ok: true, value });
const changesOf = (made: Plan): readonly string[] => (made.type === 'changes' ? made.changes.map((each) => `${each.resource}: ${each.what}`) : [`${made.type}${'msg' in made ? `: ${made.msg ?? ''}` : ''}`]);

describe('k8s_drain', () => {
  it('does nothing where nothing is to be done', () => {
    expect(plan({ state: 'uncordon' }, [[node, ok(false)]])).toEqual({ type: 'ok' });
    expect(plan({}, [[node, ok(true)], [pods, ok([pod('a', { isMirror: true })])]])).toMatchObject({ type: 'ok', values: { evicted: [], left: [{ pod: 'care/a' }] } });
  });

  it('cordons first, and evicts what is there', () => {
    expect(changesOf(plan({}, [[node, ok(false)], [pods, ok([pod('b'), pod('a')])]]))).toEqual(['node n1: cordon: no new pods', 'pods on node n1: evict 2: care/a, care/b']);
    expect(changesOf(plan({ delete_options: { disable_eviction: true } }, [[node, ok(true)], [pods, ok([pod('b')])]]))).toEqual(['pods on node n1: delete 1: care/b']);
  });

  it('claims the cordon, and gives the eviction the time that it may take', () => {
    const made = plan({ delete_options: { wait_timeout: 600 } }, [[node, ok(false)], [pods, ok([])]]);
    expect(made.type === 'changes' ? [made.changes.length, made.changes[0].effects.at(-1), made.changes[0].timeoutSeconds] : made).toEqual([1, node.is({ ok: true, value: true }), 660]);
  });

  it('does not even cordon where a pod forbids it', () => {
    expect(changesOf(plan({}, [[node, ok(false)], [pods, ok([pod('a'), pod('b', { controller: undefined })])]]))).toEqual(["failed: node n1 can't be drained, and nothing was done: care/b has no controller that would make it anew elsewhere (force deletes such pods)"]);
  });

  it('warns in check mode of what a budget would keep', () => {
    const may = (name: string, fact: unknown): readonly [AnyQuery, unknown] => [evictable({ login, pod: { namespace: 'care', name, uid: `uid-${name}` } }), fact];
    const facts = [[node, ok(true)], [pods, ok([pod('a'), pod('b')])], may('a', ok({})), may('b', { ok: false, status: 429, reason: 'TooManyRequests', msg: 'Cannot evict pod as it would violate the pod\'s disruption budget.', causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 2 currently' }] })] as const;
    expect(plan({}, facts, true)).toMatchObject({ type: 'changes', warnings: ["care/b would have to wait: Cannot evict pod as it would violate the pod's disruption budget. The disruption budget web needs 2 healthy pods and has 2 currently"] });
    expect(plan({}, facts)).not.toHaveProperty('warnings');
  });
});
