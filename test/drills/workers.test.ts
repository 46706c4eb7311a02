/**
 * Workers in trouble, through a real server: on other machines, without their coordinator, stopped and gone on later, and with a share that another one
 * takes over in the middle of `serial` batches. About four minutes.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import { controlHost, reachedFrom, removeControlHost } from '../integration/support/control-host.ts';
import { eventually, hostVariables, labProject, onHost, type LabProject, type Started } from '../integration/support/lab-project.ts';
import { sharedLab } from '../integration/support/lab.ts';
import { NoPackage, postgresServer, removePostgresServer, SERVER_PASSWORD, SERVER_PORT, type PostgresServer } from '../integration/support/postgres-server.ts';

const HOSTS = ['test-trixie', 'test-bookworm'] as const;
/** Neighbours share a lab host, so that a host is one worker's. */
const NAMES = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'] as const;
const hostOf = (name: string): (typeof HOSTS)[number] => HOSTS[name.startsWith('a') ? 0 : 1];

let lab: Lab;
let server: PostgresServer;
let missing = '';
let project: LabProject;
const url = (ca: string): string => `postgresql://care:${encodeURIComponent(SERVER_PASSWORD)}@${server.address}:${String(SERVER_PORT)}/runs?sslrootcert=${ca}`;

beforeAll(async () => {
  lab = await sharedLab();
  try {
    server = await postgresServer(lab, HOSTS[0]);
  } catch (error) {
    if (!(error instanceof NoPackage)) throw error;
    missing = `workers are not drilled: ${error.message}`;
    return;
  }
  const ca = path.join(mkdtempSync(path.join(tmpdir(), 'care-ca-')), 'ca.crt');
  writeFileSync(ca, server.ca);
  process.env['CARE_DATABASE_URL'] = url(ca);
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

const inventory = (variables: (name: string) => Readonly<Record<string, string | number>>): string => JSON.stringify({ all: { hosts: Object.fromEntries(NAMES.map((name) => [name, variables(hostOf(name))])) } });
function make(playbook: string): void {
  project = labProject({ 'playbook.yml': playbook, 'inventory.yml': inventory((host) => hostVariables(lab, host)) });
}
const apply = (...words: readonly string[]): Started => project.start(['apply', 'inventory.yml', 'playbook.yml', '--workers', '2', '--output', 'json', ...words]);
interface Event { readonly type: string; readonly host?: string; readonly task?: string; readonly status?: string | number; readonly error?: string; readonly hosts?: Record<string, { readonly changed: number; readonly failed: number }> }
const eventsOf = (stdout: string): readonly Event[] => stdout.trim().split('\n').map((line) => JSON.parse(line) as Event);
const troubles = (stdout: string): readonly string[] => eventsOf(stdout).flatMap((event) => (event.type === 'task' && event.status !== 'changed' ? [`${event.host ?? ''} ${event.task ?? ''}`] : []));
const note = (what: string): string => `shell: "echo {{ inventory_hostname }} ${what} >>/root/shared/log"`;
const logs = async (): Promise<readonly string[]> => (await Promise.all(HOSTS.map((host) => onHost(lab, host, 'cat /root/shared/log 2>/dev/null || true')))).flatMap((text) => text.split('\n')).filter((line) => line !== '').sort();
const everywhere = async (script: string): Promise<readonly string[]> => Promise.all(HOSTS.map((host) => onHost(lab, host, script)));
const began = (host: string): Promise<void> => eventually(async () => (await onHost(lab, host, 'ls /root/shared')).includes('began'), 90_000, () => `the command of ${host} did not begin`);
/** Takes its time, until somebody touches `quick`. */
const SLOW = "command: \"sh -c 'touch /root/shared/began; for i in $(seq 900); do test ! -e /root/shared/quick || exit 0; sleep 0.1; done'\", changed_when: false";
const processOf = (run: Started, worker: number): number => Number(new RegExp(`worker ${String(worker)}: process (\\d+)`).exec(run.output())?.[1]);
const nameOf = (run: Started): string => /run ([0-9]{8}-\S+)/.exec(run.output())?.[1] ?? '';
const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
/** The local worker that has the hosts of a lab host. */
async function workerOf(run: Started, share: 0 | 1): Promise<number> {
  await run.until(new RegExp(`worker (\\d): share ${String(share)}: 3 hosts`), 60_000);
  return Number(new RegExp(`worker (\\d): share ${String(share)}: 3 hosts`).exec(run.output())?.[1]);
}

test('on two other machines: the run is theirs, the report is here; one with other files is refused', async () => {
  const playbook = `- hosts: all
  serial: 4
  tasks:
    - { name: once, ${note('once')}, run_once: true }
    - { name: batch, ${note("{{ join ansible_play_batch '+' }}")} }
    - { name: facts, copy: { dest: "/root/shared/{{ inventory_hostname }}", content: "{{ hostvars.a1.ansible_hostname }}" } }
`;
  make(playbook);
  const text = inventory((host) => reachedFrom(lab, host));
  project.write('inventory.yml', text);
  const controls = [];
  try {
    for (const host of HOSTS) {
      const control = await controlHost(lab, host);
      controls.push(control);
      await control.put('inventory.yml', text);
      await control.put('playbook.yml', playbook);
      await control.put('secret/ca.crt', server.ca);
      await control.put('secret/url', `export CARE_DATABASE_URL='${url('/srv/care/secret/ca.crt')}'`);
    }
    const run = apply('--external-workers');
    await run.until(/run [0-9]{8}-\S+/, 60_000);
    const name = nameOf(run);
    const work = (more = ''): string => `. secret/url; ${more} care-provision worker --run ${name} inventory.yml playbook.yml 2>&1`;
    await controls[0]?.put('other.yml', playbook.replace('once', 'twice'));
    expect(await controls[0]?.sh(`${work().replace('playbook.yml', 'other.yml')} || echo "status $?"`)).toMatch(/is of other files, options or variables[^]*status 65$/);
    const said = await Promise.all(controls.map((control) => control.sh(work())));
    const answer = await run.ended;
    expect([troubles(answer.stdout), answer.status]).toEqual([[], 0]);
    expect(said.map((each) => /^share (\d): 3 hosts/m.exec(each)?.[1]).sort()).toEqual(['0', '1']);
    expect(await logs()).toEqual(['a1 a1+a2+a3+b1', 'a1 once', 'a2 a1+a2+a3+b1', 'a3 a1+a2+a3+b1', 'b1 a1+a2+a3+b1', 'b2 b2+b3', 'b2 once', 'b3 b2+b3']);
    expect(await everywhere('cat /root/shared/[ab]?')).toEqual(HOSTS.map(() => expect.stringMatching(/^(test-trixie){3}$/) as string));
    expect((await project.start(['history', 'show', name]).ended).stdout).toContain('--external-workers');
  } finally {
    for (const host of HOSTS) await removeControlHost(lab, host);
  }
});

test('without their coordinator, killed with -9, they end within a minute, and the next run goes on', async () => {
  make(`- hosts: all
  tasks:
    - { name: first, copy: { dest: "/root/shared/{{ inventory_hostname }}", content: "1" }, notify: told }
    - { name: slow, ${SLOW} }
    - { name: last, copy: { dest: "/root/shared/{{ inventory_hostname }}.last", content: "2" } }
  handlers:
    - { name: told, ${note('told')} }
`);
  const run = apply();
  for (const host of HOSTS) await began(host);
  const workers = [processOf(run, 1), processOf(run, 2)];
  expect(workers.map(alive)).toEqual([true, true]);
  run.process.kill('SIGKILL');
  await run.ended;
  // The tasks in hand may come to their end meanwhile; nothing is begun after the lease of the run is over.
  await new Promise((resolve) => setTimeout(resolve, 35_000));
  await everywhere('touch /root/shared/quick');
  await eventually(() => !workers.some(alive), 25_000, () => `a worker goes on without its coordinator: ${run.output()}`);
  expect([await logs(), await everywhere('ls /root/shared/*.last 2>/dev/null | wc -l')]).toEqual([[], ['0', '0']]);
  const again = await apply('--lock-wait', '60').ended;
  expect([troubles(again.stdout).filter((each) => !each.startsWith('a worker')), again.status]).toEqual([[], 0]);
  expect([await logs(), await everywhere('cat /root/shared/*.last; ls /var/lib/care-provision/pending | wc -l')]).toEqual([NAMES.map((name) => `${name} told`), ['2220', '2220']]);
});

test('one that was stopped finds its hosts another one\'s when it goes on: what it would say is refused, and nothing is done twice at once', async () => {
  make(`- hosts: all
  tasks:
    - { name: slow, ${SLOW} }
    - { name: later, ${note('later')} }
`);
  const run = apply();
  for (const host of HOSTS) await began(host);
  const stopped = processOf(run, await workerOf(run, 0));
  process.kill(stopped, 'SIGSTOP');
  try {
    await run.until(/left 3 hosts behind/, 60_000);
    await everywhere('touch /root/shared/quick');
    expect(await server.sql(`select token from care_provision.run_shares where share = 0 and run_id = '${nameOf(run)}'`)).toBe('2');
  } finally {
    process.kill(stopped, 'SIGCONT');
  }
  const answer = await run.ended;
  // None of its endings is told as that of a host: the other worker's are.
  expect([troubles(answer.stdout), answer.status, alive(stopped)]).toEqual([[], 0, false]);
  expect(await logs()).toEqual(NAMES.map((name) => `${name} later`));
});

test('batches stay as they were decided, also when the worker that takes a share over finds its hosts better than the one before', async () => {
  make(`- hosts: all
  tasks:
    - { name: may fail, command: "test ! -e /root/shared/fails-{{ inventory_hostname }}", changed_when: false }
- hosts: all
  serial: 2
  tasks:
    - { name: slow, ${SLOW} }
    - { name: batch, ${note("{{ join ansible_play_batch '+' }}")} }
`);
  await onHost(lab, HOSTS[0], 'touch /root/shared/fails-a2');
  const run = apply();
  await began(HOSTS[0]);
  await onHost(lab, HOSTS[0], 'rm /root/shared/fails-a2');
  process.kill(processOf(run, await workerOf(run, 0)), 'SIGKILL');
  await everywhere('touch /root/shared/quick');
  const answer = await run.ended;
  expect(await logs()).toEqual(['a1 a1+a3', 'a3 a1+a3', 'b1 b1+b2', 'b2 b1+b2', 'b3 b3']);
  const summary = eventsOf(answer.stdout).find((event) => event.type === 'summary');
  expect([answer.status, Object.entries(summary?.hosts ?? {}).filter(([, counts]) => counts.failed > 0).map(([name]) => name)]).toEqual([3, ['a2']]);
  expect(troubles(answer.stdout)).toEqual(['a2 may fail', 'a2 the play']);
});
