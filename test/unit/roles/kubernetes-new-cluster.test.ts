/** When role kubernetes makes a new cluster: never while there may be one. The tasks themselves, on hosts that have nothing of it. */
import { afterEach, expect, test } from 'vitest';
import { testProject, type TestProject } from '../run/support.ts';

let project: TestProject | undefined;
afterEach(() => { project?.remove(); });

const PLANES = ['k1', 'k2', 'k3'] as const;
const NOTHING = { kubernetes_seen: true, kubernetes_joined: false, kubernetes_answers: false, kubernetes_has_data: false };
type Looked = Readonly<Record<string, Partial<typeof NOTHING>>>;

/** How the first task on k1 ends, when that is what a look at the nodes has told. */
async function begun(looked: Looked): Promise<{ readonly status: string; readonly error: string }> {
  const hosts = Object.fromEntries([...PLANES, 'w1'].map((name, i) => [name, { ansible_host: `192.0.2.${String(i + 1)}`, told: { ...NOTHING, ...looked[name] } }]));
  project = testProject({
    'inventory.yml': JSON.stringify({
      all: {
        vars: { ansible_connection: 'local', kubernetes_encryption_keys: [], kubernetes_unfinished: { stat: { exists: false } }, kubernetes_kubelet_conf: { stat: { exists: false } } }, hosts,
        children: { kube_control_plane: { hosts: Object.fromEntries(PLANES.map((name) => [name, null])) }, kube_node: { hosts: { w1: null } } },
      },
    }),
    'playbook.yml': [
      '- hosts: all', '  tasks:', '    - set_fact: { kubernetes_seen: "{{ told.kubernetes_seen }}", kubernetes_joined: "{{ told.kubernetes_joined }}", kubernetes_answers: "{{ told.kubernetes_answers }}", kubernetes_has_data: "{{ told.kubernetes_has_data }}" }',
      '- hosts: k1', '  tasks:', '    - include_role: { name: kubernetes, tasks_from: control_plane }', '',
    ].join('\n'),
  });
  const result = await project.run({ mode: 'check' });
  const first = result.events.find((event) => event.type === 'task' && event.host === 'k1' && event.task === 'no cluster is made while there may be one');
  if (first?.type !== 'task') throw new Error(JSON.stringify(result.events));
  return { status: first.status, error: first.error ?? '' };
}

test('a new cluster is made when nothing of one is anywhere', async () => {
  expect(await begun({})).toEqual({ status: 'ok', error: '' });
});

test.each([
  ['a worker has joined one', { w1: { kubernetes_joined: true } }, 'Part of one already: w1;'],
  ['another control plane has joined one and does not answer', { k2: { kubernetes_joined: true, kubernetes_has_data: true } }, 'Part of one already: k2;'],
  ['another control plane has lost /etc/kubernetes and kept the data of etcd', { k3: { kubernetes_has_data: true } }, 'with data of etcd in /var/lib/etcd/member: k3;'],
  ['nobody has looked at a control plane', { k2: { kubernetes_seen: false } }, 'not looked at by this run: k2.'],
  ['nobody has looked at a worker', { w1: { kubernetes_seen: false } }, 'not looked at by this run: w1.'],
] as const)('none is made when %s', async (_why, looked, told) => {
  expect(await begun(looked)).toMatchObject({ status: 'failed', error: expect.stringContaining(told) as string });
});
