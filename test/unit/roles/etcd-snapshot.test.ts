/** What the program of role etcd keeps of a snapshot, with stand-ins for etcd's tools and age; the drill takes, encrypts and restores real ones. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';
import type { ValueMap } from '../../../src/support/value.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/etcd/templates/care-etcd-snapshot.hbs'), 'utf8');
const AGE = 'age-encryption.org/v1\n';
const RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';

let directory = '';
const inside = (...parts: readonly string[]): string => path.join(directory, ...parts);
function program(name: string, text: string): void {
  writeFileSync(inside(name), `#!/bin/sh\n${text}\n`);
  chmodSync(inside(name), 0o755);
}
function render(more: ValueMap): void {
  const values = { etcd_snapshot_dir: inside('snapshots'), etcd_snapshot_keep: 3, etcd_snapshots_encrypted: false, etcd_snapshot_recipients: [], etcd_snapshot_s3_url: '', etcd_cluster_token: 'care', etcd_own_endpoint: 'https://192.0.2.1:2379', etcd_bin: directory, ...more };
  const text = renderValue(TEMPLATE, createScope([{ values, templated: false }]));
  if (typeof text !== 'string') throw new Error('the program is text');
  writeFileSync(inside('program'), text.replaceAll('/usr/local/sbin/', ''));
}
const encrypted = (more: ValueMap = {}): void => { render({ etcd_snapshots_encrypted: true, etcd_snapshot_recipients: [RECIPIENT], ...more }); };
/** One in the clear, an hour old for each hour before ten, with its sum or another. */
function before(hour: number, sum?: string): string {
  const name = `etcd-care-20260101T0${String(hour)}0000Z.db`;
  writeFileSync(inside('snapshots', name), `of ${String(hour)}`);
  writeFileSync(inside('snapshots', `${name}.sha256`), `${sum ?? createHash('sha256').update(`of ${String(hour)}`).digest('hex')}  ${name}\n`);
  for (const each of [name, `${name}.sha256`]) utimesSync(inside('snapshots', each), hour * 3600, hour * 3600);
  return name;
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-etcd-snapshot-'));
  mkdirSync(inside('snapshots'));
  program('care-etcdctl', 'for last do :; done; echo a snapshot >"$last"');
  program('etcdutl', 'case "$2" in restore) mkdir -p .new-restored/member/snap; echo x >.new-restored/member/snap/db ;; esac');
  program('age', `[ "$1 $2 $3 $4" = '--encrypt -r ${RECIPIENT} -o' ] && { echo age-encryption.org/v1; cat "$6"; } >"$5"`);
});
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

function take(shell: readonly [string, ...string[]]): Promise<{ readonly status: number; readonly stderr: string; readonly kept: readonly string[] }> {
  const [name, ...first] = shell;
  return new Promise((resolve) => {
    execFile(name, [...first, inside('program')], { env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` }, timeout: 30_000 }, (error, _stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stderr, kept: readdirSync(inside('snapshots')).filter((file) => file !== '.lock').sort() });
    });
  });
}
const pair = (name: unknown): readonly unknown[] => (typeof name === 'string' ? [name, `${name}.sha256`] : [name, name]);
const now = (ending: string): readonly unknown[] => [expect.stringMatching(new RegExp(`^etcd-care-202[6-9]\\d{4}T\\d{6}Z${ending}$`)), expect.stringMatching(new RegExp(`${ending}\\.sha256$`))];

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-etcd-snapshot, %s', (_name, shell) => {
  test('in the clear, the newest', async () => {
    render({});
    const [, second, third] = [before(1), before(2), before(3)];
    expect(await take(shell)).toEqual({ status: 0, stderr: '', kept: [...pair(second), ...pair(third), ...now('\\.db')] });
  });

  test('encrypted, with those of before, which stay as old as they are', async () => {
    encrypted();
    const [second, third] = [before(2), before(3)];
    expect(await take(shell)).toMatchObject({ status: 0, kept: [...pair(`${second}.age`), ...pair(`${third}.age`), ...now('\\.db\\.age')] });
    expect(readFileSync(inside('snapshots', `${second}.age`), 'utf8')).toBe(`${AGE}of 2`);
    for (const file of pair(`${second}.age`)) expect(statSync(inside('snapshots', String(file))).mtimeMs).toBe(2 * 3_600_000);
    expect(readFileSync(inside('snapshots', `${second}.age.sha256`), 'utf8')).toBe(`${createHash('sha256').update(`${AGE}of 2`).digest('hex')}  ${second}.age\n`);
    // Those of both kinds are counted.
    render({});
    const { status, kept } = await take(shell);
    expect([status, kept.length]).toEqual([0, 6]);
    expect(kept).toEqual(expect.arrayContaining([...pair(`${third}.age`), ...now('\\.db'), ...now('\\.db\\.age')]));
  });

  test('one that has changed since is not made to look whole; one that was cut off is gone', async () => {
    encrypted();
    const damaged = before(2, '0'.repeat(64));
    writeFileSync(inside('snapshots', '.new-encrypted'), 'half');
    expect((await take(shell)).kept).toEqual([...pair(damaged), ...now('\\.db\\.age')]);
  });

  test.each([
    ['a restore that holds nothing', 'etcdutl', ':', 'the restored member holds nothing'],
    ['a snapshot that can’t be restored', 'etcdutl', 'case "$2" in restore) echo "hash mismatch" >&2; exit 1 ;; esac', 'hash mismatch'],
    ['age that has encrypted nothing', 'age', 'cat "$6" >"$5"', 'age has encrypted nothing'],
  ])('%s keeps nothing', async (_what, name, text, said) => {
    encrypted();
    program(name, text);
    const { status, stderr, kept } = await take(shell);
    expect([status, kept.filter((file) => !file.startsWith('.new-'))]).toEqual([1, []]);
    expect(stderr).toContain(said);
  });

  test('a copy that fails fails the run, and the snapshot stays', async () => {
    encrypted({ etcd_snapshot_s3_url: 'https://s3.example/etcd-backups/patroni' });
    program('care-s3-copy', '[ "$*" = "copy etcd-snapshot" ] && echo "care-s3-copy: the store does not answer" >&2; exit 1');
    expect(await take(shell)).toEqual({ status: 1, stderr: 'care-s3-copy: the store does not answer\n', kept: now('\\.db\\.age') });
  });
});
