/** The archive_command, restore_command and way to make a replica of role postgres_backup, with a stand-in for pgbackrest; the drills run them with the real one. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const FILES = path.join(import.meta.dirname, '..', '..', '..', 'roles', 'postgres_backup', 'files');
const SHELLS: readonly { readonly name: string; readonly words: readonly [string, ...string[]] }[] = [
  { name: 'dash', words: ['dash'] },
  { name: 'busybox', words: ['busybox', 'sh'] },
];
/** Small segments keep the test quick: the size is that of the file. */
const SEGMENT = 4096;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-archive-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** @param status what pgbackrest ends with; it notes what it was asked */
function pgbackrest(status: number): void {
  const program = path.join(directory, 'pgbackrest');
  writeFileSync(program, `#!/bin/sh\necho "$*" >>'${directory}/asked'\nexit ${String(status)}\n`);
  chmodSync(program, 0o755);
}
const asked = (): readonly string[] => (existsSync(path.join(directory, 'asked')) ? readFileSync(path.join(directory, 'asked'), 'utf8').trim().split('\n') : []);

function run(words: readonly [string, ...string[]], script: string, ...args: readonly string[]): Promise<{ readonly status: number; readonly stderr: string }> {
  const [program, ...first] = words;
  const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}`, CARE_PGBACKREST_SPOOL: directory };
  return new Promise((resolve) => {
    execFile(program, [...first, path.join(FILES, script), ...args], { env, timeout: 20_000 }, (error, _stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stderr });
    });
  });
}

describe.each(SHELLS)('archive_command, $name', ({ words }) => {
  const push = (name: string): Promise<{ readonly status: number; readonly stderr: string }> => run(words, 'care-pgbackrest-archive-push', 'care', path.join(directory, name));
  function segment(name: string): string {
    writeFileSync(path.join(directory, name), Buffer.alloc(SEGMENT));
    return name;
  }
  /** Timeline 40 ended at 0/3000, which is where its segment 3 begins; timeline 41 in the middle of segment 5. */
  function history(): void {
    writeFileSync(path.join(directory, '00000029.history'), '40\t0/2000\tan older word\n');
    writeFileSync(path.join(directory, '0000002A.history'), '40\t0/3000\tno recovery target specified\n\n41\t0/5800\tno recovery target specified\n');
  }

  test('what pgBackRest says is what PostgreSQL is told', async () => {
    history();
    for (const status of [0, 45, 103]) {
      pgbackrest(status);
      expect(await push(segment('000000280000000000000003'))).toEqual({ status, stderr: '' });
    }
    expect(asked()[0]).toBe(`--stanza=care archive-push ${directory}/000000280000000000000003`);
  });

  test('passes over a file that its timeline never reached', async () => {
    history();
    pgbackrest(29);
    for (const name of ['000000280000000000000003', '0000002800000001000000FF', '000000290000000000000006']) {
      const { status, stderr } = await push(segment(name));
      expect([status, stderr]).toEqual([0, expect.stringContaining(`${name} begins where timeline`)]);
    }
  });

  test('goes on refusing a damaged file that belongs to what led here', async () => {
    history();
    pgbackrest(29);
    // Before the end of its timeline; in which it ended; of the timeline that is in use; of one that nobody knows.
    for (const name of ['000000280000000000000002', '000000290000000000000005', '0000002A0000000000000006', '000000070000000000000009', '00000028.history']) {
      expect(await push(segment(name))).toEqual({ status: 29, stderr: '' });
    }
    rmSync(path.join(directory, '0000002A.history'));
    rmSync(path.join(directory, '00000029.history'));
    expect(await push(segment('000000280000000000000003'))).toEqual({ status: 29, stderr: '' });
  });
});

describe.each(SHELLS)('restore_command, $name', ({ words }) => {
  const get = (): Promise<{ readonly status: number; readonly stderr: string }> => run(words, 'care-pgbackrest-archive-get', 'care', '2', '18', '000000280000000000000003', 'pg_wal/RECOVERYXLOG');
  const marked = (): boolean => existsSync(path.join(directory, 'care-unreachable'));
  const ASKED = '--stanza=care --io-timeout=2 --archive-timeout=18 archive-get 000000280000000000000003 pg_wal/RECOVERYXLOG';
  const PROBED = `--stanza=care --io-timeout=2 --archive-timeout=18 archive-get FFFFFFFF.history`;

  test.each([0, 1, 82])('a repository that answers (%i) is asked each time', async (status) => {
    pgbackrest(status);
    for (let i = 0; i < 2; i += 1) expect((await get()).status).toBe(status);
    expect([marked(), asked()]).toEqual([false, [ASKED, ASKED]]);
  });

  test('after one that did not answer nobody waits until one does', async () => {
    pgbackrest(103);
    expect([(await get()).status, marked()]).toEqual([103, true]);
    expect(await get()).toEqual({ status: 1, stderr: 'no repository has answered yet: 000000280000000000000003 is not asked for\n' });
    await vi.waitFor(() => { expect(asked()).toEqual([ASKED, `${PROBED} ${directory}/care-probe`]); });
    expect(marked()).toBe(true);
    pgbackrest(1);
    expect((await get()).status).toBe(1);
    await vi.waitFor(() => { expect(marked()).toBe(false); });
    pgbackrest(0);
    expect((await get()).status).toBe(0);
  });
});

describe.each(SHELLS)('a replica from the backup, $name', ({ words }) => {
  const make = (...given: readonly string[]): Promise<{ readonly status: number; readonly stderr: string }> => run(words, 'care-pgbackrest-create-replica', 'care', '/var/lib/postgresql/17/care', '--scope=care', '--role=replica', ...given);

  test('is restored where the backups are of', async () => {
    pgbackrest(0);
    expect(await make('--datadir=/var/lib/postgresql/17/care', '--connstring=host=db1 port=5432')).toEqual({ status: 0, stderr: '' });
    expect(asked()).toEqual(['--stanza=care --delta --type=standby --log-level-console=info restore']);
  });

  test.each([['--datadir=/var/lib/postgresql/18/care'], ['--connstring=host=db1']])('is not restored over another directory: %s', async (...given) => {
    pgbackrest(0);
    expect(await make(...given)).toEqual({ status: 1, stderr: expect.stringContaining('not restored') as string });
    expect(asked()).toEqual([]);
  });
});
