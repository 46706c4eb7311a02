/** A role is verified where it is applied: under the conditions of its use. */
import { afterEach, expect, it } from 'vitest';
import { testProject } from './support.ts';
import type { TestProject } from './support.ts';

const projects: TestProject[] = [];
afterEach(() => {
  for (const project of projects.splice(0)) project.remove();
});

const passes = (name: string): string => `- { name: ${name}, command: "true", changed_when: false }\n`;

function make(play: string, more: Readonly<Record<string, string>> = {}): TestProject {
  const project = testProject({
    'playbook.yml': play,
    'roles/part/role.yml': 'summary: Has a promise\noptions:\n  wanted: { type: boolean, default: true, description: whether }\n',
    'roles/part/tasks/main.yml': passes('converges'),
    'roles/part/verify.yml': passes('promised'),
    ...more,
  });
  projects.push(project);
  return project;
}

const warnings = (result: Awaited<ReturnType<TestProject['run']>>): readonly string[] => result.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));

it('a role that a play leaves out is not verified, one that it applies is', async () => {
  const left = await make('- hosts: all\n  roles:\n    - { role: part, when: "!wanted", vars: { wanted: true } }\n').run({ mode: 'verify' });
  expect([left.status, left.tasks]).toEqual([0, ['one|promised|skipped']]);
  const applied = await make('- hosts: all\n  roles:\n    - { role: part, when: wanted }\n').run({ mode: 'verify' });
  expect([applied.status, applied.tasks]).toEqual([0, ['one|promised|ok']]);
});

it('conditions of blocks around an imported role count, and required roles share them', async () => {
  const project = make('- hosts: all\n  tasks:\n    - block:\n        - import_role: { name: outer }\n      when: inventory_hostname == "none"\n', {
    'roles/outer/role.yml': 'summary: Requires a part\nrequires: [part]\n',
    'roles/outer/tasks/main.yml': passes('more'),
    'roles/outer/verify.yml': passes('outer promised'),
  });
  const result = await project.run({ mode: 'verify' });
  expect([result.status, [...result.tasks].sort()]).toEqual([0, ['one|outer promised|skipped', 'one|promised|skipped']]);
});

it('one use without a condition is enough, and then it is verified once', async () => {
  const result = await make('- hosts: all\n  roles:\n    - { role: part, when: "!wanted" }\n    - { role: outer }\n', {
    'roles/outer/role.yml': 'summary: Takes the part again\n',
    'roles/outer/tasks/main.yml': '- import_role: { name: part }\n',
  }).run({ mode: 'verify' });
  expect([result.status, result.tasks]).toEqual([0, ['one|promised|ok']]);
});

it.each(['found.rc == 0', 'defined(found)', 'hostvars["one"].found.rc == 0'])('a condition on the result of a task (%s) cannot be known: it is left out, and said so', async (condition) => {
  const project = make(`- name: probing\n  hosts: all\n  pre_tasks:\n    - { name: looks, command: "true", changed_when: false, register: found }\n  roles:\n    - { role: part, when: '${condition}' }\n    - role: sure\n`, {
    'roles/sure/role.yml': 'summary: Always\n',
    'roles/sure/tasks/main.yml': passes('goes'),
    'roles/sure/verify.yml': passes('sure'),
  });
  const result = await project.run({ mode: 'verify' });
  expect([result.status, result.tasks]).toEqual([0, ['one|sure|ok']]);
  expect(warnings(result)).toEqual(['play probing: role part is not verified: whether it is applied hangs on found, which a task of the play finds out, and verify runs no tasks of plays']);
  expect(warnings(await project.run({ mode: 'apply' }))).toEqual([]);
});
