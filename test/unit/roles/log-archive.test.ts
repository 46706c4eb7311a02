/**
 * care-log-archive and care-log-keep of role logging together, with stand-ins for age and for the store: what goes to object storage, and that nothing
 * goes from the log host before. The drill has the real ones.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SHELLS } from './support/kubernetes-programs.ts';
import { logDay as day } from './support/log-day.ts';

const FILES = path.join(import.meta.dirname, '..', '..', '..', 'roles', 'logging', 'files');
const URL = 'https://s3.test/logs';

let directory = '';
const inside = (...parts: readonly string[]): string => path.join(directory, ...parts);
const put = (name: string, bytes: number | string = 'a line\n'): void => { writeFileSync(inside(name), typeof bytes === 'string' ? bytes : Buffer.alloc(bytes)); };
function program(name: string, text: string): void {
  writeFileSync(inside('bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(inside('bin', name), 0o755);
}
/** The store takes everything, under its address. */
const TAKES = `mkdir -p "$(dirname "$STORE/\${4#${URL}/}")" && cp "$3" "$STORE/\${4#${URL}/}"`;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care log archive-'));
  for (const name of ['all/h1', 'all/h2', 'audit/h1', 'metrics', 'spool', 'state', 'bin', 'etc', 'store']) mkdirSync(inside(name), { recursive: true });
  program('age', 'echo age-encryption.org/v1; cat');
  program('care-s3', TAKES);
});
afterEach(() => {
  spawnSync('chattr', ['-R', '-a', directory]);
  rmSync(directory, { recursive: true, force: true });
});

interface Ended { readonly status: number | null; readonly said: string }
function run([shell, ...first]: readonly [string, ...string[]], name: string, more: Readonly<Record<string, number | string>> = {}): Ended {
  const conf = { server: 'yes', dir: inside('all'), audit_dir: inside('audit'), days: 90, audit_days: 400, max_mb: 100, metrics_dir: inside('metrics'), archive: 'yes', archive_url: URL, archive_host: 'l1', archive_batch: 100, archive_max_age: 43_200, archive_extra_days: 30, archive_max_mb: 125, ...more };
  writeFileSync(inside('keep.conf'), Object.entries(conf).map(([key, value]) => `${key}='${String(value)}'\n`).join(''));
  program('care-log-keep', `exec ${[shell, ...first].join(' ')} '${path.join(FILES, 'care-log-keep')}' "$@"`);
  const { status, stdout, stderr } = spawnSync(shell, [...first, path.join(FILES, name)], { encoding: 'utf8', timeout: 30_000, env: { ...process.env, PATH: `${inside('bin')}:${process.env['PATH'] ?? ''}`, CARE_LOG_CONF: inside('keep.conf'), CARE_LOG_SPOOL: inside('spool'), CARE_LOG_STATE: inside('state'), CARE_LOG_ETC: inside('etc'), STORE: inside('store') } });
  return { status, said: `${stdout}${stderr}`.trim() };
}
/** What is in the store of a log host, and what it holds. */
function stored(name: string): string | undefined {
  const at = inside('store', 'l1', `${name}.zst.age`);
  if (!existsSync(at)) return undefined;
  const bytes = readFileSync(at);
  return zstdDecompressSync(bytes.subarray(bytes.indexOf('\n') + 1)).toString();
}
const metric = (name: string): string | undefined => new RegExp(`^${name} (.*)$`, 'm').exec(readFileSync(inside('metrics', 'care_logging.prom'), 'utf8'))?.[1];

describe.each(SHELLS)('%s', (_name, words) => {
  test('what is closed is put there once, what grows again, today’s never', () => {
    for (const name of [`all/h1/${day(0)}`, `all/h1/${day(1)}`, `all/h2/${day(2)}`, `audit/h1/${day(1)}`]) put(name, `lines of ${name}\n`);
    expect(run(words, 'care-log-archive')).toEqual({ status: 0, said: 'care-log-archive: 3 of 3 files put into object storage, 0 failed' });
    for (const name of [`all/h1/${day(1)}`, `all/h2/${day(2)}`, `audit/h1/${day(1)}`]) expect(stored(name)).toBe(`lines of ${name}\n`);
    expect([stored(`all/h1/${day(0)}`), stored('begun')]).toEqual([undefined, expect.stringContaining('the archive of l1 in https://s3.test/logs begins at')]);
    program('care-s3', 'echo asked >&2; exit 1');
    expect(run(words, 'care-log-archive')).toEqual({ status: 0, said: 'care-log-archive: 0 of 0 files put into object storage, 0 failed' });
    program('care-s3', TAKES);
    appendFileSync(inside(`all/h2/${day(2)}`), 'late\n');
    expect(run(words, 'care-log-archive').said).toContain('1 of 1 files');
    expect(stored(`all/h2/${day(2)}`)).toContain('late');
    expect(readdirSync(inside('state')).sort()).toEqual(['.lock', 'archived', 'begin']);
  });

  test('another address: all that is still here is put there as well', () => {
    put(`all/h1/${day(1)}`);
    expect(run(words, 'care-log-archive').status).toBe(0);
    expect(run(words, 'care-log-archive', { archive_url: `${URL}/other` }).said).toContain('1 of 1 files');
    expect(existsSync(inside('store', 'other', 'l1', 'begun.zst.age'))).toBe(true);
  });

  test('a store that is away is not asked for ever, and what failed is caught up with, so many files a run', () => {
    for (let ago = 1; ago <= 6; ago += 1) put(`all/h1/${day(ago)}`);
    expect(run(words, 'care-log-archive', { archive_batch: 1 }).said).toContain('1 of 6 files');
    expect(stored(`all/h1/${day(6)}`)).toBeDefined();
    program('care-s3', 'echo "care-s3: not there" >&2; exit 1');
    const away = run(words, 'care-log-archive');
    expect([away.status, away.said.match(/not there/g)?.length]).toEqual([1, 3]);
    expect(away.said).toContain('0 of 5 files put into object storage, 3 failed');
    program('care-s3', TAKES);
    expect(run(words, 'care-log-archive').said).toContain('5 of 5 files');
  });

  test('a file that can’t be there keeps no other back, and is never called archived', () => {
    for (const ago of [1, 2, 3, 4, 5]) put(`all/h1/${day(ago)}`);
    program('care-s3', `case $4 in *begun*|*${day(1)}*) ${TAKES} ;; *) echo "care-s3: too large" >&2; exit 2 ;; esac`);
    expect(run(words, 'care-log-archive')).toMatchObject({ status: 1, said: expect.stringContaining('1 of 5 files put into object storage, 4 failed') as string });
    program('care-s3', TAKES);
    program('zstd', `case $(readlink /proc/self/fd/0) in *${day(3)}) echo half; exit 1 ;; *) exec /usr/bin/zstd "$@" ;; esac`);
    expect(run(words, 'care-log-archive')).toMatchObject({ status: 1, said: expect.stringContaining('zstd has not packed all') as string });
    expect([stored(`all/h1/${day(3)}`), stored(`all/h1/${day(4)}`)]).toEqual([undefined, 'a line\n']);
    expect(readFileSync(inside('state', 'archived'), 'utf8')).not.toContain(day(3));
  });

  test('nothing goes before it is there; beyond the limit of days it does, which is told', () => {
    for (const ago of [91, 119]) put(`all/h1/${day(ago)}`);
    put(`audit/h1/${day(401)}`);
    expect(run(words, 'care-log-keep')).toEqual({ status: 0, said: '' });
    expect([readdirSync(inside('all/h1')).length, readdirSync(inside('audit/h1')).length, metric('care_log_archive_pending_files'), metric('care_log_archive_lost_files_total')]).toEqual([2, 1, '3', '0']);
    put(`all/h2/${day(121)}`);
    expect(run(words, 'care-log-keep').said).toMatch(new RegExp(`LOST: .*/all/h2/${day(121)} goes before object storage has it: it is 30 days older`));
    expect(metric('care_log_archive_lost_files_total')).toBe('1');
    expect(run(words, 'care-log-archive').said).toContain('3 of 3 files');
    expect(run(words, 'care-log-keep')).toEqual({ status: 0, said: '' });
    expect([readdirSync(inside('all/h1')), readdirSync(inside('audit/h1')), metric('care_log_archive_pending_files'), metric('care_log_archive_lost_files_total')]).toEqual([[], [], '0', '1']);
    // It is known no longer than it is here.
    run(words, 'care-log-archive');
    expect(readFileSync(inside('state', 'archived'), 'utf8').trim().split('\n').length).toBe(1);
  });

  test('beyond the size what is there goes first, and the rest only beyond the limit, which is told', () => {
    put(`all/h1/${day(4)}`, 3_000_000);
    put(`all/h1/${day(3)}`, 3_000_000);
    run(words, 'care-log-archive', { archive_batch: 1 });
    put(`all/h2/${day(2)}`, 3_000_000);
    put(`all/h2/${day(0)}`, 6_000_000);
    // In the store is the oldest alone.
    expect(run(words, 'care-log-keep', { max_mb: 8, archive_max_mb: 20 }).said).toBe('');
    expect([readdirSync(inside('all/h1')), readdirSync(inside('all/h2')).length]).toEqual([[day(3)], 2]);
    expect(run(words, 'care-log-keep', { max_mb: 8, archive_max_mb: 10 }).said).toMatch(new RegExp(`LOST: .*${day(3)} goes before object storage has it: .* takes more than 10 MiB`));
    expect([readdirSync(inside('all/h1')), readdirSync(inside('all/h2')).sort()]).toEqual([[], [day(2), day(0)].sort()]);
  });

  test('what waits is late from the end of its day, or from when the archive began', () => {
    put(`all/h1/${day(2)}`);
    run(words, 'care-log-keep');
    const closed = Math.floor(new Date(`${day(1).slice(0, 10)}T00:00:00`).getTime() / 1000);
    expect([metric('care_log_archive_pending_since_timestamp_seconds'), metric('care_log_archive_max_age_seconds')]).toEqual([String(closed), '43200']);
    writeFileSync(inside('state', 'begin'), '');
    utimesSync(inside('state', 'begin'), closed + 500, closed + 500);
    run(words, 'care-log-keep');
    expect(metric('care_log_archive_pending_since_timestamp_seconds')).toBe(String(closed + 500));
    run(words, 'care-log-archive');
    run(words, 'care-log-keep');
    expect(metric('care_log_archive_pending_since_timestamp_seconds')).toBeUndefined();
    run(words, 'care-log-keep', { archive: 'no' });
    expect(metric('care_log_archive_pending_files')).toBeUndefined();
  });
});
