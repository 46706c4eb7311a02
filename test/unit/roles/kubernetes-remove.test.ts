/** A node is reset only after the cluster has let it go. The tasks of role kubernetes themselves, on hosts that have nothing of it; the drill removes a real one. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../src/support/package-root.ts';
import { testProject, type TestProject } from '../run/support.ts';

let project: TestProject | undefined;
afterEach(() => { project?.remove(); });

async function reset(forgotten: string): Promise<readonly string[]> {
  project = testProject({
    'inventory.yml': [
      'all:', '  vars:', '    ansible_connection: local', '    kubernetes_remove: worker', '    kubernetes_encryption_keys: []',
      '  children:', '    kube_control_plane: { hosts: { plane: { ansible_host: 192.0.2.1 } } }', '    kube_node: { hosts: { worker: { ansible_host: 192.0.2.2 } } }', '',
    ].join('\n'),
    'playbook.yml': [
      '- hosts: kube_control_plane', '  tasks:', `    - set_fact: { kubernetes_forgotten: "${forgotten}" }`,
      '- hosts: all', '  tasks:', '    - include_role: { name: kubernetes, tasks_from: removed }', '',
    ].join('\n'),
  });
  const result = await project.run();
  return result.tasks.filter((task) => task.startsWith('worker|'));
}

test('a node that no control plane has taken out is left as it is', async () => {
  expect(await reset('')).toEqual(['worker|the cluster has let it go|failed']);
});

test('a node that was taken out is reset', async () => {
  expect(await reset('worker')).toEqual(['worker|the cluster has let it go|ok', expect.stringMatching(/^worker\|kubeadm takes back what it has made\|(ok|skipped)$/), 'worker|nor has it an account for copies of backups (role etcd_backup)|ok']);
});

test('a node that cannot leave ends the run before anything on it is touched', () => {
  const plays = parse(readFileSync(path.join(packageRoot(), 'playbooks/kubernetes-node-remove.yml'), 'utf8')) as readonly { readonly name: string; readonly any_errors_fatal?: boolean; readonly ignore_unreachable?: boolean }[];
  expect(plays.find((play) => play.name === 'the node leaves')).toMatchObject({ any_errors_fatal: true, ignore_unreachable: true });
});
