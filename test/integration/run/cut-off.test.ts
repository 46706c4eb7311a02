/** Runs that are cut off: connection cut, controller killed, Ctrl-C; and runs that meet. No partial file, and the next run converges. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { eventually, hostVariables, inventoryOf, labProject, LEFTOVERS, onHost, troubleOf, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOST = 'test-trixie';
let lab: Lab;
let project: LabProject | undefined;
beforeAll(async () => { lab = await sharedLab(); });
afterEach(async () => {
  project?.remove();
  project = undefined;
  await onHost(lab, HOST, 'rm -rf /root/cut-off');
});

function make(playbook: string): LabProject {
  project = labProject({ 'playbook.yml': playbook, 'inventory.yml': inventoryOf({ [HOST]: hostVariables(lab, HOST) }) });
  return project;
}

/** Several changes in one batch; validating the third takes long enough to be caught in it. */
const slow = (seconds: number): string => `
- hosts: all
  tasks:
    - { name: directory, file: { path: /root/cut-off, state: directory } }
    - { name: first, copy: { dest: /root/cut-off/a, content: "a\\n" }, notify: restart }
    - { name: slow one, copy: { dest: /root/cut-off/b, content: "b\\n", validate: "sh -c 'test -e /root/cut-off/quick || { touch /root/cut-off/quick; sleep ${String(seconds)}; }; true %s'" } }
    - { name: last, copy: { dest: /root/cut-off/c, content: "c\\n" } }
  handlers:
    - { name: restart, shell: "echo restarted >> /root/cut-off/log" }
`;
const began = (): Promise<void> => eventually(async () => (await onHost(lab, HOST, 'ls /root/cut-off 2>/dev/null || true')).includes('quick'), 20_000, () => 'the slow change began');
/** Ends the SSH sessions of the login user, as a host going down would. */
const CUT = "pkill -KILL -f '^sshd-session: care' || pkill -KILL -f '^sshd: care'";
/** Nothing of ours runs or lies on the host. */
const quiet = async (): Promise<void> => {
  await eventually(async () => (await onHost(lab, HOST, `ps -e -o args | grep '[s]leep 3[0-9]$\\|[/]\\.care-'; ${LEFTOVERS}`)) === '', 20_000, () => 'processes end and leave nothing');
};

/** What the next run must make of it: the rest, the handler that is owed, nothing else. */
async function converges(p: LabProject): Promise<void> {
  expect(await onHost(lab, HOST, 'ls /var/lib/care-provision/pending | wc -l')).toBe('1');
  const next = await p.run();
  expect([next.status, troubleOf(next, HOST)]).toEqual([0, '']);
  expect(await onHost(lab, HOST, 'cd /root/cut-off; cat a b c log')).toBe('a\nb\nc\nrestarted');
  expect(await onHost(lab, HOST, 'ls /var/lib/care-provision/pending | wc -l')).toBe('0');
  expect((await p.run()).changes).toEqual([]);
}

describe('cut off', () => {
  it('the connection is cut in the middle of a change: unreachable, the task is named, the next run converges', async () => {
    const p = make(slow(30));
    const running = p.run();
    await began();
    await onHost(lab, HOST, CUT);
    const result = await running;
    expect(result.status).toBe(4);
    expect(troubleOf(result, HOST)).toMatch(/^unreachable: slow one: .*the connection was lost while a script was running[^]*To do: [^]*Whether its change was made is not known/);
    expect(result.tasks).toEqual([`${HOST}|directory|changed`, `${HOST}|first|changed`, `${HOST}|slow one|unreachable`]);
    expect(result.summary?.hosts[HOST]).toMatchObject({ changed: 2, unreachable: 1, failed: 0 });
    await quiet();
    expect(await onHost(lab, HOST, 'ls -A /root/cut-off')).toBe('a\nquick');
    await converges(p);
  });

  it('the connection is cut under a command: the task is named; with ignore_unreachable the next one goes on over a new connection', async () => {
    const p = make(`- hosts: all
  tasks:
    - { name: cut, command: sh -c "mkdir -p /root/cut-off; touch /root/cut-off/quick; sleep 34", ignore_unreachable: true, register: cut }
    - { name: after, copy: { dest: /root/cut-off/after, content: "{{ cut.unreachable }}!" } }
`);
    const running = p.run();
    await began();
    await onHost(lab, HOST, CUT);
    const result = await running;
    expect(result.tasks).toEqual([`${HOST}|cut|ignored`, `${HOST}|after|changed`]);
    expect(result.status).toBe(0);
    await quiet();
    expect(await onHost(lab, HOST, 'cat /root/cut-off/after')).toBe('true!');
  });

  it('the controller is killed: the runner on the host ends, its lock is free, nothing partial stays', async () => {
    const p = make(slow(31));
    const run = p.start(['apply', 'inventory.yml', 'playbook.yml']);
    await began();
    run.process.kill('SIGKILL');
    await run.ended;
    await quiet();
    expect(await onHost(lab, HOST, 'ls -A /root/cut-off')).toBe('a\nquick');
    await converges(p);
  });

  it('a host that fails keeps its handlers owed: check predicts them, the next run runs them once', async () => {
    const play = (middle: string): string => `
- hosts: all
  tasks:
    - { file: { path: /root/cut-off, state: directory } }
    - { name: conf, copy: { dest: /root/cut-off/conf, content: x }, notify: restart }
    - { name: middle, command: ${middle}, changed_when: false }
  handlers:
    - { name: restart, shell: "echo restarted >> /root/cut-off/log" }
`;
    const p = make(play('/bin/false'));
    expect((await p.run()).status).toBe(3);
    p.write('playbook.yml', play('/bin/true'));
    const check = await p.run({ mode: 'check' });
    expect([check.status, check.changes]).toEqual([2, [`${HOST}|shell echo restarted >> /root/cut-off/log`]]);
    const next = await p.run();
    expect([next.status, next.changes]).toEqual([0, check.changes]);
    expect(next.events.some((e) => e.type === 'warning' && e.message.includes('handler restart is still owed'))).toBe(true);
    expect((await p.run()).changes).toEqual([]);
    expect(await onHost(lab, HOST, 'cat /root/cut-off/log; ls /var/lib/care-provision/pending')).toBe('restarted');
  });

  it('what a command owes is owed as well, also by tasks of others than root in a play that is not root\'s', async () => {
    const { ansible_become: _become, ...variables } = hostVariables(lab, HOST);
    const play = (middle: string): string => `
- hosts: all
  tasks:
    - { become: true, file: { path: /root/cut-off, state: directory } }
    - { name: nothing new, command: /bin/true, changed_when: false, notify: spared }
    - { name: act, command: { cmd: touch /tmp/cut-off-acted, creates: /tmp/cut-off-acted }, notify: restart }
    - { name: middle, command: ${middle}, changed_when: false }
  handlers:
    - { name: restart, become: true, shell: "echo restarted >> /root/cut-off/log" }
    - { name: spared, become: true, shell: "echo spared >> /root/cut-off/log" }
`;
    project = labProject({ 'playbook.yml': play('/bin/false'), 'inventory.yml': inventoryOf({ [HOST]: variables }) });
    try {
      expect((await project.run()).status).toBe(3);
      expect(await onHost(lab, HOST, 'ls /root/cut-off; cat /var/lib/care-provision/pending/*')).toContain('"handler":"restart"');
      project.write('playbook.yml', play('/bin/true'));
      const next = await project.run();
      expect([next.status, next.changes]).toEqual([0, expect.arrayContaining([`${HOST}|shell echo restarted >> /root/cut-off/log`])]);
      expect(await onHost(lab, HOST, 'cat /root/cut-off/log; ls /var/lib/care-provision/pending')).toBe('restarted');
      expect((await project.run()).changes).toEqual([]);
    } finally {
      await onHost(lab, HOST, 'rm -f /tmp/cut-off-acted');
    }
  });

  it('Ctrl-C once: the task in hand is finished and reported, no later one is begun; 130', async () => {
    const p = make('- hosts: all\n  tasks:\n    - { name: in hand, command: sh -c "mkdir -p /root/cut-off; touch /root/cut-off/quick; sleep 2; echo done > /root/cut-off/done" }\n    - { name: later, command: touch /root/cut-off/later }\n');
    const run = p.start(['apply', 'inventory.yml', 'playbook.yml', '-v']);
    await began();
    run.process.kill('SIGINT');
    const { status, stdout, stderr } = await run.ended;
    expect([status, stderr]).toEqual([130, expect.stringContaining('finishing the tasks in hand')]);
    expect(stdout).toMatch(/in hand/);
    expect(stdout).not.toMatch(/later/);
    expect(await onHost(lab, HOST, 'ls /root/cut-off')).toBe('done\nquick');
    await quiet();
  });

  it('Ctrl-C twice: what runs is killed on the host; 130', async () => {
    const p = make('- hosts: all\n  tasks:\n    - { name: in hand, command: sh -c "mkdir -p /root/cut-off; touch /root/cut-off/quick; sleep 33; echo done > /root/cut-off/done" }\n');
    const run = p.start(['apply', 'inventory.yml', 'playbook.yml']);
    await began();
    run.process.kill('SIGINT');
    await run.until(/finishing the tasks in hand/);
    run.process.kill('SIGINT');
    const { status, stdout } = await run.ended;
    expect(status).toBe(130);
    expect(stdout).toMatch(/in hand[^]*interrupted/);
    await quiet();
    expect(await onHost(lab, HOST, 'ls /root/cut-off')).toBe('quick');
  });
});

describe('two runs', () => {
  const playbook = '- hosts: all\n  tasks:\n    - { command: sh -c "mkdir -p /root/cut-off; touch /root/cut-off/quick; sleep 3", changed_when: false }\n';

  it('on one inventory: the second leaves with 75 and names the first, or waits for it', async () => {
    const p = make(playbook);
    const first = p.start(['apply', 'inventory.yml', 'playbook.yml']);
    await began();
    const second = await p.start(['apply', 'inventory.yml', 'playbook.yml']).ended;
    expect(second.status).toBe(75);
    expect(second.stderr).toMatch(new RegExp(`in use by another run: "apply inventory.yml" of .*process ${String(first.process.pid)}`));
    const third = await p.start(['apply', 'inventory.yml', 'playbook.yml', '--lock-wait', '60']).ended;
    expect(third.status).toBe(0);
    expect((await first.ended).status).toBe(0);
  });

  it('from two controllers on one host: the host\'s lock names the first; check does not mind', async () => {
    const p = make(playbook);
    const other = mkdtempSync(path.join(tmpdir(), 'care-other-'));
    const first = p.start(['apply', 'inventory.yml', 'playbook.yml']);
    await began();
    const second = await p.start(['apply', 'inventory.yml', 'playbook.yml'], other).ended;
    expect(second.stdout + second.stderr).toMatch(/the host is in use by another run: \S+: apply inventory.yml|the host is in use by another run: \S+@\S+_apply_inventory.yml/);
    expect(second.stdout).toMatch(/Another run works on test-trixie/);
    expect(second.status).toBe(75);
    expect((await p.start(['check', 'inventory.yml', 'playbook.yml'], other).ended).status).not.toBe(75);
    const impatient = p.start(['apply', 'inventory.yml', 'playbook.yml', '--lock-wait', '600'], other);
    await impatient.until(/play: all/);
    impatient.process.kill('SIGINT');
    expect([(await impatient.ended).status, first.process.exitCode]).toEqual([130, null]);
    const third = await p.start(['apply', 'inventory.yml', 'playbook.yml', '--lock-wait', '60'], other).ended;
    expect([third.status, (await first.ended).status]).toEqual([0, 0]);
  });

  it('root\'s lock is taken as well by a play that becomes root only in a task', async () => {
    const p = make(playbook);
    const other = mkdtempSync(path.join(tmpdir(), 'care-other-'));
    const first = p.start(['apply', 'inventory.yml', 'playbook.yml']);
    await began();
    p.write('later.yml', '- hosts: all\n  tasks:\n    - { name: as care, command: "true", changed_when: false }\n    - { name: as root, command: touch /root/cut-off/interleaved, become: true }\n');
    p.write('unprivileged.yml', inventoryOf({ [HOST]: Object.fromEntries(Object.entries(hostVariables(lab, HOST)).filter(([name]) => name !== 'ansible_become')) }));
    const second = await p.start(['apply', 'unprivileged.yml', 'later.yml'], other).ended;
    expect(second.stdout).toMatch(/as root[^]*in use by another run/);
    expect(second.status).toBe(75);
    expect((await first.ended).status).toBe(0);
    expect(await onHost(lab, HOST, 'ls /root/cut-off')).toBe('quick');
  });
});
