/** care-log-keep of role logging: what stays on a log host, and what goes, in directories of the test's own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { logDay as day } from './support/log-day.ts';

const PROGRAM = path.join(import.meta.dirname, '..', '..', '..', 'roles', 'logging', 'files', 'care-log-keep');
const SHELLS: readonly { readonly name: string; readonly words: readonly [string, ...string[]] }[] = [
  { name: 'dash', words: ['dash'] },
  { name: 'busybox', words: ['busybox', 'sh'] },
];

let directory = '';
const inside = (...parts: readonly string[]): string => path.join(directory, ...parts);

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-log-'));
  for (const name of ['all/h1', 'all/h2', 'audit/h1', 'metrics', 'spool']) mkdirSync(inside(name), { recursive: true });
});
afterEach(() => {
  // Append-only files are removed by nobody.
  spawnSync('chattr', ['-R', '-a', directory]);
  rmSync(directory, { recursive: true, force: true });
});

function keep(words: readonly [string, ...string[]], maxMb: number, server = 'yes'): { readonly status: number | null; readonly metrics: string } {
  writeFileSync(inside('keep.conf'), `server=${server}\ndir=${inside('all')}\naudit_dir=${inside('audit')}\ndays=90\naudit_days=400\nmax_mb=${String(maxMb)}\nmetrics_dir=${inside('metrics')}\n`);
  const [program, ...first] = words;
  const { status } = spawnSync(program, [...first, PROGRAM], { env: { ...process.env, CARE_LOG_CONF: inside('keep.conf'), CARE_LOG_SPOOL: inside('spool') }, timeout: 20_000 });
  return { status, metrics: readFileSync(inside('metrics', 'care_logging.prom'), 'utf8') };
}
const put = (name: string, megabytes = 0): void => {
  writeFileSync(inside(name), Buffer.alloc(megabytes * 1_048_576 + 1));
};

describe.each(SHELLS)('$name', ({ words }) => {
  test('old days go, audit lines stay longer, other files are not its business', () => {
    for (const ago of [0, 90, 91]) put(`all/h1/${day(ago)}`);
    for (const ago of [0, 91, 400, 401]) put(`audit/h1/${day(ago)}`);
    put('all/h1/notes.txt');
    expect(keep(words, 100).status).toBe(0);
    expect(readdirSync(inside('all/h1')).sort()).toEqual([day(90), day(0), 'notes.txt'].sort());
    expect(readdirSync(inside('audit/h1')).sort()).toEqual([day(400), day(91), day(0)].sort());
  });

  test('beyond the size the oldest day of all senders goes first, and never the file of today', () => {
    put(`all/h1/${day(3)}`, 3);
    put(`all/h2/${day(2)}`, 3);
    put(`all/h2/${day(1)}`, 3);
    put(`all/h1/${day(0)}`, 8);
    expect(keep(words, 12).status).toBe(0);
    expect([readdirSync(inside('all/h1')), readdirSync(inside('all/h2'))]).toEqual([[day(0)], [day(1)]]);
    expect(keep(words, 1).status).toBe(0);
    expect([readdirSync(inside('all/h1')), readdirSync(inside('all/h2'))]).toEqual([[day(0)], []]);
  });

  test('metrics tell of queues, senders, and whether audit files are append-only', () => {
    put(`all/h1/${day(0)}`);
    put(`audit/h1/${day(0)}`);
    put('spool/to_l1.00000001', 2);
    const { metrics } = keep(words, 100);
    expect(metrics).toMatch(/^care_log_newest_timestamp_seconds\{sender="h1"\} \d+$/m);
    expect(metrics).not.toContain('sender="h2"');
    expect(Number(/^care_log_queue_bytes (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(2_000_000);
    const attribute = spawnSync('lsattr', ['-d', inside(`audit/h1/${day(0)}`)], { encoding: 'utf8' }).stdout.split(' ')[0] ?? '';
    expect(metrics).toContain(`care_log_append_only ${attribute.includes('a') ? '1' : '0'}\n`);
  });

  test('a host that is no log host tells of its queues only', () => {
    put(`all/h1/${day(200)}`);
    expect(keep(words, 1, 'no').metrics).toBe('care_log_queue_bytes 0\n');
    expect(existsSync(inside(`all/h1/${day(200)}`))).toBe(true);
  });
});
