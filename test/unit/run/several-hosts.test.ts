/** How several hosts go through a play: order, barriers, bounds, and what one host's trouble does to the others. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ConvergeGate } from '../../../src/run/converge/gate.ts';
import { PolicySchema } from '../../../src/run/converge/policy.ts';
import { testProject, type TestProject } from './support.ts';

let project: TestProject | undefined;
afterEach(() => {
  project?.remove();
  project = undefined;
});

function make(playbook: string, hosts: readonly string[] = ['one', 'two', 'three'], files: Readonly<Record<string, string>> = {}): TestProject {
  project = testProject({ 'playbook.yml': playbook, ...files }, hosts);
  return project;
}

const log = (p: TestProject, file = 'log'): readonly string[] => {
  const name = path.join(p.dir, 'work', file);
  return existsSync(name) ? readFileSync(name, 'utf8').trim().split('\n') : [];
};
const made = (p: TestProject): readonly string[] => readdirSync(path.join(p.dir, 'work')).sort();

/** A host that nobody answers for. */
const DEAD = 'ansible_connection: ssh\nansible_host: 127.0.0.1\nansible_port: 9\nansible_ssh_common_args: -F /dev/null\n';

it('a play for hosts that there are not is refused when nobody is left, and said when somebody is', async () => {
  const p = make('- hosts: onne\n  tasks: [{ debug: { msg: hi } }]\n');
  await expect(p.run()).rejects.toThrow(/no host or group matches onne/);
  p.write('playbook.yml', '- hosts: onne:one\n  tasks: [{ debug: { msg: hi } }]\n- hosts: all:!elsewhere\n  tasks: [{ debug: { msg: hi } }]\n');
  const result = await p.run();
  expect(result.status).toBe(0);
  expect(result.events.flatMap((e) => (e.type === 'warning' ? [e.message] : []))).toEqual([expect.stringMatching(/no host or group matches onne.*did you mean one/), expect.stringMatching(/matches elsewhere/)]);
});

describe('order', () => {
  it('strategy linear makes all hosts do one task before any does the next', async () => {
    const p = make(`
- hosts: all
  strategy: linear
  tasks:
    - { shell: "sleep 0.3; echo 1 >> {{ work }}/log", when: inventory_hostname == "one" }
    - { shell: "echo 1 >> {{ work }}/log", when: inventory_hostname != "one" }
    - shell: echo 2 >> {{ work }}/log
    - shell: echo 3 >> {{ work }}/log
`);
    expect((await p.run()).status).toBe(0);
    expect(log(p)).toEqual(['1', '1', '1', '2', '2', '2', '3', '3', '3']);
  });

  it('meta barrier makes hosts wait for each other, and hosts that left are not waited for', async () => {
    const p = make(`
- hosts: all
  tasks:
    - { meta: end_host, when: inventory_hostname == "three" }
    - { shell: "sleep 0.4; echo before >> {{ work }}/log", when: inventory_hostname == "one" }
    - meta: barrier
    - shell: echo after >> {{ work }}/log
`);
    expect((await p.run()).status).toBe(0);
    expect(log(p)).toEqual(['before', 'after', 'after']);
  });

  it('throttle bounds how many hosts run a task at once', async () => {
    const p = make(
      `
- hosts: all
  tasks:
    - shell: echo + >> {{ work }}/log; sleep 0.1; echo - >> {{ work }}/log
      throttle: 2
`,
      ['a', 'b', 'c', 'd', 'e'],
    );
    const result = await p.run();
    expect([result.status, result.events.flatMap((e) => (e.type === 'task' ? [e.error ?? ''] : [])).join('')]).toEqual([0, '']);
    let running = 0;
    let most = 0;
    for (const line of log(p)) {
      running += line === '+' ? 1 : -1;
      most = Math.max(most, running);
    }
    expect([running, most]).toEqual([0, 2]);
  });

  it('forks bounds how many hosts are worked on at once', async () => {
    const p = make('- hosts: all\n  tasks:\n    - shell: echo + >> {{ work }}/log; sleep 0.05; echo - >> {{ work }}/log\n', ['a', 'b', 'c', 'd']);
    expect((await p.run({ forks: 1 })).status).toBe(0);
    expect(log(p)).toEqual(['+', '-', '+', '-', '+', '-', '+', '-']);
  });
});

describe('leaving a play', () => {
  it('end_host leaves without failing, keeps what was done, and takes part in the next play', async () => {
    const p = make(
      `
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-1", content: x }
    - { meta: end_host, when: inventory_hostname == "two" }
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-2", content: x }
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-3", content: x }
`,
      ['one', 'two'],
    );
    expect((await p.run()).status).toBe(0);
    expect(made(p)).toEqual(['one-1', 'one-2', 'one-3', 'two-1', 'two-3']);
  });

  it('end_play ends it for all; changes decided before are made, the next play runs', async () => {
    const p = make(`
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-1", content: x }
    - meta: barrier
    - { meta: end_play, when: inventory_hostname == "two" }
    - meta: barrier
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-2", content: x }
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-3", content: x }
`);
    const result = await p.run();
    expect(result.status).toBe(0);
    expect(made(p)).toEqual(['one-1', 'one-3', 'three-1', 'three-3', 'two-1', 'two-3']);
    expect(result.summary?.total).toMatchObject({ changed: 6, failed: 0 });
  });

  it('meta obeys tags', async () => {
    const p = make(
      `
- hosts: all
  tasks:
    - { meta: end_play, tags: [never] }
    - { copy: { dest: "{{ work }}/a", content: x }, tags: [a] }
`,
      ['one'],
    );
    expect((await p.run()).changes).toEqual(['one|file /work/a']);
  });
});

describe('failures and the other hosts', () => {
  it('max_fail_percentage ends the play, with the hosts that are left, once it is exceeded', async () => {
    const playbook = (percent: number): string => `
- hosts: all
  max_fail_percentage: ${String(percent)}
  tasks:
    - { command: /bin/false, when: inventory_hostname == "a" || inventory_hostname == "b" }
    - meta: barrier
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: x }
`;
    const p = make(playbook(50), ['a', 'b', 'c', 'd']);
    expect((await p.run()).status).toBe(3);
    expect(made(p)).toEqual(['c', 'd']);
    p.write('playbook.yml', playbook(49).replaceAll('/{{ inv', '/again-{{ inv'));
    const stopped = await p.run();
    expect(stopped.status).toBe(3);
    expect(made(p)).toEqual(['c', 'd']);
    expect(stopped.events.some((e) => e.type === 'warning' && e.message.includes('2 of 4 hosts have failed, more than 49 %'))).toBe(true);
  });

  it('any_errors_fatal: a host in flight begins nothing more, and what it reports is what it did', async () => {
    const p = make(
      `
- hosts: all
  any_errors_fatal: true
  tasks:
    - { copy: { dest: "{{ work }}/{{ inventory_hostname }}-1", content: x } }
    - { shell: "sleep 0.2; exit 1", when: inventory_hostname == "one" }
    - { shell: "sleep 0.8", changed_when: false, when: inventory_hostname == "two" }
    - { copy: { dest: "{{ work }}/{{ inventory_hostname }}-2", content: x } }
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-3", content: x }
`,
      ['one', 'two'],
    );
    const result = await p.run();
    expect(result.status).toBe(3);
    expect(made(p)).toEqual(['one-1', 'two-1']);
    expect(result.changes).toEqual(['one|file /work/one-1', 'two|file /work/two-1']);
    expect(result.tasks).toContain('two|shell|ok');
  });

  it.each([
    ['strategy linear', '  strategy: linear', '{ shell: "sleep 0.5; exit 1", when: inventory_hostname == "one" }', ''],
    ['throttle', '', '{ debug: { msg: x } }', 'throttle: 1, '],
    ['run_once', '', '{ shell: "sleep 0.5; exit 1", when: inventory_hostname == "one" }', 'run_once: true, '],
  ])('a host that waits for its turn does not begin when another has ended the play for all meanwhile: %s', async (_what, more, first, word) => {
    const p = make(`- hosts: all\n  any_errors_fatal: true\n${more}\n  tasks:\n    - ${first}\n    - { ${word}shell: "echo {{ inventory_hostname }} >> {{ work }}/log; test {{ inventory_hostname }} != one" }\n`);
    const result = await p.run();
    expect([result.status, log(p), result.summary?.unfinished]).toEqual([3, word === 'throttle: 1, ' ? ['one'] : [], ['two', 'three']]);
  });

  describe('handlers of the others, when a failure has stopped the play for all', () => {
    const copy = '{ copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: x }, notify: restart }';
    /** Two is in the middle of its tasks, three has done its own and waits, when one fails. */
    const play = (more: string): string => `
- hosts: all
${more}
  any_errors_fatal: true
  tasks:
    - ${copy}
    - { shell: "sleep 0.6; exit 1", when: inventory_hostname == "one" }
    - { shell: "sleep 1.2", changed_when: false, when: inventory_hostname == "two" }
    - { shell: "echo {{ inventory_hostname }} >> {{ work }}/late", when: inventory_hostname == "two" }
  handlers:
    - { name: restart, shell: "echo {{ inventory_hostname }} >> {{ work }}/log" }
`;
    it('do not run: the host that waits for the others to restart together, too', async () => {
      const p = make(play(''));
      expect((await p.run()).status).toBe(3);
      expect([log(p), log(p, 'late')]).toEqual([[], []]);
    });
    it('run with force_handlers, as on the host that failed', async () => {
      const p = make(play('  force_handlers: true'));
      const result = await p.run();
      expect([result.status, [...log(p)].sort(), log(p, 'late')]).toEqual([3, ['one', 'three', 'two'], []]);
      expect(result.summary?.unfinished).toEqual(['two']);
    });
    it('are not begun either when one of them fails while others wait for their turn', async () => {
      const fails = (more: string): string => `
- hosts: all
${more}
  any_errors_fatal: true
  tasks:
    - ${copy}
    - { copy: { dest: "{{ work }}/{{ inventory_hostname }}.more", content: x }, notify: next }
  handlers:
    - { name: restart, throttle: 1, shell: "echo {{ inventory_hostname }} >> {{ work }}/log; test {{ inventory_hostname }} != one" }
    - { name: next, shell: "echo {{ inventory_hostname }} >> {{ work }}/late" }
`;
      const p = make(fails(''));
      const result = await p.run();
      expect([result.status, log(p), log(p, 'late'), result.summary?.unfinished]).toEqual([3, ['one'], [], ['two', 'three']]);
      const forced = make(fails('  force_handlers: true'));
      expect((await forced.run()).status).toBe(3);
      // Each once, also on the host on which one has failed.
      expect([[...log(forced)].sort(), [...log(forced, 'late')].sort()]).toEqual([['one', 'three', 'two'], ['one', 'three', 'two']]);
    });
    it('run when the failure was a change that the policy of a night has refused', async () => {
      const p = make(play('').replace('{ shell: "sleep 0.6; exit 1", when', '{ meta: barrier }\n    - { pause: { seconds: 1 }, when: inventory_hostname == "one" }\n    - { copy: { dest: "{{ work }}/refused", content: x }, when').replace('{ shell: "sleep 1.2", changed_when: false,', '{ pause: { seconds: 2 },'));
      const policy = PolicySchema.parse({ mode: 'mend', max_changes: 3 });
      const result = await p.run({ gate: new ConvergeGate({ policy, hosts: 3, lost: [], now: () => 0 }) });
      expect([result.status, existsSync(path.join(p.dir, 'work/refused')), [...log(p)].sort()]).toEqual([3, false, ['one', 'three', 'two']]);
    });
  });

  it('a failed run_once task fails all hosts; each may rescue it; the counts are right', async () => {
    const play = (rescue: string): string => `
- hosts: all
  tasks:
    - block:
        - { name: first, command: /bin/false, run_once: true }
        - { copy: { dest: "{{ work }}/never", content: x } }
${rescue}
    - { copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: x } }
`;
    const p = make(play(''));
    const failed = await p.run();
    expect(failed.status).toBe(3);
    expect(failed.summary?.total.failed).toBe(3);
    expect(failed.events.find((e) => e.type === 'task' && e.host === 'two')).toMatchObject({ status: 'failed', msg: 'failed on one, which ran it for all hosts' });
    expect(made(p)).toEqual([]);
    p.write('playbook.yml', play('      rescue:\n        - copy: { dest: "{{ work }}/{{ inventory_hostname }}-rescued", content: "{{ ansible_failed_task.name }}" }\n'));
    const rescued = await p.run();
    expect(rescued.status).toBe(0);
    expect(made(p)).toEqual(['one', 'one-rescued', 'three', 'three-rescued', 'two', 'two-rescued']);
    expect(rescued.summary?.total).toMatchObject({ failed: 0, rescued: 3 });
    expect(Object.values(rescued.summary?.hosts ?? {}).every((c) => c.failed === 0)).toBe(true);
  });

  it('an unreachable host fails alone; its variables stay readable; status 4', async () => {
    const p = make(
      `
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: "{{ lookup hostvars.two 'color' }}" }
- hosts: all
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}-2", content: x }
`,
      ['one', 'two', 'three'],
      { 'host_vars/two.yml': `${DEAD}color: red\n` },
    );
    const result = await p.run();
    expect(result.status).toBe(4);
    expect(made(p)).toEqual(['one', 'one-2', 'three', 'three-2']);
    expect(log(p, 'one')).toEqual(['red']);
    expect(result.summary?.hosts['two']).toMatchObject({ unreachable: 1, failed: 0 });
    const event = result.events.find((e) => e.type === 'task' && e.status === 'unreachable');
    expect(event).toMatchObject({ host: 'two', error: expect.stringMatching(/two: [^]*ECONNREFUSED[^]*To do: /) as unknown });
  });

  it('ignore_unreachable on the play: the host is left out of it, told, counted, and tried by the next play', async () => {
    const p = make(
      `
- hosts: all
  ignore_unreachable: true
  tasks:
    - copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: x }
- hosts: two
  tasks:
    - copy: { dest: "{{ work }}/never", content: x }
`,
      ['one', 'two'],
      { 'host_vars/two.yml': DEAD },
    );
    const result = await p.run();
    expect(made(p)).toEqual(['one']);
    expect(result.tasks).toEqual(expect.arrayContaining(['two|the connection|ignored', 'two|the connection|unreachable']));
    expect(result.status).toBe(4);
    p.write('playbook.yml', '- hosts: all\n  ignore_unreachable: true\n  tasks:\n    - copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: x }\n');
    expect((await p.run()).status).toBe(0);
  });

  it('a serial batch that failed as a whole ends the run before the next batch', async () => {
    const p = make('- hosts: all\n  serial: 1\n  tasks:\n    - { command: /bin/false, when: inventory_hostname == "one" }\n    - copy: { dest: "{{ work }}/{{ inventory_hostname }}", content: x }\n');
    expect((await p.run()).status).toBe(3);
    expect(made(p)).toEqual([]);
  });

  it('delegation: register and loops are the original host\'s; the delegated host is forgotten and looked at again', async () => {
    const p = make(
      `
- hosts: two
  tasks:
    - shell: echo {{ item }}-{{ inventory_hostname }}
      delegate_to: one
      loop: [a, b]
      register: said
      changed_when: false
    - copy: { dest: "{{ work }}/out", content: "{{ join (pluck said.results 'stdout') ',' }}" }
    - { copy: { dest: "{{ work }}/there", content: x }, delegate_to: one }
    - { name: bad, command: "true", delegate_to: "{{ default elsewhere 'nowhere' }}" }
`,
      ['one', 'two'],
    );
    const result = await p.run();
    expect(log(p, 'out')).toEqual(['a-two,b-two']);
    expect(result.status).toBe(3);
    // Where a change was made is told with it: that is where it is kept for a rollback.
    const changes = result.events.flatMap((e) => (e.type === 'change' ? [[path.basename(e.resource), e.host, e.delegated_to]] : []));
    expect(changes).toEqual([['out', 'two', undefined], ['there', 'two', 'one']]);
    expect(result.events.find((e) => e.type === 'task' && e.status === 'failed')).toMatchObject({ error: expect.stringContaining('there is no host nowhere') as unknown });
  });

  it('localhost, which no inventory file names, is worked on where variables of all hosts are about ssh and their own place', async () => {
    const p = make(`- hosts: one\n  vars: { work: "{{ inventory_dir }}/work" }\n  tasks:\n    - { command: "true", delegate_to: localhost }\n`, ['one']);
    p.write('inventory.yml', 'all:\n  vars: { ansible_ssh_common_args: "-o UserKnownHostsFile={{ inventory_dir }}/known_hosts", ansible_ssh_private_key_file: "{{ inventory_dir }}/key" }\n  hosts: { one: { ansible_connection: local } }\n');
    const result = await p.run();
    expect([result.status, result.tasks]).toEqual([0, ['one|command|changed']]);
  });

  it('what is rendered from other hosts, and who is still there, is never that of an earlier task', async () => {
    const p = make(
      `
- hosts: all
  vars: { theirs: "{{ lookup hostvars.one 'color' }}", present: "{{ join ansible_play_hosts ',' }}", own: "{{ mine }}" }
  tasks:
    - { set_fact: { color: red, mine: a } }
    - { meta: barrier }
    - { copy: { dest: "{{ work }}/1-{{ inventory_hostname }}", content: "{{ theirs }} {{ present }} {{ own }}\\n" } }
    - { meta: barrier }
    - { set_fact: { color: blue, mine: b } }
    - { meta: barrier }
    - { command: /bin/false, when: inventory_hostname == "three" }
    - { meta: barrier }
    - { copy: { dest: "{{ work }}/2-{{ inventory_hostname }}", content: "{{ theirs }} {{ present }} {{ own }}\\n" } }
`,
      ['one', 'two', 'three'],
    );
    expect((await p.run()).status).toBe(3);
    expect([log(p, '1-two'), log(p, '2-two')]).toEqual([['red one,two,three a'], ['blue one,two b']]);
  });
});
