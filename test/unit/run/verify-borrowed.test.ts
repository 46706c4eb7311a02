import { expect, it } from 'vitest';
import { testProject } from './support.ts';

it('a role of which only one task file was used is not verified', async () => {
  const project = testProject({
    'playbook.yml': '- hosts: all\n  roles: [whole]\n',
    'roles/whole/role.yml': 'summary: Uses a part of another\n',
    'roles/whole/tasks/main.yml': '- include_role: { name: part, tasks_from: piece }\n',
    'roles/whole/verify.yml': '- { name: of the whole, command: "true", changed_when: false }\n',
    'roles/part/role.yml': 'summary: Has parts\n',
    'roles/part/tasks/piece.yml': '- { name: a piece, command: "true", changed_when: false }\n',
    'roles/part/verify.yml': '- { name: of the part, command: "false", changed_when: false }\n',
  });
  try {
    const result = await project.run({ mode: 'verify' });
    expect([result.status, result.tasks]).toEqual([0, ['one|of the whole|ok']]);
  } finally {
    project.remove();
  }
});
