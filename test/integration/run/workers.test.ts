/** A run that workers share, through a real server: what goes across hosts holds, and a worker killed with -9 loses nothing. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { eventually, hostVariables, labProject, onHost, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';
import { NoPackage, postgresServer, removePostgresServer, SERVER_PASSWORD, SERVER_PORT, type PostgresServer } from '../support/postgres-server.ts';

const HOSTS = ['test-trixie', 'test-bookworm'] as const;
let lab: Lab;
let server: PostgresServer;
let missing = '';
let project: LabProject;

beforeAll(async () => {
  lab = await sharedLab();
  try {
    server = await postgresServer(lab, HOSTS[0]);
  } catch (error) {
    if (!(error instanceof NoPackage)) throw error;
    missing = `workers are not tried: ${error.message}`;
    return;
  }
  const ca = path.join(mkdtempSync(path.join(tmpdir(), 'care-ca-')), 'ca.crt');
  writeFileSync(ca, server.ca);
  process.env['CARE_DATABASE_URL'] = `postgresql://care:${encodeURIComponent(SERVER_PASSWORD)}@${server.address}:${String(SERVER_PORT)}/runs?sslrootcert=${ca}`;
});
afterAll(async () => {
  delete process.env['CARE_DATABASE_URL'];
  await removePostgresServer(lab, HOSTS[0]);
});
beforeEach(async ({ skip }) => {
  if (missing !== '') skip(missing);
  for (const host of HOSTS) await onHost(lab, host, 'rm -rf /root/shared; mkdir /root/shared');
});
afterEach(() => { project.remove(); });

/** Neighbours share a lab host, so that a host is one worker's. */
const NAMES = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'] as const;
const inventory = (): string => JSON.stringify({ all: { hosts: Object.fromEntries(NAMES.map((name) => [name, hostVariables(lab, HOSTS[name.startsWith('a') ? 0 : 1])])) } });
function make(playbook: string): void {
  project = labProject({ 'playbook.yml': playbook, 'inventory.yml': inventory() });
}
interface Answer { readonly status: number | null; readonly stdout: string; readonly stderr: string }
const apply = (...words: readonly string[]): Promise<Answer> => project.start(['apply', 'inventory.yml', 'playbook.yml', '--workers', '2', '--output', 'json', ...words]).ended;
interface Event { readonly type: string; readonly host?: string; readonly task?: string; readonly status?: string | number; readonly message?: string; readonly error?: string; readonly hosts?: Record<string, { readonly changed: number; readonly failed: number }>; readonly unfinished?: readonly string[] }
const eventsOf = ({ stdout }: Answer): readonly Event[] => stdout.trim().split('\n').map((line) => JSON.parse(line) as Event);
const troubles = (answer: Answer): readonly string[] => eventsOf(answer).flatMap((event) => (event.type === 'task' && event.status !== 'changed' ? [`${event.host ?? ''} ${event.task ?? ''}: ${event.error ?? ''}`] : []));
const summaryOf = (answer: Answer): Event | undefined => eventsOf(answer).find((event) => event.type === 'summary');
const logs = async (): Promise<readonly string[]> => (await Promise.all(HOSTS.map((host) => onHost(lab, host, 'cat /root/shared/log 2>/dev/null || true')))).flatMap((text) => text.split('\n')).filter((line) => line !== '').sort();
/** Both hosts are containers of one machine, with one clock. */
const note = (what: string): string => `shell: "echo $(date +%s%N) {{ inventory_hostname }} ${what} >>/root/shared/log"`;

test('batches, sections, facts of others and run_once hold across workers; the run, its changes and its hosts are recorded', async () => {
  make(`- hosts: all
  serial: [2, 4]
  pre_tasks:
    - { name: before, ${note('before')} }
  tasks:
    - { name: once, ${note('once')}, run_once: true }
    - { name: after, ${note('after')} }
- hosts: all
  tasks:
    - { name: facts, copy: { dest: "/root/shared/{{ inventory_hostname }}", content: "{{ hostvars.a1.ansible_hostname }} {{ hostvars.b3.ansible_hostname }}" }, notify: told }
  handlers:
    - { name: told, ${note('told')} }
`);
  const answer = await apply();
  expect([answer.status, answer.stderr.split('\n').filter((line) => /error|ended by/.test(line))]).toEqual([0, []]);
  const order = (await logs()).map((line) => line.split(' ').slice(1).join(' '));
  const ranks = (what: string): readonly string[] => order.filter((line) => line.endsWith(` ${what}`));
  expect([ranks('before').length, ranks('once'), ranks('after').length, ranks('told').length]).toEqual([6, ['a1 once', 'a3 once'], 6, 6]);
  // The first batch is through before the second begins; in each, all are through with a section before the next.
  const [first, second] = [order.slice(0, 5), order.slice(5, 14)];
  expect(first.map((line) => line.split(' ')[1]).filter((each, i, all) => each !== all[i - 1])).toEqual(['before', 'once', 'after']);
  expect(second.map((line) => line.split(' ')[1]).filter((each, i, all) => each !== all[i - 1])).toEqual(['before', 'once', 'after']);
  expect([...new Set(second.map((line) => line.split(' ')[0]))].sort()).toEqual(['a3', 'b1', 'b2', 'b3']);
  expect(await onHost(lab, HOSTS[1], 'cat /root/shared/b2')).toMatch(/^test-trixie\S* test-bookworm/);
  const summary = summaryOf(answer);
  expect(Object.fromEntries(Object.entries(summary?.hosts ?? {}).map(([name, counts]) => [name, counts.changed]))).toEqual({ a1: 5, a2: 4, a3: 5, b1: 4, b2: 4, b3: 4 });
  const run = /"run":"([^"]+)"/.exec(answer.stdout)?.[1] ?? '';
  expect((await project.start(['history', 'show', run]).ended).stdout).toContain('apply inventory.yml playbook.yml --workers 2');
  // What was needed to share it is gone.
  expect(await server.sql('select count(*) from care_provision.shared_runs')).toBe('0');
  // Values of variables get to the workers, and not by their argument lists.
  project.write('playbook.yml', '- hosts: all\n  tasks:\n    - { copy: { dest: "/root/shared/{{ inventory_hostname }}", content: "{{ word }}" } }\n');
  expect([troubles(await apply('-e', 'word=by-standard-input')), await onHost(lab, HOSTS[1], 'cat /root/shared/b2')]).toEqual([[], 'by-standard-input']);
});

test('a failure here ends the play there: max_fail_percentage, any_errors_fatal', async () => {
  make(`- hosts: all
  serial: 3
  max_fail_percentage: 30
  tasks:
    - { name: fails, command: "false", when: inventory_hostname == 'a2' }
    - { name: after, ${note('after')} }
`);
  const some = await apply();
  expect([some.status, summaryOf(some)?.unfinished]).toEqual([3, ['b1', 'b2', 'b3']]);
  expect((await logs()).map((line) => line.split(' ')[1]).filter((name) => name?.startsWith('b'))).toEqual([]);
  project.write('playbook.yml', `- hosts: all
  any_errors_fatal: true
  tasks:
    - { name: fails, command: "false", when: inventory_hostname == 'b3' }
    - { name: waits, pause: { seconds: 4 } }
    - { name: after, ${note('fatal')} }
- hosts: all
  tasks:
    - { name: next, ${note('next')} }
`);
  const fatal = await apply();
  expect([fatal.stderr.includes('error:'), fatal.status, eventsOf(fatal).some((event) => event.message?.includes('any_errors_fatal is set') === true)]).toEqual([false, 3, true]);
  expect((await logs()).filter((line) => / (fatal|next)$/.test(line))).toEqual([]);
});

test('a worker killed with -9 loses nothing: another one takes its hosts over, handlers that it owed run', async () => {
  make(`- hosts: all
  tasks:
    - { name: first, copy: { dest: "/root/shared/{{ inventory_hostname }}", content: "1" }, notify: told }
    - { name: command, command: "sh -c 'test -e /root/shared/quick || { touch /root/shared/began; sleep 8; }'", changed_when: false }
    - { name: last, copy: { dest: "/root/shared/{{ inventory_hostname }}.last", content: "2" } }
  handlers:
    - { name: told, ${note('told')} }
- hosts: all
  tasks:
    - { name: later, ${note('later')} }
`);
  const run = project.start(['apply', 'inventory.yml', 'playbook.yml', '--workers', '2', '--output', 'json']);
  await run.until(/worker 2: share [01]: 3 hosts/);
  for (const host of HOSTS) await eventually(async () => (await onHost(lab, host, 'ls /root/shared')).includes('began'), 20_000, () => 'the commands began');
  const killed = Number(/worker 2: process (\d+)/.exec(run.output())?.[1]);
  process.kill(killed, 'SIGKILL');
  for (const host of HOSTS) await onHost(lab, host, 'touch /root/shared/quick');
  const answer = await run.ended;
  expect([troubles(answer), answer.status, /left 3 hosts behind/.test(answer.stdout), /worker 2: ended by SIGKILL/.test(answer.stderr), /worker 1: share [01]: 3 hosts, left behind/.test(answer.stderr)]).toEqual([[], 0, true, true, true]);
  const all = (await logs()).map((line) => line.split(' ').slice(1).join(' '));
  expect([all.filter((line) => line.endsWith('told')).length, all.filter((line) => line.endsWith('later')).length]).toEqual([6, 6]);
  for (const host of HOSTS) expect(await onHost(lab, host, 'cat /root/shared/*.last; ls /var/lib/care-provision/pending | wc -l')).toBe('2220');
  expect(Object.keys(summaryOf(answer)?.hosts ?? {}).sort()).toEqual([...NAMES]);
});

test('what cannot be shared is refused before a host is touched', async () => {
  make(`- hosts: all
  tasks:
    - { name: elsewhere, command: "true", delegate_to: a1 }
    - { name: once, command: "true", run_once: true, register: said }
    - { name: bounded, command: "true", throttle: 1 }
    - { name: others, debug: { msg: "{{ hostvars.a1.said.stdout }}" } }
`);
  const answer = await apply();
  expect(answer.status).toBe(65);
  for (const word of ['delegate_to another host', 'run_once with register', 'throttle:', 'hostvars with said']) expect(answer.stderr).toContain(word);
  const words = await project.start(['apply', 'inventory.yml', 'playbook.yml', '--workers', '2', '--ask-become-pass']).ended;
  expect([words.status, words.stderr]).toEqual([64, expect.stringContaining('--ask-become-pass does not go with --workers') as string]);
});
