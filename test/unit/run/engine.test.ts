import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Secret } from '../../../src/support/secret.ts';
import { testProject, type TestProject } from './support.ts';

let project: TestProject | undefined;
afterEach(() => {
  project?.remove();
  project = undefined;
});

function make(playbook: string, hosts?: readonly string[], files: Readonly<Record<string, string>> = {}): TestProject {
  project = testProject({ 'playbook.yml': playbook, ...files }, hosts);
  return project;
}

const read = (p: TestProject, file: string): string => readFileSync(path.join(p.dir, 'work', file), 'utf8');

describe('convergence', () => {
  const playbook = `
- hosts: all
  tasks:
    - name: a directory
      file: { path: "{{ work }}/d", state: directory, mode: "0750" }
    - name: a file in it
      copy: { dest: "{{ work }}/d/hello", content: "hello\\n", mode: "0640" }
    - name: a line
      lineinfile: { path: "{{ work }}/d/hello", line: "world" }
`;

  it('makes what is missing, then changes nothing', async () => {
    const p = make(playbook);
    const first = await p.run();
    expect(first.status).toBe(0);
    expect(first.changes).toEqual(['one|directory /work/d', 'one|file /work/d/hello', 'one|file /work/d/hello']);
    expect(read(p, 'd/hello')).toBe('hello\nworld\n');
    p.write('work/d/hello', 'hello\nworld\n');
  });

  it('predicts in check mode what apply then does, and touches nothing', async () => {
    const p = make(playbook);
    const check = await p.run({ mode: 'check' });
    expect(check.status).toBe(2);
    expect(existsSync(path.join(p.dir, 'work', 'd'))).toBe(false);
    const apply = await p.run();
    expect(check.changes).toEqual(apply.changes);
  });

  it('finds and mends drift, and nothing else', async () => {
    const p = make(playbook.replace(/ {4}- name: a line[\s\S]*$/, ''));
    await p.run();
    expect((await p.run()).changes).toEqual([]);
    writeFileSync(path.join(p.dir, 'work/d/hello'), 'changed by hand');
    const drift = await p.run({ mode: 'check' });
    expect(drift.status).toBe(2);
    expect(drift.changes).toEqual(['one|file /work/d/hello']);
    expect((await p.run()).changes).toEqual(['one|file /work/d/hello']);
    expect((await p.run({ mode: 'check' })).status).toBe(0);
  });
});

describe('results and conditions', () => {
  it('lets later tasks use what earlier ones registered', async () => {
    const p = make(`
- hosts: all
  tasks:
    - command: echo one two
      register: said
      changed_when: false
    - copy: { dest: "{{ work }}/out", content: "{{ said.stdout }}" }
      when: said.rc == 0
    - command: /bin/false
      when: said.stdout == "nothing"
`);
    const result = await p.run();
    expect(result.tasks).toEqual(['one|command|ok', 'one|copy|changed', 'one|command|skipped']);
    expect(read(p, 'out')).toBe('one two');
  });

  it('never renders what a host has said', async () => {
    const p = make(`
- hosts: all
  tasks:
    - command: echo "{{{{raw}}}}{{ work }}{{{{/raw}}}}"
      register: said
      changed_when: false
    - copy: { dest: "{{ work }}/out", content: "{{ said.stdout }}" }
`);
    await p.run();
    expect(read(p, 'out')).toBe('{{ work }}');
  });

  it('says unknown in check mode for what only doing could tell', async () => {
    const p = make(`
- hosts: all
  tasks:
    - command: touch {{ work }}/made
      register: made
    - copy: { dest: "{{ work }}/out", content: "x" }
      when: made.rc == 0
`);
    const check = await p.run({ mode: 'check' });
    expect(check.tasks).toEqual(['one|command|changed', 'one|copy|unknown']);
    expect(existsSync(path.join(p.dir, 'work/made'))).toBe(false);
  });

  it('loops, and collects results', async () => {
    const p = make(`
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ item.name }}", content: "{{ item.text }}" }
      loop: [{ name: a, text: A }, { name: b, text: B }]
      register: out
    - copy: { dest: "{{ work }}/count", content: "{{ length out.results }}" }
`);
    const result = await p.run();
    expect(result.status).toBe(0);
    expect([read(p, 'a'), read(p, 'b'), read(p, 'count')]).toEqual(['A', 'B', '2']);
  });

  it('repeats until a condition holds', async () => {
    const p = make(`
- hosts: all
  tasks:
    - shell: echo x >> {{ work }}/log; wc -l < {{ work }}/log
      register: lines
      until: int(trim(lines.stdout)) >= 3
      retries: 5
      delay: 0
      changed_when: false
`);
    const result = await p.run();
    expect(result.status).toBe(0);
    expect(read(p, 'log')).toBe('x\nx\nx\n');
  });
});

describe('until', () => {
  it('tries a change again that failed, and fails with it when it never works', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: before, copy: { dest: "{{ work }}/before", content: x } }
    - name: flaky
      copy: { dest: "{{ work }}/f", content: x, validate: "sh -c 'test -e {{ work }}/tried || { touch {{ work }}/tried; exit 1; }; true %s'" }
      register: r
      until: "!r.failed"
      retries: 3
      delay: 0
    - name: never
      copy: { dest: "{{ work }}/g", content: x, validate: "false %s" }
      register: r
      until: "!r.failed"
      retries: 2
      delay: 0
`);
    const result = await p.run();
    expect(result.tasks).toEqual(['one|before|changed', 'one|flaky|changed', 'one|never|failed']);
    expect([result.status, read(p, 'f'), result.changes.length]).toEqual([3, 'x', 2]);
  });
});

describe('failures', () => {
  it('stops the host at the first failure and leaves the others alone', async () => {
    const p = make(
      `
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-before", content: "x" }
    - name: breaks on two
      command: /bin/sh -c "exit 7"
      when: inventory_hostname == "two"
      changed_when: false
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-after", content: "x" }
`,
      ['one', 'two'],
    );
    const result = await p.run();
    expect(result.status).toBe(3);
    expect(existsSync(path.join(p.dir, 'work/one-after'))).toBe(true);
    expect(existsSync(path.join(p.dir, 'work/two-before'))).toBe(true);
    expect(existsSync(path.join(p.dir, 'work/two-after'))).toBe(false);
    expect(result.summary?.hosts['two']?.failed).toBe(1);
  });

  it('charges a change that fails in a batch to its own task and runs nothing after it', async () => {
    const p = make(`
- hosts: all
  tasks:
    - name: fine
      copy: { dest: "{{ work }}/a", content: "a" }
    - name: cannot be
      copy: { dest: "{{ work }}/b", content: "b", validate: "/bin/false %s" }
    - name: never reached
      copy: { dest: "{{ work }}/c", content: "c" }
`);
    const result = await p.run();
    expect(result.status).toBe(3);
    expect(result.tasks).toEqual(['one|fine|changed', 'one|cannot be|failed']);
    expect(existsSync(path.join(p.dir, 'work/c'))).toBe(false);
    expect(existsSync(path.join(p.dir, 'work/b'))).toBe(false);
  });

  it('rescues, always cleans up, and goes on', async () => {
    const p = make(`
- hosts: all
  tasks:
    - block:
        - copy: { dest: "{{ work }}/b", content: "b", validate: "/bin/false %s" }
        - copy: { dest: "{{ work }}/never", content: "x" }
      rescue:
        - copy: { dest: "{{ work }}/rescued", content: "{{ ansible_failed_task.name }}" }
      always:
        - copy: { dest: "{{ work }}/always", content: "x" }
    - copy: { dest: "{{ work }}/after", content: "x" }
`);
    const result = await p.run();
    expect(result.status).toBe(0);
    expect(['rescued', 'always', 'after', 'never'].map((f) => existsSync(path.join(p.dir, 'work', f)))).toEqual([true, true, true, false]);
    expect(result.summary?.total.rescued).toBe(1);
  });

  it('goes on after ignore_errors', async () => {
    const p = make(`
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/b", content: "b", validate: "/bin/false %s" }
      ignore_errors: true
    - copy: { dest: "{{ work }}/after", content: "x" }
`);
    const result = await p.run();
    expect(result.status).toBe(0);
    expect(result.tasks).toEqual(['one|copy|ignored', 'one|copy|changed']);
  });

  it('honours failed_when and changed_when', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: a, command: "/bin/sh -c 'exit 3'", register: r, failed_when: r.rc != 3, changed_when: r.rc == 3 }
    - { name: b, command: "echo bad", register: s, failed_when: s.stdout == "bad" }
`);
    const result = await p.run();
    expect(result.tasks).toEqual(['one|a|changed', 'one|b|failed']);
  });
});

describe('handlers', () => {
  const playbook = `
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/conf", content: "x" }
      notify: restart it
    - copy: { dest: "{{ work }}/conf2", content: "x" }
      notify: restart it
  handlers:
    - name: restart it
      shell: echo restarted >> {{ work }}/log
`;
  it('run once, at the end, and only after a change', async () => {
    const p = make(playbook);
    expect((await p.run()).status).toBe(0);
    expect(read(p, 'log')).toBe('restarted\n');
    expect((await p.run()).changes).toEqual([]);
    expect(read(p, 'log')).toBe('restarted\n');
  });

  it('are predicted in check mode', async () => {
    const p = make(playbook);
    const check = await p.run({ mode: 'check' });
    const apply = await p.run();
    expect(check.changes).toEqual(apply.changes);
    expect(check.changes).toHaveLength(3);
  });
});

describe('several hosts', () => {
  it('runs run_once on the first and gives all the result', async () => {
    const p = make(
      `
- hosts: all
  tasks:
    - shell: echo {{ inventory_hostname }} >> {{ work }}/log; echo done by {{ inventory_hostname }}
      run_once: true
      register: once
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: "{{ once.stdout }}" }
`,
      ['one', 'two', 'three'],
    );
    expect((await p.run()).status).toBe(0);
    expect(read(p, 'log')).toBe('one\n');
    expect(read(p, 'three')).toBe('done by one');
  });

  it('takes serial batches in order', async () => {
    const p = make(
      `
- hosts: all
  serial: [1, 50%]
  tasks:
    - shell: echo {{ ansible_play_batch.[0] }}-{{ inventory_hostname }} >> {{ work }}/log
`,
      ['a', 'b', 'c', 'd'],
    );
    await p.run();
    const lines = read(p, 'log').trim().split('\n');
    expect(lines[0]).toBe('a-a');
    expect(lines.slice(1, 3).sort()).toEqual(['b-b', 'b-c']);
    expect(lines[3]).toBe('d-d');
  });

  it('ends the play for all with any_errors_fatal', async () => {
    const p = make(
      `
- hosts: all
  any_errors_fatal: true
  tasks:
    - { command: /bin/false, when: inventory_hostname == "two" }
    - { meta: barrier }
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: x }
`,
      ['one', 'two'],
    );
    expect((await p.run()).status).toBe(3);
    expect(existsSync(path.join(p.dir, 'work/one'))).toBe(false);
  });

  it('delegates, with the variables of the original host', async () => {
    const p = make(
      `
- hosts: two
  tasks:
    - copy: { dest: "{{ work }}/by-{{ inventory_hostname }}", content: "{{ lookup hostvars.one 'color' }}" }
      delegate_to: one
`,
      ['one', 'two'],
      { 'host_vars/one.yml': 'color: "{{ \'gr\' }}een"' },
    );
    const result = await p.run();
    expect(result.status).toBe(0);
    expect(read(p, 'by-two')).toBe('green');
  });
});

describe('bad input', () => {
  it.each([
    ['an unknown module', '- hosts: all\n  tasks:\n    - fiel: { path: /x }\n', /fiel is neither a module nor a keyword/],
    ['an unknown argument', '- hosts: all\n  tasks:\n    - file: { pth: /x, path: /y }\n', /pth is not known/],
    ['an unknown keyword', '- hosts: all\n  tasks:\n    - { file: { path: /x }, wehn: "true" }\n', /wehn is not a keyword/],
    ['an undefined variable', '- hosts: all\n  tasks:\n    - file: { path: "{{ wrok }}" }\n', /variable wrok is not defined/],
    ['an unknown helper', '- hosts: all\n  tasks:\n    - file: { path: "{{ joni groups.all }}" }\n', /no helper joni/],
    ['an unknown handler', '- hosts: all\n  tasks:\n    - { file: { path: /x, state: touch }, notify: nobody }\n', /no handler nobody/],
    ['a missing role', '- hosts: all\n  roles: [nothing]\n', /no role nothing/],
    ['an unquoted mode', '- hosts: all\n  tasks:\n    - file: { path: /x, mode: 0644 }\n', /0644 is octal/],
  ])('refuses %s before any host is touched', async (_what, playbook, message) => {
    const p = make(playbook);
    mkdirSync(path.join(p.dir, 'roles'), { recursive: true });
    await expect(p.run()).rejects.toThrow(message);
  });
});

describe('what is said', () => {
  it('debug shows texts, lists and secrets, each as it may be shown', async () => {
    const p = make(`
- hosts: all
  vars: { list: [1, 2] }
  tasks:
    - debug: { msg: "plain" }
    - debug: { msg: "{{ list }}" }
    - debug: { msg: "is {{ hidden }}" }
`);
    const result = await p.run({ extraVars: { hidden: new Secret('hunter22') } });
    expect(result.events.flatMap((e) => (e.type === 'task' ? [e.msg] : []))).toEqual(['plain', '[1,2]', '********']);
  });

  it('an include of which check mode cannot tell counts as unknown', async () => {
    const p = make(
      `
- hosts: all
  tasks:
    - command: touch {{ work }}/made
      register: made
    - include_tasks: more.yml
      when: made.rc == 0
`,
      undefined,
      { 'more.yml': '- copy: { dest: "{{ work }}/x", content: x }\n' },
    );
    const check = await p.run({ mode: 'check' });
    expect(check.tasks).toEqual(['one|command|changed', 'one|include more.yml|unknown']);
    expect((await p.run()).tasks).toEqual(['one|command|changed', 'one|copy|changed']);
  });
});
