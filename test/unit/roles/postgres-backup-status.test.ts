/** What the status of role postgres_backup tells the monitoring on a repository host, with stand-ins for what it asks: also of backups that never were. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/postgres_backup/templates/care-postgres-backup-status.hbs'), 'utf8');
const CALENDARS = { full: 'Sun *-*-* 01:00', diff: 'Mon..Sat *-*-* 01:00', incr: '*-*-* 07,13,19:00', proof: 'Mon..Fri *-*-* 03:30' };
/** Hours of the day, and days of the week from Sunday, at which each comes. */
const TIMES: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  [CALENDARS.full, [0], [1]], [CALENDARS.diff, [1, 2, 3, 4, 5, 6], [1]], [CALENDARS.incr, [0, 1, 2, 3, 4, 5, 6], [7, 13, 19]], [CALENDARS.proof, [1, 2, 3, 4, 5], [3]],
];
/** A Sunday. */
const FIRST = Date.UTC(2026, 10, 1);

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-backup-status-'));
  for (const name of ['metrics', 'state', 'bin']) mkdirSync(path.join(directory, name));
});
afterEach(() => { rmSync(directory, { recursive: true, force: true }); });

function program(name: string, text: string): void {
  writeFileSync(path.join(directory, 'bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(path.join(directory, 'bin', name), 0o755);
}

/** As systemd-analyze says a hundred times of a calendar. @param word what it calls them: 252 says `Iter.`, 257 `Iteration` */
function calendars(word: string): void {
  const cases = TIMES.map(([calendar, days, hours]) => {
    const all: string[] = [];
    for (let day = 0; all.length < 100; day += 1) {
      const at = new Date(FIRST + day * 86_400_000);
      if (days.includes(at.getUTCDay())) for (const hour of hours) all.push(`${at.toUTCString().slice(0, 3)} ${at.toISOString().slice(0, 10)} ${String(hour).padStart(2, '0')}:00:00 UTC`);
    }
    return `'${calendar}') printf '%s\\n' '  Original form: x' ${all.slice(0, 100).map((one, index) => `'   ${index === 0 ? 'Next elapse' : `${word} #${String(index + 1)}`}: ${one}' '       From now: 1h left'`).join(' ')} ;;`;
  });
  program('systemd-analyze', `case $4 in\n${cases.join('\n')}\n*) exit 1 ;;\nesac`);
}

/** @param repositories as `pgbackrest info` has them @returns the metrics */
function metrics(shell: readonly string[], repositories: readonly object[]): readonly string[] {
  const values = {
    postgres_backup_stanza: 'care', postgres_backup_state_dir: path.join(directory, 'state'), postgres_backup_metrics_dir: path.join(directory, 'metrics'), postgres_backup_reach_seconds: 2, inventory_hostname: 'keeper',
    postgres_backup_is_repository: true, postgres_backup_is_member: false, postgres_backup_own_repositories: [2], ...Object.fromEntries(Object.entries(CALENDARS).map(([type, calendar]) => [`postgres_backup_calendar_${type}`, calendar])),
  };
  const text = renderValue(TEMPLATE, createScope([{ values, templated: false }]));
  if (typeof text !== 'string') throw new Error('the program is text');
  writeFileSync(path.join(directory, 'program'), text);
  program('runuser', 'shift 3; exec "$@"');
  program('pgbackrest', `cat <<'END'\n${JSON.stringify([{ name: 'care', repo: repositories, backup: [], archive: [], db: [] }])}\nEND`);
  const [name = '', ...words] = shell;
  execFileSync(name, [...words, path.join(directory, 'program'), '--write'], { env: { PATH: `${path.join(directory, 'bin')}:${process.env['PATH'] ?? ''}` }, timeout: 20_000 });
  return readFileSync(path.join(directory, 'metrics', 'care_postgres_backup.prom'), 'utf8').trim().split('\n');
}

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('care-postgres-backup-status, %s', (_name, shell) => {
  test.each(['Iter.', 'Iteration'])('tells since when backups are to come, and how far apart, before there is any (%s)', (word) => {
    calendars(word);
    writeFileSync(path.join(directory, 'state', 'since'), '1795700000\n');
    const said = metrics(shell, [{ key: 2, cipher: 'none', status: { code: 2, message: 'no valid backups' } }]);
    // Incremental, differential and full ones together come every six hours, though no kind of them does.
    expect(said).toEqual(expect.arrayContaining([
      'care_postgres_backup_since_timestamp_seconds{stanza="care",repo="2"} 1795700000',
      'care_postgres_backup_interval_seconds{stanza="care",repo="2",type="any"} 21600',
      'care_postgres_backup_interval_seconds{stanza="care",repo="2",type="full"} 604800',
      'care_postgres_backup_interval_seconds{stanza="care",repo="2",type="proof"} 259200',
    ]));
    expect(said.filter((line) => /last_success|restore_verified/.test(line))).toEqual([]);
  });

  test('begins to count when it first runs, and says no interval that it does not know', () => {
    program('systemd-analyze', 'exit 1');
    const began = Math.floor(Date.now() / 1000);
    const since = (): number => Number(/since_timestamp_seconds\{[^}]*\} (\d+)/.exec(metrics(shell, []).join('\n'))?.[1]);
    const first = since();
    expect(first).toBeGreaterThanOrEqual(began);
    expect(since()).toBe(first);
    expect(metrics(shell, []).join('\n')).not.toContain('interval');
  });
});
