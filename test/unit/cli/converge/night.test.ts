/** A night on this machine: what is mended and what only reported, what is told of it, what the record, history and metrics say. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../../../src/cli/cli.ts';
import { convergeRunAction } from '../../../../src/cli/converge/run.ts';
import { ailmentOf, beginWatch, convergeWatchAction } from '../../../../src/cli/converge/watch.ts';
import { openStore } from '../../../../src/state/open-store.ts';
import { readRecord, readWatch, writeRecord, writeWatch } from '../../../../src/state/converge-record.ts';
import { ExitStatus } from '../../../../src/support/diagnostic.ts';
import { fakeContext, type FakeContext } from '../fakes.ts';

interface Told {
  readonly events: readonly string[];
  readonly outcome: string;
  readonly status: number | null;
  readonly error: string | null;
  readonly changes: readonly { readonly resource: string }[];
  readonly policy: { readonly notes: readonly string[]; readonly left: readonly { readonly resource: string }[] } | null;
}

const bodies: Told[] = [];
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => { body += text; });
  request.on('end', () => {
    bodies.push(JSON.parse(body) as Told);
    response.writeHead(204).end();
  });
});
let hook = '';
let dir = '';
let environment: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hook = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'care-night-'));
  environment = { CARE_STATE: path.join(dir, 'state') };
  vi.stubEnv('CARE_STATE', path.join(dir, 'state'));
  bodies.length = 0;
  for (const role of ['free', 'held']) {
    mkdirSync(path.join(dir, 'roles', role, 'tasks'), { recursive: true });
    mkdirSync(path.join(dir, 'roles', role, 'handlers'), { recursive: true });
    put(`roles/${role}/role.yml`, `summary: The role ${role}.\n`);
    put(`roles/${role}/tasks/main.yml`, `- {name: file of ${role}, copy: {dest: "{{ work }}/${role}", content: "wanted\\n"}, notify: told of ${role}, register: made}\n- {name: after ${role}, command: "touch {{ work }}/after-${role}", when: made.changed}\n`);
    put(`roles/${role}/handlers.yml`, `- {name: told of ${role}, shell: "echo told >> {{ work }}/${role}.log"}\n`);
  }
  for (const folder of ['work', 'metrics', 'reports']) mkdirSync(path.join(dir, folder));
  put('playbook.yml', '- hosts: all\n  roles: [held, free]\n');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

function put(name: string, text: string): void {
  writeFileSync(path.join(dir, name), text);
}
function policy(text: string): void {
  put('night.yml', `all:\n  hosts: {one: {}}\n  vars:\n    ansible_connection: local\n    work: ${dir}/work\n    notify: {webhook: {url: "${hook}"}, tries: 1}\n    converge: ${text}\n`);
}
const exists = (name: string): boolean => readdirSync(path.join(dir, 'work')).includes(name);
const read = (name: string): string => readFileSync(path.join(dir, name), 'utf8');
const metric = (name: string): string | undefined => new RegExp(`^care_converge_${name}\\{name="night"\\} (\\S+)$`, 'm').exec(read('metrics/care-converge-night.prom'))?.[1];

function context(more: Readonly<Record<string, string>> = {}): FakeContext {
  return { ...fakeContext(dir), environment: { ...environment, ...more } };
}
async function converge(now?: string): Promise<{ readonly status: number; readonly context: FakeContext }> {
  const own = context();
  const flags = { inventory: [], playbook: [], forks: 5, lockWait: 15, extraVars: [], timeout: 3600, verbose: 0, metrics: path.join(dir, 'metrics'), reports: path.join(dir, 'reports') };
  return { status: await convergeRunAction(own, { inventory: path.join(dir, 'night.yml'), playbooks: [path.join(dir, 'playbook.yml')], flags }, ...(now === undefined ? [] : [() => Date.parse(now)])), context: own };
}
async function watch(now: string, more: Readonly<Record<string, string>> = {}): Promise<number> {
  return convergeWatchAction(context(more), path.join(dir, 'night.yml'), { inventory: [], extraVars: [], metrics: path.join(dir, 'metrics') }, () => Date.parse(now));
}
async function history(): Promise<readonly (readonly [string, number | null, number])[]> {
  const store = await openStore({ environment });
  try {
    return (await store.listRuns({ limit: 10 })).map((run) => [run.mode, run.status, run.total.changed] as const);
  } finally {
    await store.close();
  }
}

describe('a night', () => {
  test('mends what it may, leaves what it may not, in one go; the next is quiet but for what is left; the one after that without it says nothing', { timeout: 60_000 }, async () => {
    policy('{mode: mend, unattended: {roles: {held: report}}}');
    const { status, context: first } = await converge();
    expect(first.stderr.text()).toBe('');
    expect(status).toBe(ExitStatus.drift);
    // The held role has changed nothing, told no handler, and what comes after it was not done either.
    expect(readdirSync(path.join(dir, 'work')).sort()).toEqual(['after-free', 'free', 'free.log']);
    const [told] = bodies;
    expect(bodies).toHaveLength(1);
    expect([told?.events, told?.status]).toEqual([['changed', 'drifted'], 2]);
    expect(told?.outcome).toMatch(/^mended: 1 host changed, 3 changes left as they are$/);
    expect(told?.changes.map((change) => change.resource)).toContain(`file ${dir}/work/free`);
    expect(told?.policy?.left.map((change) => change.resource)).toContain(`file ${dir}/work/held`);
    const record = readRecord('night', environment);
    expect(record?.ended).toMatchObject({ status: 2, mended: 2, leftCount: 3, told: true });
    expect(record?.ended?.runs).toHaveLength(2);
    expect(await history()).toEqual([['apply', 0, 3], ['check', 2, 6]]);
    expect([metric('mended_changes'), metric('left_changes'), metric('restrained'), metric('in_progress'), metric('told')]).toEqual(['2', '3', '1', '0', '1']);
    expect(read('metrics/care-converge-night-run.prom')).toContain('mode="converge"');
    const pages = readdirSync(path.join(dir, 'reports'));
    expect(pages).toHaveLength(1);
    expect(read(`reports/${pages[0] ?? ''}`)).toContain('Left as it is');

    policy('{mode: mend}');
    expect((await converge()).status).toBe(ExitStatus.ok);
    expect(exists('held') && exists('held.log')).toBe(true);
    const quiet = await converge();
    expect([quiet.status, bodies.length, readdirSync(path.join(dir, 'reports')).length]).toEqual([ExitStatus.ok, 2, 2]);
    expect((await history())[0]).toEqual(['check', 0, 0]);
    expect([metric('told'), metric('exit_status')]).toEqual([undefined, '0']);
  });

  test('that learns only from what it has mended what else it may not mend, leaves and tells that, too', { timeout: 60_000 }, async () => {
    policy('{mode: mend, unattended: {roles: {held: report}}}');
    put('playbook.yml', '- hosts: all\n  roles: [free, held]\n');
    put('roles/free/tasks/main.yml', '- {name: made, shell: "echo new | tee {{ work }}/free", args: {creates: "{{ work }}/free"}, register: word}\n');
    put('roles/held/tasks/main.yml', '- {name: by that word, copy: {dest: "{{ work }}/held", content: "{{ word.stdout }}"}}\n');
    const { status } = await converge();
    expect(readdirSync(path.join(dir, 'work'))).toEqual(['free']);
    expect(status).toBe(ExitStatus.drift);
    expect(bodies[0]?.policy?.left.map((change) => change.resource)).toEqual([`file ${dir}/work/held`]);
    expect(readRecord('night', environment)?.ended).toMatchObject({ status: 2, leftCount: 1 });
  });

  test.each([
    ['{mode: report}', '2026-11-26T02:00:00Z', 'the policy only reports'],
    ['{mode: mend, windows: [{from: "03:00", to: "04:00"}]}', '2026-11-26T02:00:00Z', 'outside the maintenance windows, the next of which opens 2026-11-26 03:00 UTC'],
    ['{mode: mend, freeze: [{from: 2026-11-26, to: 2026-11-27, reason: audit of the year}]}', '2026-11-26T02:00:00Z', 'a freeze until 2026-11-27: audit of the year'],
    ['{mode: mend, max_changes: 3}', '2026-11-26T02:00:00Z', '4 changes are more than 3'],
  ])('by %s only reports, and says why', { timeout: 30_000 }, async (text, now, why) => {
    policy(text);
    const { status, context: own } = await converge(now);
    expect([status, readdirSync(path.join(dir, 'work'))]).toEqual([ExitStatus.drift, []]);
    expect(bodies.map((body) => body.events)).toEqual([['drifted']]);
    expect(bodies[0]?.policy?.notes.join(' ')).toContain(why);
    expect(own.stdout.text()).toContain(why);
    expect(readRecord('night', environment)?.ended?.restraint).toContain(why);
    expect((await history()).map(([mode]) => mode)).toEqual(['check']);
  });

  test('that finds what was told of lately tells nobody, until a week has gone, something else has drifted, or it was gone in between', { timeout: 60_000 }, async () => {
    policy('{mode: report}');
    const day = (n: number): string => new Date(Date.parse('2026-11-01T02:00:00Z') + n * 86_400_000).toISOString();
    const nights: number[] = [];
    const night = async (n: number): Promise<void> => {
      await converge(day(n));
      nights.push(bodies.length);
    };
    await night(0);
    await night(1);
    await night(6);
    expect([nights, readdirSync(path.join(dir, 'reports')).length, metric('left_changes')]).toEqual([[1, 1, 1], 1, '6']);
    await night(7);
    put('work/free', 'wanted\n');
    await night(8);
    await night(9);
    expect(nights.slice(3)).toEqual([2, 3, 3]);
    policy('{mode: mend}');
    await night(10);
    policy('{mode: report}');
    await night(11);
    put('work/free', 'other\n');
    await night(12);
    await night(13);
    expect(nights.slice(6)).toEqual([4, 4, 5, 5]);
    policy('{mode: report, remind_days: 0}');
    await night(14);
    expect(bodies).toHaveLength(6);
  });

  test('that is outside the windows each time, whichever opens next, tells of the same drift once', { timeout: 30_000 }, async () => {
    policy('{mode: mend, windows: [{from: "03:00", to: "04:00"}]}');
    for (const day of ['24', '25', '26']) await converge(`2026-11-${day}T02:00:00Z`);
    expect(bodies).toHaveLength(1);
    expect(bodies[0]?.policy?.notes.join(' ')).toContain('opens 2026-11-24 03:00 UTC');
    // Another reason is news.
    policy('{mode: mend, windows: [{from: "03:00", to: "04:00"}], freeze: [{from: 2026-11-27, to: 2026-11-27, reason: audit}]}');
    await converge('2026-11-27T02:00:00Z');
    expect(bodies).toHaveLength(2);
  });

  test('says what keeps coming back', { timeout: 60_000 }, async () => {
    policy('{mode: mend}');
    const recurring: (string | undefined)[] = [];
    for (let n = 0; n < 3; n += 1) {
      put('work/free', 'tampered\n');
      await converge();
      recurring.push(metric('recurring_changes'));
    }
    // The file, and the command that comes after it.
    expect(recurring).toEqual(['0', '0', '2']);
    expect(bodies.at(-2)?.policy?.notes).toEqual([]);
    expect(bodies.at(-1)?.policy?.notes).toContainEqual(expect.stringMatching(/^Keeps coming back: file \S+\/work\/free \(one\), 3 times since \d{4}-\d\d-\d\d\.$/));
    expect(bodies.at(-1)?.policy?.notes.at(-1)).toBe('Who else changes them: care-provision drift.');
    // Left as it is from now on: told of once, and then lately. It keeps coming back in those nights, too, and its alert stays.
    policy('{mode: report}');
    put('work/free', 'tampered\n');
    const before = bodies.length;
    for (let n = 0; n < 2; n += 1) {
      await converge();
      expect([bodies.length, metric('recurring_changes')]).toEqual([before + 1, '2']);
    }
  });

  test('on which too many hosts cannot be reached mends nothing', { timeout: 60_000 }, async () => {
    policy('{mode: mend}');
    put('night.yml', read('night.yml').replace('hosts: {one: {}}', 'hosts: {one: {}, away: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 9}}'));
    const { status } = await converge();
    expect([status, readdirSync(path.join(dir, 'work'))]).toEqual([ExitStatus.unreachable, []]);
    expect(bodies[0]?.events).toEqual(['unreachable', 'drifted']);
    expect(bodies[0]?.policy?.notes.join(' ')).toContain('1 of 2 hosts failed or were not reached, more than 20 % (max_fail_percentage)');
    policy('{mode: mend, max_fail_percentage: 50}');
    put('night.yml', read('night.yml').replace('hosts: {one: {}}', 'hosts: {one: {}, away: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 9}}'));
    expect([(await converge()).status, exists('free')]).toEqual([ExitStatus.unreachable, true]);
  });

  test('whose window closes on the way changes nothing more, but what a change has asked for', { timeout: 60_000 }, async () => {
    policy('{mode: mend, windows: [{from: "02:00", to: "03:00"}]}');
    put('playbook.yml', '- hosts: all\n  roles: [free]\n  tasks: [{name: later, copy: {dest: "{{ work }}/later", content: x}}]\n');
    const own = context();
    const flags = { inventory: [], playbook: [], forks: 5, lockWait: 15, extraVars: [], timeout: 3600, verbose: 0 };
    // It is three o'clock when the role has done its work.
    const clock = (): number => Date.parse(exists('after-free') ? '2026-11-26T03:00:00Z' : '2026-11-26T02:30:00Z');
    const status = await convergeRunAction(own, { inventory: path.join(dir, 'night.yml'), playbooks: [path.join(dir, 'playbook.yml')], flags }, clock);
    expect([status, readdirSync(path.join(dir, 'work')).sort()]).toEqual([ExitStatus.failed, ['after-free', 'free', 'free.log']]);
    expect(own.stdout.text()).toContain('later');
    expect(bodies[0]?.policy?.notes.join(' ')).toContain('The mending was stopped, since it is outside the maintenance windows');
  });

  test('whose window closes between a change and its handler runs the handler', { timeout: 60_000 }, async () => {
    policy('{mode: mend, windows: [{from: "02:00", to: "03:00"}]}');
    put('playbook.yml', '- hosts: all\n  tasks:\n    - {name: first, command: {cmd: "touch {{ work }}/first", creates: "{{ work }}/first"}, notify: restart}\n    - {name: later, copy: {dest: "{{ work }}/later", content: x}}\n  handlers: [{name: restart, shell: "echo told >> {{ work }}/log"}]\n');
    const flags = { inventory: [], playbook: [], forks: 5, lockWait: 15, extraVars: [], timeout: 3600, verbose: 0 };
    const clock = (): number => Date.parse(exists('first') ? '2026-11-26T03:00:00Z' : '2026-11-26T02:30:00Z');
    const status = await convergeRunAction(context(), { inventory: path.join(dir, 'night.yml'), playbooks: [path.join(dir, 'playbook.yml')], flags }, clock);
    expect([status, readdirSync(path.join(dir, 'work')).sort()]).toEqual([ExitStatus.failed, ['first', 'log']]);
  });

  test('that was stopped at a task whose failure is ignored is no whole one', { timeout: 60_000 }, async () => {
    policy('{mode: mend, windows: [{from: "02:00", to: "03:00"}]}');
    put('playbook.yml', '- hosts: all\n  tasks:\n    - {name: first, command: {cmd: "touch {{ work }}/first", creates: "{{ work }}/first"}}\n    - {name: later, copy: {dest: "{{ work }}/later", content: x}, ignore_errors: true}\n');
    const flags = { inventory: [], playbook: [], forks: 5, lockWait: 15, extraVars: [], timeout: 3600, verbose: 0 };
    const clock = (): number => Date.parse(exists('first') ? '2026-11-26T03:00:00Z' : '2026-11-26T02:30:00Z');
    const status = await convergeRunAction(context(), { inventory: path.join(dir, 'night.yml'), playbooks: [path.join(dir, 'playbook.yml')], flags }, clock);
    expect([status, readdirSync(path.join(dir, 'work'))]).toEqual([ExitStatus.drift, ['first']]);
    expect(readRecord('night', environment)?.ended).toMatchObject({ status: 2, restraint: expect.stringContaining('outside the maintenance windows') as string });
  });

  test('whose playbook cannot be read is told of, with status 65, and is no success', { timeout: 30_000 }, async () => {
    policy('{mode: mend}');
    put('playbook.yml', '- hosts: all\n  rolez: []\n');
    await expect(converge()).rejects.toMatchObject({ message: expect.stringContaining('rolez') as string });
    expect([bodies[0]?.events, bodies[0]?.status]).toEqual([['failed'], 65]);
    expect(bodies[0]?.error).toContain('rolez');
    expect(readRecord('night', environment)).toMatchObject({ lastSuccess: null, ended: { status: 65, told: true } });
    expect([metric('exit_status'), metric('in_progress'), metric('last_success_timestamp_seconds')]).toEqual(['65', '0', undefined]);
    // What an alert counts from that never saw a success.
    expect(Number(metric('since_timestamp_seconds'))).toBeGreaterThan(0);
  });

  test('by the command line, with a name of its own', { timeout: 30_000 }, async () => {
    policy('{mode: report}');
    const own = context();
    expect(await main(['converge', 'run', path.join(dir, 'night.yml'), path.join(dir, 'playbook.yml'), '--name', 'Bad Name'], own)).toBe(ExitStatus.usage);
    expect(await main(['converge', 'run', path.join(dir, 'night.yml'), path.join(dir, 'playbook.yml'), '--name', 'other'], own)).toBe(ExitStatus.drift);
    expect(readRecord('other', environment)?.ended?.status).toBe(2);
  });
});

describe('whoever watches', () => {
  const at = '2026-11-26T12:00:00Z';
  const since = '2026-11-20T00:00:00.000Z';

  test('tells of a missed run once, and of the next again', { timeout: 30_000 }, async () => {
    policy('{schedule: {at: "02:00", days: [mon, fri]}}');
    expect([await watch(at), bodies.length]).toEqual([ExitStatus.ok, 0]);
    // There are metrics before there has been any run, so that one that never comes is seen.
    expect([metric('interval_seconds'), metric('since_timestamp_seconds'), metric('last_start_timestamp_seconds')]).toEqual([String(4 * 86_400), String(Date.parse(at) / 1000), undefined]);
    policy('{schedule: {at: "02:00"}}');
    await writeWatch('night', { format: 1, since, missed: null, broken: null, looked: null }, environment);
    expect(await watch(at)).toBe(ExitStatus.failed);
    expect(bodies.map((body) => [body.events, body.outcome])).toEqual([[['missed'], 'the nightly run was MISSED']]);
    expect(bodies[0]?.error).toContain('the run that was due 2026-11-26 02:00 UTC has not begun');
    expect(await watch(at)).toBe(ExitStatus.ok);
    expect(bodies).toHaveLength(1);
    expect(await watch('2026-11-27T12:00:00Z')).toBe(ExitStatus.failed);
    expect(bodies).toHaveLength(2);
  });

  test('alone says when somebody last looked: a night does not', { timeout: 30_000 }, async () => {
    policy('{mode: mend}');
    await converge();
    expect(metric('watch_timestamp_seconds')).toBeUndefined();
    await watch(at);
    await converge();
    expect(metric('watch_timestamp_seconds')).toBe(String(Date.parse(at) / 1000));
  });

  test('tells of nothing missed by a time of day that install has only now set', { timeout: 30_000 }, async () => {
    const begun = { at: '2026-11-26T02:00:00.000Z', pid: process.pid, started: '1', bootId: 'x', host: 'another', invocation: null, timeout: 600 };
    const ended = { at: '2026-11-26T02:01:00.000Z', status: 0, outcome: '', restraint: '', runs: [], hosts: {}, mended: 0, left: [], leftCount: 0, told: null };
    await writeRecord({ format: 1, name: 'night', begun, ended, lastSuccess: ended.at, said: null }, environment);
    const told = { format: 1 as const, since, missed: null, broken: '2026-11-21T02:00:00.000Z', looked: '2026-11-26T11:00:00.000Z' };
    await writeWatch('night', told, environment);
    // The run of two o'clock has come. By noon four o'clock is set.
    policy('{schedule: {at: "04:00"}}');
    await beginWatch('night', environment, Date.parse(at), false);
    expect(readWatch('night', environment)).toEqual(told);
    await beginWatch('night', environment, Date.parse(at), true);
    expect(readWatch('night', environment)).toEqual({ ...told, since: '2026-11-26T12:00:00.000Z' });
    expect([await watch('2026-11-26T13:00:00Z'), bodies.length]).toEqual([ExitStatus.ok, 0]);
    expect(await watch('2026-11-27T05:00:00Z')).toBe(ExitStatus.failed);
    expect(bodies.map((body) => body.events)).toEqual([['missed']]);
  });

  test('tells of a run whose process is gone; when nobody could be told, again', { timeout: 30_000 }, async () => {
    policy('{mode: mend}');
    const gone = { at: '2026-11-26T02:00:00.000Z', pid: 4_000_000, started: '1', bootId: 'x', host: (await import('node:os')).hostname(), invocation: null, timeout: 3600 };
    await writeRecord({ format: 1, name: 'night', begun: gone, ended: null, lastSuccess: null, said: null }, environment);
    await writeWatch('night', { format: 1, since, missed: null, broken: null, looked: null }, environment);
    const right = hook;
    hook = 'http://127.0.0.1:9/';
    policy('{mode: mend}');
    expect(await watch(at)).toBe(ExitStatus.notNotified);
    expect(readWatch('night', environment)).toMatchObject({ broken: null, looked: '2026-11-26T12:00:00.000Z' });
    hook = right;
    policy('{mode: mend}');
    expect(await watch(at)).toBe(ExitStatus.failed);
    expect(bodies.map((body) => body.events)).toEqual([['died']]);
    expect([metric('died'), metric('missed'), metric('in_progress')]).toEqual(['1', '0', '1']);
    expect(await watch(at)).toBe(ExitStatus.ok);
  });

  test('tells again what only systemd has said of a run, when nobody could be told of it then', { timeout: 30_000 }, async () => {
    const right = hook;
    hook = 'http://127.0.0.1:9/';
    policy('{mode: mend}');
    const monitor = { MONITOR_SERVICE_RESULT: 'exit-code', MONITOR_EXIT_STATUS: '203', MONITOR_INVOCATION_ID: 'abc' };
    expect(await watch(at, monitor)).toBe(ExitStatus.notNotified);
    hook = right;
    policy('{mode: mend}');
    expect(await watch('2026-11-26T13:00:00Z')).toBe(ExitStatus.failed);
    expect(bodies.map((body) => body.events)).toEqual([['died']]);
    expect(bodies[0]?.error).toContain('the run ended with status 203 before it had begun');
    expect([await watch('2026-11-26T14:00:00Z'), bodies.length]).toEqual([ExitStatus.ok, 1]);
  });

  test('called by systemd for a failed unit, tells what the run could not', () => {
    const begun = { at: '2026-11-26T02:00:00.000Z', pid: 1, started: '', bootId: '', host: 'h', invocation: 'abc', timeout: 600 };
    const ended = { at: '2026-11-26T02:01:00.000Z', status: 3, outcome: 'failed: 1 host failed', restraint: '', runs: [], hosts: {}, mended: 0, left: [], leftCount: 0, told: true };
    const now = Date.parse(at);
    const base = { format: 1 as const, name: 'n', begun, ended: null, lastSuccess: null, said: null };
    const of = (result: string, status: string, record: Parameters<typeof ailmentOf>[1], invocation = 'abc'): string => {
      const found = ailmentOf({ result, status, invocation }, record, now);
      return found === undefined ? '' : `${found.what}: ${found.text}`;
    };
    expect(of('signal', 'KILL', base)).toBe('died: the run was ended: signal KILL, without a word');
    expect(of('timeout', 'TERM', { ...base, ended })).toBe('hung: systemd has ended the run, which did not come to its end in time (600 s)');
    // It has told of its failure itself.
    expect(of('exit-code', '3', { ...base, ended })).toBe('');
    expect(of('exit-code', '3', { ...base, ended: { ...ended, told: false } })).toContain('could tell nobody');
    // Of an earlier run: this one did not get so far.
    expect(of('exit-code', '203', { ...base, ended }, 'def')).toBe('died: the run ended with status 203 before it had begun');
    expect(of('exit-code', '1', undefined)).toContain('before it had begun');
  });
});
