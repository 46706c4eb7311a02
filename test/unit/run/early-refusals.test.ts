/** What a module refuses by its arguments is told before any host is touched, where it can be told. */
import { afterEach, expect, test } from 'vitest';
import { validateProject } from '../../../src/run/validate-project.ts';
import { testProject, type TestProject } from './support.ts';

let project: TestProject | undefined;
afterEach(() => {
  project?.remove();
});

const task = (planes: string, more = ''): string => `
    - kubernetes_inventory:
        version: 1.36.4
        control_planes: ${planes}
        pod_network: 10.244.0.0/16
        pod_network_node_prefix: 24
        service_network: 10.96.0.0/16
${more}`;
const playbook = (...tasks: readonly string[]): string => `- hosts: all\n  vars: {planes: [{name: a1, address: 10.0.0.1}]}\n  tasks:\n    - file: {path: "{{ work }}/made", state: touch}${tasks.join('')}`;
const made = (files: string): TestProject => (project = testProject({ 'playbook.yml': files }));
const problems = (of: TestProject): readonly string[] =>
  validateProject({ inventory: [`${of.dir}/inventory.yml`], playbooks: [`${of.dir}/playbook.yml`], limit: undefined, extraVars: {} }).problems.map((p) => p.message);

test('a run does not begin', async () => {
  const one = made(playbook(task('"{{ planes }}"')));
  expect(problems(one)).toEqual([expect.stringContaining('1 control plane (a1)')]);
  await expect(one.run()).rejects.toThrow('1 control plane (a1)');
  await expect(one.run({ mode: 'check' })).rejects.toThrow('1 control plane (a1)');
});

test('nor with one of a block, or of a loop; but with one that will not run, or was not chosen', async () => {
  expect(problems(made(playbook('\n    - block:', task('"{{ planes }}"').replaceAll('\n', '\n    '))))).toHaveLength(1);
  project?.remove();
  expect(problems(made(playbook(task('[{name: "{{ item }}", address: 10.0.0.1}]', '      loop: [x, y]'))))).toHaveLength(2);
  project?.remove();
  expect(problems(made(playbook(task('"{{ planes }}"', '      when: size(planes) > 1'))))).toEqual([]);
  project?.remove();
  const tagged = made(playbook(task('"{{ planes }}"', '      tags: [shape]')));
  expect((await tagged.run({ skipTags: ['shape'] })).status).toBe(0);
});

test('what hangs on a fact is judged when it is reached', async () => {
  const late = made(playbook(task('[{name: "{{ ansible_hostname }}", address: 10.0.0.1}]')));
  expect(problems(late)).toEqual([]);
  const result = await late.run();
  expect([result.status, result.summary?.total.failed]).toEqual([3, 1]);
});

test('what is wrong with a group is told where its hosts are written', () => {
  const voters = '\n    - voters_inventory: {what: members of etcd, group: etcd, geo_ha: required, voters: [{name: one, site: x}]}';
  const one = made(playbook(voters));
  one.write('inventory.yml', 'all:\n  vars: {ansible_connection: local, work: w}\n  children:\n    site:\n      children:\n        etcd:\n    etcd:\n      hosts:\n        one:\n');
  const [problem] = validateProject({ inventory: [`${one.dir}/inventory.yml`], playbooks: [`${one.dir}/playbook.yml`], limit: undefined, extraVars: {} }).problems;
  expect(problem?.format()).toMatch(/inventory\.yml:7:5.*site x has 1 of 1 members of etcd \(one\)/);
  expect(problem?.format()).toMatch(/asked for by the task at .*playbook\.yml:5/);
});
