/** Blocks, rescue, always, handlers: what runs when something fails. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { testProject, type TestProject } from './support.ts';

let project: TestProject | undefined;
afterEach(() => {
  project?.remove();
  project = undefined;
});

function make(playbook: string, files: Readonly<Record<string, string>> = {}, hosts: readonly string[] = ['one']): TestProject {
  project = testProject({ 'playbook.yml': playbook, ...files }, hosts);
  return project;
}
const log = (p: TestProject): readonly string[] => {
  const name = path.join(p.dir, 'work/log');
  return existsSync(name) ? readFileSync(name, 'utf8').trim().split('\n') : [];
};
const say = (word: string): string => `shell: "echo ${word} >> {{ work }}/log"`;

describe('blocks', () => {
  it('nest: the innermost rescue takes a failure, a failing rescue goes outwards, always runs at each level', async () => {
    const p = make(`
- hosts: all
  tasks:
    - block:
        - block:
            - { name: breaks, command: /bin/false }
            - { ${say('never')} }
          rescue:
            - { ${say('rescue-inner')} }
            - { name: breaks again, command: /bin/false }
          always:
            - { ${say('always-inner')} }
      rescue:
        - { ${say('rescue-outer')} }
      always:
        - { ${say('always-outer')} }
    - { ${say('after')} }
`);
    const result = await p.run();
    expect(result.status).toBe(0);
    expect(log(p)).toEqual(['rescue-inner', 'always-inner', 'rescue-outer', 'always-outer', 'after']);
    expect(result.summary?.total).toMatchObject({ failed: 0, rescued: 2 });
  });

  it('a failing always fails the host, and is what is reported', async () => {
    const p = make(`
- hosts: all
  tasks:
    - block:
        - { ${say('body')} }
      always:
        - { name: cleaning, command: /bin/false }
    - { ${say('never')} }
`);
    const result = await p.run();
    expect(result.status).toBe(3);
    expect(log(p)).toEqual(['body']);
    expect(result.tasks.at(-1)).toBe('one|cleaning|failed');
  });

  it('a change that fails in a batch reports its own failure only, and what was planned on top of it is not reported', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: cannot be, copy: { dest: "{{ work }}/b", content: b, validate: "/bin/false %s" } }
    - { name: relies on it, file: { path: "{{ work }}/b", state: file, mode: "0600" } }
    - { name: fails in planning, file: { path: "{{ work }}/nothing", state: file } }
`);
    const result = await p.run();
    expect(result.tasks).toEqual(['one|cannot be|failed']);
    expect(result.summary?.total.failed).toBe(1);
  });
});

describe('handlers', () => {
  it('run in the order of their definition, once each; listen and notify of a block work; a handler may notify another', async () => {
    const p = make(`
- hosts: all
  tasks:
    - block:
        - copy: { dest: "{{ work }}/a", content: x }
        - copy: { dest: "{{ work }}/b", content: x }
      notify: third
    - { copy: { dest: "{{ work }}/c", content: x }, notify: [second, everybody] }
    - { copy: { dest: "{{ work }}/c", content: x }, notify: unchanged }
  handlers:
    - { name: first, ${say('first')}, listen: everybody }
    - { name: second, ${say('second')}, notify: last }
    - { name: third, ${say('third')}, listen: [everybody, somebody] }
    - { name: unchanged, ${say('unchanged')} }
    - { name: last, ${say('last')} }
`);
    expect((await p.run()).status).toBe(0);
    expect(log(p)).toEqual(['first', 'second', 'third', 'last']);
  });

  it('meta flush_handlers runs what is due now, and it is not run again at the end', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { copy: { dest: "{{ work }}/a", content: x }, notify: restart }
    - meta: flush_handlers
    - { ${say('task')} }
  handlers:
    - { name: restart, ${say('restart')} }
`);
    await p.run();
    expect(log(p)).toEqual(['restart', 'task']);
  });

  it('a change that was not made notifies nobody, even when a rescue goes on', async () => {
    const p = make(`
- hosts: all
  tasks:
    - block:
        - { copy: { dest: "{{ work }}/b", content: b, validate: "/bin/false %s" }, notify: restart }
        - { copy: { dest: "{{ work }}/c", content: c }, notify: reload }
      rescue:
        - { ${say('rescued')} }
  handlers:
    - { name: restart, ${say('restart')} }
    - { name: reload, ${say('reload')} }
`);
    expect((await p.run()).status).toBe(0);
    expect(log(p)).toEqual(['rescued']);
  });

  it('a failed host runs its handlers with force_handlers only; a failing handler stops the host', async () => {
    const play = (more: string): string => `
- hosts: all
${more}
  tasks:
    - { copy: { dest: "{{ work }}/a", content: x }, notify: restart }
    - command: /bin/false
  handlers:
    - { name: restart, ${say('restart')} }
`;
    const p = make(play(''));
    expect((await p.run()).status).toBe(3);
    expect(log(p)).toEqual([]);
    rmSync(path.join(p.dir, 'work/a'));
    p.write('playbook.yml', play('  force_handlers: true'));
    expect((await p.run()).status).toBe(3);
    expect(log(p)).toEqual(['restart']);
    p.write('playbook.yml', `- hosts: all\n  tasks:\n    - { copy: { dest: "{{ work }}/z", content: x }, notify: restart }\n  post_tasks:\n    - { ${say('never')} }\n  handlers:\n    - { name: restart, command: /bin/false }\n`);
    const broken = await p.run();
    expect(broken.status).toBe(3);
    expect(log(p)).toEqual(['restart']);
    expect(broken.tasks.at(-1)).toBe('one|restart|failed');
  });

  it('force_handlers runs each handler once: one that fails is not tried again, and keeps no other from being run', async () => {
    const handlers = `
  handlers:
    - { name: first, shell: "echo first >> {{ work }}/log; exit 1" }
    - { name: second, shell: "echo second >> {{ work }}/log; exit 1" }
    - { name: third, ${say('third')} }
`;
    const notify = '{ copy: { dest: "{{ work }}/a", content: x }, notify: [first, second, third] }';
    // The failure is a handler's own.
    const p = make(`- hosts: all\n  force_handlers: true\n  tasks:\n    - ${notify}\n${handlers}`);
    expect((await p.run()).status).toBe(3);
    expect(log(p)).toEqual(['first', 'second', 'third']);
    // The failure is a task's.
    rmSync(path.join(p.dir, 'work/a'));
    rmSync(path.join(p.dir, 'work/log'));
    p.write('playbook.yml', `- hosts: all\n  force_handlers: true\n  tasks:\n    - ${notify}\n    - command: /bin/false\n${handlers}`);
    const failed = await p.run();
    expect(failed.status).toBe(3);
    expect(log(p)).toEqual(['first', 'second', 'third']);
    expect(failed.tasks.filter((line) => line.includes('|first|'))).toEqual(['one|first|failed']);
  });
});
