/** What the playbooks of role kubernetes refuse by what a look at the nodes has told. The tasks themselves, on hosts that have nothing of a cluster. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { testProject, type TestProject } from '../run/support.ts';

let project: TestProject | undefined;
afterEach(() => { project?.remove(); });

const PLANES = ['k1', 'k2', 'k3'] as const;
const NOTHING = { kubernetes_seen: true, kubernetes_joined: false, kubernetes_answers: false, kubernetes_has_data: false, kubernetes_cut_off: false };
type Fact = keyof typeof NOTHING;
const FACTS: readonly Fact[] = ['kubernetes_seen', 'kubernetes_joined', 'kubernetes_answers', 'kubernetes_has_data', 'kubernetes_cut_off'];
type Looked = Readonly<Record<string, Partial<typeof NOTHING>>>;
const ALIVE = { kubernetes_joined: true, kubernetes_answers: true, kubernetes_has_data: true };

/** How a task on a host ends, when that is what a look at the nodes has told. */
async function ends(task: string, host: string, include: object, looked: Looked, vars: object = {}): Promise<{ readonly status: string; readonly error: string }> {
  const hosts = Object.fromEntries([...PLANES, 'w1'].map((name, i) => [name, { ansible_host: `192.0.2.${String(i + 1)}`, told: { ...NOTHING, ...looked[name] } }]));
  project = testProject({
    'inventory.yml': JSON.stringify({
      all: {
        vars: { ansible_connection: 'local', kubernetes_encryption_keys: [], ...vars }, hosts,
        children: { kube_control_plane: { hosts: Object.fromEntries(PLANES.map((name) => [name, null])) }, kube_node: { hosts: { w1: null } } },
      },
    }),
    'playbook.yml': JSON.stringify([
      { hosts: 'all', tasks: [{ set_fact: { ...Object.fromEntries(FACTS.map((fact) => [fact, `{{ told.${fact} }}`])), kubernetes_unfinished: { stat: { exists: '{{ told.kubernetes_cut_off }}' } } } }] },
      { hosts: host, tasks: [include] },
    ]),
  });
  const result = await project.run({ mode: 'check' });
  const its = result.events.find((event) => event.type === 'task' && event.host === host && event.task === task);
  if (its?.type !== 'task') throw new Error(JSON.stringify(result.events));
  return { status: its.status, error: its.error ?? '' };
}

describe('nothing is changed while somebody is missing in the run', () => {
  const seen = (needed: string, looked: Looked): ReturnType<typeof ends> => ends('nobody is missing in this run', 'k1', { include_role: { name: 'kubernetes', tasks_from: 'all_seen' }, vars: { kubernetes_needed: needed } }, looked);

  test('of the nodes, or of the control planes alone', async () => {
    expect(await seen('nodes', {})).toEqual({ status: 'ok', error: '' });
    expect(await seen('control_planes', { w1: { kubernetes_seen: false } })).toEqual({ status: 'ok', error: '' });
    expect(await seen('nodes', { w1: { kubernetes_seen: false } })).toMatchObject({ status: 'failed', error: expect.stringContaining('has not looked at w1, and nothing is changed without') as string });
    expect(await seen('control_planes', { k2: { kubernetes_seen: false }, k3: { kubernetes_seen: false } })).toMatchObject({ status: 'failed', error: expect.stringContaining('has not looked at k2, k3,') as string });
  });

  // A host that is unreachable in the first play has no part in the next ones, so their any_errors_fatal can't see it.
  test.each([
    ['kubernetes-upgrade', 'nodes', 'how far the control planes are from each other'],
    ['kubernetes-etcd-restore', 'control_planes', 'how far the control planes are from each other'],
    ['kubernetes-encryption-rotate', 'control_planes', 'every API server can read by the new key'],
  ] as const)('%s asks before its first change', (name, needed, first) => {
    const plays = parse(readFileSync(path.join(import.meta.dirname, '../../../playbooks', `${name}.yml`), 'utf8')) as readonly { readonly name?: string; readonly any_errors_fatal?: boolean; readonly tasks?: readonly { readonly include_role?: { readonly tasks_from?: string }; readonly vars?: { readonly kubernetes_needed?: string } }[] }[];
    const at = plays.findIndex((play) => play.name === first);
    const before = plays[at - 1];
    expect([before?.any_errors_fatal, before?.tasks?.[0]?.include_role?.tasks_from, before?.tasks?.[0]?.vars?.kubernetes_needed]).toEqual([true, 'all_seen', needed]);
  });
});

describe('data of etcd of another life', () => {
  const HAS = { k1: ALIVE, k2: ALIVE, k3: { kubernetes_has_data: true } };
  const CUT_OFF = { ...HAS, k3: { kubernetes_has_data: true, kubernetes_cut_off: true } };
  const join = { include_role: { name: 'kubernetes', tasks_from: 'join' }, vars: { kubernetes_kind: 'control-plane' } };
  const replace = { include_role: { name: 'kubernetes', tasks_from: 'replace_allowed' } };

  test('keeps a node from joining before its former member is removed for it', async () => {
    expect(await ends('no data of etcd of another life', 'k3', join, HAS)).toMatchObject({ status: 'failed', error: expect.stringContaining('move it away when it is not needed') as string });
    expect(await ends('no data of etcd of another life', 'k3', join, CUT_OFF)).toMatchObject({ status: 'ok' });
  });

  test('keeps it from being replaced, unless a join that was cut off has left it', async () => {
    const vars = { kubernetes_replace: 'k3' };
    expect(await ends('it has no data of etcd of another life', 'k1', replace, HAS, vars)).toMatchObject({ status: 'failed', error: expect.stringContaining('k3 has data of etcd') as string });
    expect(await ends('it has no data of etcd of another life', 'k1', replace, CUT_OFF, vars)).toMatchObject({ status: 'ok' });
    expect(await ends('it was reinstalled', 'k1', replace, { ...HAS, k3: ALIVE }, vars)).toMatchObject({ status: 'failed', error: expect.stringContaining('still one of the cluster') as string });
  });
});
