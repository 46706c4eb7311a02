/** Variables, includes, tags, loops, modes: how a single host reads a playbook. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { listRun } from '../../../src/run/listing.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import { Secret } from '../../../src/support/secret.ts';
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
const read = (p: TestProject, file: string): string => readFileSync(path.join(p.dir, 'work', file), 'utf8');
const made = (p: TestProject): readonly string[] => readdirSync(path.join(p.dir, 'work')).sort();
const errors = (result: Awaited<ReturnType<TestProject['run']>>): string => result.events.flatMap((e) => (e.type === 'task' ? [e.error ?? ''] : [])).join('');
const touch = (name: string): string => `copy: { dest: "{{ work }}/${name}", content: x }`;

describe('precedence of variables', () => {
  /** From lowest to highest, as Ansible's list. */
  const LAYERS = ['role defaults', 'group_vars/all', 'group_vars/web', 'host_vars', 'play vars', 'vars_files', 'role vars', 'block vars', 'task vars', 'include_vars', 'set_fact', 'role params', 'extra vars'];

  it('is Ansible\'s for all layers', async () => {
    // Every layer defines its own variable and those of the higher ones: the highest must win each.
    const only = (layer: string): string => {
      const n = LAYERS.indexOf(layer);
      return JSON.stringify(Object.fromEntries(LAYERS.map((_, i) => [i, `v${String(i)}`] as const).filter(([i]) => i >= n).map(([, name]) => [name, layer])));
    };
    const p = make(
      `
- hosts: web
  vars: ${only('play vars')}
  vars_files: [files.yml]
  roles:
    - { role: layered, vars: ${only('role params')} }
`,
      {
        'inventory.yml': 'all:\n  vars: { ansible_connection: local, work: "@DIR@/work" }\n  children: { web: { hosts: { one: } } }\n',
        'group_vars/all.yml': only('group_vars/all'), 'group_vars/web.yml': only('group_vars/web'), 'host_vars/one.yml': only('host_vars'), 'files.yml': only('vars_files'),
        'roles/layered/role.yml': `summary: layers\noptions: ${JSON.stringify(Object.fromEntries(LAYERS.map((_, i) => [`v${String(i)}`, { type: 'string', default: 'role defaults', description: 'x' }])))}\n`,
        'roles/layered/vars/main.yml': only('role vars'),
        'roles/layered/included.yml': only('include_vars'),
        'roles/layered/vars/included.yml': only('include_vars'),
        'roles/layered/tasks/main.yml': `- include_vars: { file: included.yml }\n- set_fact: ${only('set_fact')}\n- vars: ${only('block vars')}\n  block:\n    - vars: ${only('task vars')}\n      copy: { dest: "{{ work }}/out", content: "${LAYERS.map((_, i) => `{{ v${String(i)} }}`).join('|')}" }\n`,
      },
    );
    const extra = JSON.parse(only('extra vars')) as Record<string, string>;
    const result = await p.run({ extraVars: extra });
    expect(errors(result)).toBe('');
    expect(read(p, 'out').split('|')).toEqual(LAYERS);
  });

  it('omit leaves an argument out; set_fact and registered loops with skipped items can be used', async () => {
    const p = make(`
- hosts: all
  tasks:
    - set_fact: { wanted: [a, b, c] }
    - { command: "echo {{ item }}", loop: "{{ wanted }}", when: item != "b", register: said, changed_when: false }
    - copy: { dest: "{{ work }}/out", content: "{{#each said.results}}{{#if this.skipped}}-{{else}}{{ this.stdout }}{{/if}}{{/each}} {{ said.skipped }}", mode: "{{ default file_mode omit }}" }
`);
    const result = await p.run();
    expect(errors(result)).toBe('');
    expect(read(p, 'out')).toBe('a-c false');
  });

  it('include_vars reads the YAML files of a directory in the order of their names', async () => {
    const files = { 'more/1.yml': 'a: 1\nb: 1\n', 'more/2.yaml': 'b: 2\n', 'more/README': 'not: [yaml', 'one.yml': 'a: 3\n' };
    const p = make('- hosts: all\n  tasks:\n    - include_vars: { dir: more }\n    - include_vars: { dir: more, name: under }\n    - copy: { dest: "{{ work }}/out", content: "{{ a }}{{ b }}{{ under.b }}" }\n    - include_vars: { dir: one.yml }\n', files);
    const result = await p.run();
    expect(read(p, 'out')).toBe('122');
    expect(errors(result)).toContain('one.yml is not a directory');
  });
});

describe('includes and roles', () => {
  it('include_tasks and include_role loop, see the item, and bring their handlers; import_playbook hands its tags on', async () => {
    const p = make('- import_playbook: more.yml\n  tags: [imported]\n- hosts: all\n  tasks:\n    - { name: other, ' + touch('other') + ' }\n', {
      'more.yml': `
- hosts: all
  tasks:
    - include_tasks: "{{ item }}.yml"
      loop: [a, b]
    - include_role: { name: "r{{ n }}" }
      loop: [1, 2]
      loop_control: { loop_var: n }
`,
      'a.yml': `- ${touch('from-{{ item }}')}\n`,
      'b.yml': `- ${touch('from-{{ item }}')}\n`,
      'roles/r1/role.yml': 'summary: one\n', 'roles/r1/tasks/main.yml': `- { ${touch('role-{{ n }}')}, notify: done }\n`, 'roles/r1/handlers.yml': `- { name: done, ${touch('handled-1')} }\n`,
      'roles/r2/role.yml': 'summary: two\n', 'roles/r2/tasks/main.yml': `- ${touch('role-{{ n }}')}\n`,
    });
    const result = await p.run({ tags: ['imported'] });
    expect(errors(result)).toBe('');
    expect(made(p)).toEqual(['from-a', 'from-b', 'handled-1', 'role-1', 'role-2']);
  });

  it('a role within another sees the options and variables of that one, also where names are known only when reached', async () => {
    const p = make('- hosts: all\n  tasks:\n    - include_role: { name: "{{ item }}" }\n      vars: { outer_given: given }\n      loop: [outer]\n', {
      'roles/outer/role.yml': 'summary: outer\noptions:\n  outer_option: { type: string, description: an option, default: option }\n  shared: { type: string, description: both have it, default: of outer }\n',
      'roles/outer/vars/main.yml': 'outer_var: "{{ outer_option }} in a variable"\n',
      'roles/outer/tasks/main.yml': '- include_role: { name: inner }\n  vars: { inner_given: "{{ outer_given }}, {{ outer_option }}, {{ outer_var }}" }\n',
      'roles/inner/role.yml': 'summary: inner\noptions:\n  inner_given: { type: string, description: what is given }\n  shared: { type: string, description: both have it, default: of inner }\n',
      'roles/inner/tasks/main.yml': '- copy: { dest: "{{ work }}/out", content: "{{ inner_given }}, {{ shared }}" }\n',
    });
    const result = await p.run();
    expect(errors(result)).toBe('');
    expect(read(p, 'out')).toBe('given, option, option in a variable, of inner');
  });

  it('a fixed include_role may notify the handlers of its role', async () => {
    const p = make('- hosts: all\n  tasks:\n    - include_role: { name: r }\n', {
      'roles/r/role.yml': 'summary: r\n', 'roles/r/tasks/main.yml': `- { ${touch('task')}, notify: done }\n`, 'roles/r/handlers.yml': `- { name: done, ${touch('handled')} }\n`,
    });
    expect((await p.run()).status).toBe(0);
    expect(made(p)).toEqual(['handled', 'task']);
  });

  it('a required role runs once and first; a circle is refused', async () => {
    const role = (name: string, requires: string): Record<string, string> => ({ [`roles/${name}/role.yml`]: `summary: ${name}\n${requires}`, [`roles/${name}/tasks/main.yml`]: `- { name: of ${name}, shell: "echo ${name} >> {{ work }}/log" }\n` });
    const p = make('- hosts: all\n  roles: [a, b]\n', { ...role('a', 'requires: [base]\n'), ...role('b', 'requires: [base]\n'), ...role('base', '') });
    expect((await p.run()).status).toBe(0);
    expect(read(p, 'log')).toBe('base\na\nb\n');
    p.write('roles/base/role.yml', 'summary: base\nrequires: [a]\n');
    await expect(p.run()).rejects.toThrow(/itself: a → base → a/);
  });

  it('of a role whose part alone is included nothing that it requires is run, or asked for; import_role brings it in, and asks', async () => {
    const files = {
      'roles/a/role.yml': 'summary: a\nrequires: [b]\n', 'roles/a/tasks/part.yml': '- { name: part of a, shell: "echo a {{ shown }} >> {{ work }}/log", notify: of b }\n', 'roles/a/tasks/main.yml': '- fail: { msg: not asked for }\n',
      'roles/b/role.yml': 'summary: b\nrequires: [c]\noptions:\n  shown: { type: string, default: seen, description: a default }\n  needed: { type: string, required: true, description: a need }\n',
      'roles/b/tasks/main.yml': '- { name: of b, shell: "echo b {{ needed }} >> {{ work }}/log" }\n', 'roles/b/handlers.yml': '- { name: of b, shell: "echo handler >> {{ work }}/log" }\n', 'roles/b/verify.yml': '- fail: { msg: "{{ needed }}" }\n',
      'roles/c/role.yml': 'summary: c\noptions:\n  other: { type: string, required: true, description: a need }\n', 'roles/c/tasks/main.yml': '- { name: of c, shell: "echo c >> {{ work }}/log" }\n',
    };
    const part = make('- hosts: all\n  tasks:\n    - include_role: { name: a, tasks_from: part }\n', files);
    expect((await part.run()).status).toBe(0);
    expect([read(part, 'log'), (await part.run({ mode: 'verify' })).tasks]).toEqual(['a seen\nhandler\n', []]);
    // By a name that is known when it is reached: likewise.
    const reached = make('- hosts: all\n  vars: { r: a }\n  tasks:\n    - include_role: { name: "{{ r }}", tasks_from: quiet }\n', { ...files, 'roles/a/tasks/quiet.yml': '- { name: quiet, shell: "echo quiet >> {{ work }}/log" }\n' });
    expect((await reached.run()).tasks).toEqual(['one|quiet|changed']);
    // What is set wrongly is wrong for a part as well.
    await expect(make('- hosts: all\n  vars: { shown: [] }\n  tasks:\n    - include_role: { name: a, tasks_from: part }\n', files).run()).rejects.toThrow(/shown/);
    await expect(make('- hosts: all\n  tasks:\n    - import_role: { name: a, tasks_from: part }\n', files).run()).rejects.toThrow(/role b needs needed[^]*role c needs other|role c needs other[^]*role b needs needed/);
    const imported = make('- hosts: all\n  vars: { needed: x, other: y }\n  tasks:\n    - import_role: { name: a, tasks_from: part }\n', files);
    expect((await imported.run()).status).toBe(0);
    expect(read(imported, 'log')).toBe('c\nb x\na seen\nhandler\n');
  });

  it('tags: on roles, always, never, skip; start-at-task; a task name that is nowhere is refused', async () => {
    const p = make('- hosts: all\n  roles: [{ role: r, tags: [web] }]\n  tasks:\n    - { name: plain, ' + touch('plain') + ' }\n    - { name: last, ' + touch('last') + ', tags: [always] }\n    - { name: only asked, ' + touch('never') + ', tags: [never, rare] }\n', {
      'roles/r/role.yml': 'summary: r\n', 'roles/r/tasks/main.yml': `- ${touch('role')}\n`,
    });
    const changed = async (options: Partial<RunOptions>): Promise<readonly string[]> => (await p.run({ mode: 'check', ...options })).changes.map((c) => c.replace('one|file /work/', ''));
    expect(await changed({ tags: ['web'] })).toEqual(['last', 'role']);
    expect(await changed({ skipTags: ['web'] })).toEqual(['last', 'plain']);
    expect(await changed({ tags: ['rare'] })).toEqual(['last', 'never']);
    expect(await changed({})).toEqual(['last', 'plain', 'role']);
    expect(await changed({ startAtTask: 'plain' })).toEqual(['last', 'plain']);
    await expect(p.run({ startAtTask: 'plian' })).rejects.toThrow(/no task plian/);
  });

  it('lists hosts and tasks without touching anything', () => {
    const p = make('- hosts: all\n  tasks:\n    - { name: a, ' + touch('a') + ', tags: [x] }\n    - { name: b, ' + touch('b') + ' }\n', {}, ['one', 'two']);
    const inventory = [path.join(p.dir, 'inventory.yml')];
    const [play] = listRun({ inventory, playbooks: [path.join(p.dir, 'playbook.yml')], mode: 'apply', limit: 'two', tags: ['x'], skipTags: [] });
    expect([play?.hosts, play?.tasks.map((t) => t.task)]).toEqual([['two'], ['a']]);
  });
});

describe('refused before any host is touched', () => {
  it.each([
    ['a limit that matches nothing', '- hosts: all\n  tasks: []\n', { limit: 'tow' }, /--limit: no host or group matches tow/],
    ['a missing vars_files', '- hosts: all\n  vars_files: [nowhere.yml]\n  tasks: []\n', {}, /nowhere\.yml/],
    ['group_by', '- hosts: all\n  tasks:\n    - group_by: { key: x }\n', {}, /group_by/],
    ['add_host', '- hosts: all\n  tasks:\n    - add_host: { name: x }\n', {}, /add_host/],
    ['a fixed delegate that is no host', '- hosts: all\n  tasks:\n    - { command: "true", delegate_to: tow }\n', {}, /there is no host tow/],
    ['a meta word that is none', '- hosts: all\n  tasks:\n    - meta: flush_handler\n', {}, /flush_handler/],
  ] as const)('%s', async (_what, playbook, options, message) => {
    const p = make(playbook, {}, ['one', 'two']);
    await expect(p.run(options)).rejects.toThrow(message);
  });
});

describe('tasks', () => {
  it('environment adds up from play to task; become_user works as a third user', async () => {
    const p = make(`
- hosts: all
  environment: { A: play, B: play }
  tasks:
    - { shell: 'printf %s "$A-$B-$C" > {{ work }}/env', environment: { B: "{{ inventory_hostname }}", C: 3 } }
${process.getuid?.() === 0 ? '    - { command: id -un, become: true, become_user: nobody, register: me, changed_when: false }\n    - { copy: { dest: "{{ work }}/me", content: "{{ me.stdout }}" } }\n' : ''}`);
    const result = await p.run();
    expect(errors(result)).toBe('');
    expect(read(p, 'env')).toBe('play-one-3');
    if (process.getuid?.() === 0) expect(read(p, 'me')).toBe('nobody');
  });

  it('a timeout fails the task and takes its whole process group along', async () => {
    const mark = `3${String(process.pid)}.75`;
    const p = make(`- hosts: all\n  tasks:\n    - { name: endless, shell: "sleep ${mark} & sleep ${mark}", timeout: 1 }\n`);
    const result = await p.run();
    expect(result.status).toBe(3);
    expect(errors(result)).toMatch(/timed out after 1 s/);
    expect(execFileSync('sh', ['-c', `ps -e -o args | grep -c '[s]leep ${mark}' || true`], { encoding: 'utf8' }).trim()).toBe('0');
    p.write('playbook.yml', '- hosts: all\n  tasks:\n    - { name: waits, pause: { seconds: 60 }, timeout: 1 }\n');
    const paused = await p.run();
    expect(errors(paused)).toMatch(/timed out after 1 s/);
  });

  it('loops over 1,000 items, and failures name the item', async () => {
    const p = make('- hosts: all\n  tasks:\n    - { name: many, file: { path: "{{ work }}/{{ item }}", state: directory }, loop: "{{ range 1 (default last 1001) }}" }\n    - { name: odd, command: "test {{ item }} != 3", loop: [2, 3, 4], changed_when: false }\n');
    const check = await p.run({ mode: 'check' });
    expect(check.changes).toHaveLength(1000);
    const result = await p.run({ extraVars: { last: 51 } });
    expect(made(p)).toHaveLength(50);
    expect(result.changes).toHaveLength(50);
    expect(errors(result)).toMatch(/^\[3\] /);
  });

  it('a loop of which one item cannot be made reports the items that were, registers the failure, and ignore_errors goes on', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: some, copy: { dest: "{{ work }}/{{ item }}", content: x, validate: "test {{ item }} != b -a -n %s" }, loop: [a, b, c], ignore_errors: true, register: done }
    - { copy: { dest: "{{ work }}/failed", content: "was {{ done.failed }}" } }
`);
    const result = await p.run();
    expect([result.status, errors(result)]).toEqual([0, expect.stringContaining('validation failed')]);
    expect(result.changes).toContain('one|file /work/a');
    expect(result.changes).not.toContain('one|file /work/b');
    expect(read(p, "failed")).toBe("was true");
    expect(result.tasks).toEqual(['one|some|ignored', 'one|copy|changed']);
  });

  it('what a task registers is bounded, whatever it prints', async () => {
    const p = make('- hosts: all\n  tasks:\n    - { shell: "head -c 30000000 /dev/zero | tr \'\\\\0\' x", register: out, changed_when: false }\n    - { copy: { dest: "{{ work }}/n", content: "{{ length out.stdout }}" } }\n');
    const result = await p.run();
    expect(errors(result)).toBe('');
    expect(Number(read(p, 'n'))).toBeLessThanOrEqual(1024 * 1024 + 200);
  });

  it('no_log hides values, labels and failures; secrets are masked without it', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: quiet, shell: "echo tell-nobody; exit 1", no_log: true, ignore_errors: true, loop: [tell-nobody-item] }
    - { name: file, copy: { dest: "{{ work }}/f", content: "tell-nobody" }, no_log: true, diff: true }
    - { name: loud, shell: "echo {{ pw }}; echo {{ pw }} >&2; exit 1" }
`);
    const result = await p.run({ extraVars: { pw: new Secret('s3cr3t-unit-word') }, diff: true });
    const all = JSON.stringify(result.events);
    expect(all).not.toContain('tell-nobody');
    expect(all).not.toContain('s3cr3t-unit-word');
    expect(errors(result)).toContain('********');
  });
});

describe('no_log', () => {
  it('hides command lines of what succeeds and what is predicted, and all when it cannot be told for the task as a whole', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: quiet, command: "echo tell-nobody", no_log: true }
    - { name: each, shell: "echo {{ item.word }}", no_log: "{{ item.hide }}", loop: [{ word: tell-nobody, hide: true }] }
`);
    for (const mode of ['check', 'apply'] as const) {
      const result = await p.run({ mode, diff: true });
      expect(result.summary?.total.changed).toBe(2);
      expect(JSON.stringify(result.events)).not.toContain('tell-nobody');
      expect(result.changes[0]).toBe('one|command (hidden by no_log)');
    }
  });
});

describe('modes', () => {
  it('check_mode: false runs in check, check_mode: true only predicts in apply and misleads no later task', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: really, ${touch('really')}, check_mode: false }
    - { name: predicted, ${touch('predicted')}, check_mode: true, register: would }
    - { name: later, stat: { path: "{{ work }}/predicted" }, register: seen }
    - { name: out, copy: { dest: "{{ work }}/out", content: "{{ would.changed }} {{ seen.stat.exists }}" } }
`);
    const check = await p.run({ mode: 'check' });
    expect(check.status).toBe(2);
    expect(made(p)).toEqual(['really']);
    const apply = await p.run();
    expect(errors(apply)).toBe('');
    expect(made(p)).toEqual(['out', 'really']);
    expect(read(p, 'out')).toBe('true false');
  });

  it('what check mode runs all the same, and is said to change nothing, casts no doubt on what is known; what may change something does', async () => {
    const guarded = `command: { cmd: echo again, unless: "test -e {{ work }}/there" }`;
    const p = make(`
- hosts: all
  tasks:
    - { name: there, copy: { dest: "{{ work }}/there", content: x } }
    - { name: look, command: date, check_mode: false, changed_when: false }
    - { name: known, ${guarded} }
    - { name: says nothing of itself, command: date, check_mode: false }
    - { name: doubted, ${guarded} }
`);
    await p.run();
    const check = await p.run({ mode: 'check' });
    expect(check.tasks).toEqual(['one|there|ok', 'one|look|ok', 'one|known|ok', 'one|says nothing of itself|changed', 'one|doubted|unknown']);
  });

  it('what check mode cannot tell of one item of a loop does not hide what it can tell of the others', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { command: "echo b", register: later }
    - { name: each, copy: { dest: "{{ work }}/{{ item }}", content: "{{#if (eq item 'two')}}{{ later.stdout }}{{else}}x{{/if}}" }, loop: [one, two, three] }
`);
    const check = await p.run({ mode: 'check' });
    expect(check.tasks).toEqual(['one|command|changed', 'one|each|unknown']);
    expect(check.changes).toEqual(['one|command echo b', 'one|file /work/one', 'one|file /work/three']);
  });

  it('until is tried once in check mode for what reads, and unknown for what would change', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { name: reads, stat: { path: "{{ work }}/never" }, register: s, until: s.stat.exists, retries: 50, delay: 1 }
    - { name: runs, command: "false", register: c, until: c.rc == 0, retries: 50, delay: 1 }
`);
    const began = performance.now();
    const check = await p.run({ mode: 'check' });
    expect(check.tasks).toEqual(['one|reads|unknown', expect.stringMatching(/^one\|runs\|(changed|unknown)$/)]);
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(check.summary?.total.failed).toBe(0);
  });

  it('verify converges nothing: what is not as it should be fails; only verify.yml runs', async () => {
    const p = make('- hosts: all\n  roles: [r]\n  tasks:\n    - ' + touch('from-task') + '\n', {
      'roles/r/role.yml': 'summary: r\n', 'roles/r/tasks/main.yml': `- ${touch('from-role')}\n`,
      'roles/r/verify.yml': `- { name: reads, command: "cat {{ work }}/from-role", changed_when: false, register: c, failed_when: false }\n- { name: is it there, ${touch('from-role')} }\n`,
    });
    const before = await p.run({ mode: 'verify' });
    expect(before.status).toBe(3);
    expect(errors(before)).toMatch(/not converged: file .*from-role/);
    expect(made(p)).toEqual([]);
    await p.run();
    const after = await p.run({ mode: 'verify' });
    expect([after.status, made(p)]).toEqual([0, ['from-role', 'from-task']]);
    writeFileSync(path.join(p.dir, 'work/from-role'), 'drift');
    expect((await p.run({ mode: 'verify' })).status).toBe(3);
    expect(existsSync(path.join(p.dir, 'lock'))).toBe(true);
  });
});

describe('Ctrl-C', () => {
  it('first: what was begun is finished, nothing else; waits of until end; second: a waiting run ends at once', async () => {
    const p = make(`- hosts: all\n  tasks:\n    - { name: in hand, shell: "touch {{ work }}/began; sleep 0.5; echo x > {{ work }}/done" }\n    - ${touch('later')}\n`);
    const stop = new AbortController();
    // When it has begun, not after some time: the machine may be busy.
    const when = (file: string, then: () => void): void => {
      const timer = setInterval(() => {
        if (!existsSync(path.join(p.dir, 'work', file))) return;
        clearInterval(timer);
        then();
      }, 20);
    };
    when('began', () => { stop.abort(); });
    const first = await p.run({ stop: stop.signal });
    expect([first.status, made(p), first.tasks]).toEqual([130, ['began', 'done'], ['one|in hand|changed']]);
    p.write('playbook.yml', '- hosts: all\n  tasks:\n    - { name: waits, shell: "touch {{ work }}/tried; false", register: r, until: r.rc == 0, retries: 9, delay: 60, changed_when: false }\n');
    const [again, kill] = [new AbortController(), new AbortController()];
    when('tried', () => {
      again.abort();
      setTimeout(() => { kill.abort(); }, 200);
    });
    const began = performance.now();
    const second = await p.run({ stop: again.signal, kill: kill.signal });
    expect(second.status).toBe(130);
    expect(performance.now() - began).toBeLessThan(15_000);
  });
});
