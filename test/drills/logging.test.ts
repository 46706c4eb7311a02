/** Two log hosts and a sender (Debian 12): made as predicted, verified; a log host that is off under load loses nothing, and order is kept. About six minutes. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['l1', 'l2', 'h1'] as const;
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
const LOGGING = [book('logging.yml')];
const LINES = 6000;

let lab: Lab;
let project: LabProject;

const addressOf = (host: string): string => String(hostVariables(lab, host)['ansible_host']);
const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');

beforeAll(async () => {
  lab = await labUp({ ...ownLab('logging'), hosts: HOSTS.map((name) => ({ name, site: name === 'l2' ? 'delhi' : 'kochi', release: name === 'h1' ? ('bookworm' as const) : ('trixie' as const) })) });
  project = labProject({});
  const vars = { time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] };
  const hosts = Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)]));
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { logging: { hosts: { l1: null, l2: null } } } } }));
  const below = await run(['base.yml', 'pki.yml'].map(book));
  expect([troubles(below), below.status]).toEqual(['', 0]);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('logging'));
});

/** Numbers of the lines `WORD NNNNNN` of h1 that a log host has, in the order of its files. */
async function numbers(on: string, word: string): Promise<readonly number[]> {
  const text = await onHost(lab, on, `cat /var/log/care/h1/*.log | sed -n 's/.* ${word} \\([0-9]\\{6\\}\\)$/\\1/p'`);
  return text === '' ? [] : text.split('\n').map(Number);
}
const all = Array.from({ length: LINES }, (_, i) => i + 1);
/** The same without what came twice; each where it came first. */
const once = (list: readonly number[]): readonly number[] => [...new Set(list)];

it('is made as predicted; a second apply changes nothing; verify passes', async () => {
  const predicted = await run(LOGGING, { mode: 'check' });
  expect([troubles(predicted), predicted.summary?.total.unknown]).toEqual(['', 0]);
  const made = await run(LOGGING);
  expect([troubles(made), made.status]).toEqual(['', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(LOGGING);
  expect([again.status, changes(again)]).toEqual([0, []]);
  const verified = await run(LOGGING, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual(['', 0]);
});

it('a log host that is off under load loses no line, and order is kept; the other goes on meanwhile', async () => {
  const load = onHost(lab, 'h1', `b=0; while [ $b -lt ${String(LINES / 100)} ]; do seq -f 'load %06.0f' $((b * 100 + 1)) $((b * 100 + 100)) | logger -t load; b=$((b + 1)); sleep 0.5; done`);
  await eventually(async () => (await numbers('l2', 'load')).length > 500, 60_000, () => 'nothing comes to l2');
  const l2 = await labPower('l2', addressOf('l2'));
  await l2.cut();
  await load;
  await eventually(async () => (await numbers('l1', 'load')).length >= LINES, 60_000, () => 'l1 has not all');
  expect(await numbers('l1', 'load')).toEqual(all);
  await l2.on();
  await eventually(async () => once(await numbers('l2', 'load').catch(() => [])).length >= LINES, 180_000, () => 'l2 has not all');
  const there = await numbers('l2', 'load');
  expect(once(there)).toEqual(all);
  console.log(`l2 was off: ${String(LINES)} lines, ${String(there.length - LINES)} of them twice`);
  // One window of RELP at most.
  expect(there.length - LINES).toBeLessThanOrEqual(128);
});

it('what is said while rsyslog does not run, and while a host starts anew, arrives', async () => {
  await onHost(lab, 'h1', `systemctl stop care-logging; seq -f 'down %06.0f' 1 2000 | logger -t down; systemctl start care-logging`);
  for (const host of ['l1', 'l2']) {
    await eventually(async () => (await numbers(host, 'down')).length >= 2000, 60_000, () => `${host} has not all`);
    expect(await numbers(host, 'down')).toEqual(all.slice(0, 2000));
  }
});

it('a certificate of a host that has left is refused, and its lines with it', async () => {
  project.write('left.yml', JSON.stringify({ all: { hosts: Object.fromEntries(['l1', 'l2'].map((name) => [name, hostVariables(lab, name)])), children: { logging: { hosts: { l1: null, l2: null } } } } }));
  const left = await run(LOGGING, { inventory: [path.join(project.dir, 'left.yml')] });
  expect([troubles(left), left.status]).toEqual(['', 0]);
  await onHost(lab, 'h1', 'systemctl restart care-logging-tls; logger -t left "from one who left"');
  await new Promise((resolve) => setTimeout(resolve, 8000));
  expect(await onHost(lab, 'l1', 'grep -rc "from one who left" /var/log/care | grep -v ":0$" || true')).toBe('');
  // It is back: what has waited comes.
  const back = await run(LOGGING);
  expect([troubles(back), back.status]).toEqual(['', 0]);
  await eventually(async () => (await onHost(lab, 'l1', 'grep -rl "from one who left" /var/log/care || true')).includes('/h1/'), 90_000, () => 'the line has not come');
});

it('keeps lines for a time and up to a size, audit lines longer, and never takes the files of today', async () => {
  const day = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  await onHost(lab, 'l1', `cd /var/log/care/h1 && touch ${day(91)}.log ${day(89)}.log && cd /var/log/care-audit/h1 && touch ${day(401)}.log ${day(91)}.log && care-log-keep`);
  // ls shows the directory of audit lines first.
  expect(await onHost(lab, 'l1', `ls /var/log/care/h1 /var/log/care-audit/h1 | grep -E '${day(91)}|${day(89)}|${day(401)}'`)).toBe(`${day(91)}.log\n${day(89)}.log`);
  await onHost(lab, 'l1', `head -c 20000000 /dev/zero >/var/log/care/h1/${day(2)}.log; head -c 20000000 /dev/zero >/var/log/care/h1/${day(1)}.log; sed -i 's/^max_mb=.*/max_mb=30/' /etc/care-logging/keep.conf; care-log-keep`);
  const left = await onHost(lab, 'l1', 'ls /var/log/care/h1');
  expect([left.includes(day(2)), left.includes(day(1)), left.includes(day(0))]).toEqual([false, true, true]);
  expect(changes(await run(LOGGING))).toEqual(['l1|file /etc/care-logging/keep.conf']);
  expect(await onHost(lab, 'l1', 'grep -c care_log_newest_timestamp_seconds /var/lib/prometheus/node-exporter/care_logging.prom')).toBe('3');
});
