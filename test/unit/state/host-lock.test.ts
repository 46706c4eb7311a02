import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { acquireHostLock, HOST_LOCKED_STATUS, releaseHostLock } from '../../../src/state/host-lock.ts';

type Words = readonly [string, ...string[]];
const SHELLS: readonly { readonly name: string; readonly words: Words }[] = [
  { name: 'dash', words: ['dash'] },
  { name: 'busybox', words: ['busybox', 'sh'] },
  { name: 'bash', words: ['bash', '--posix'] },
];
const place = (): string => join(mkdtempSync(join(tmpdir(), 'care-hostlock-')), 'lock');

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
function shell(words: Words, text: string): Promise<Ended> {
  const [program, ...first] = words;
  return new Promise((resolve) => {
    execFile(program, [...first, '-c', text], { timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
function sleeper(): ChildProcess {
  return spawn('sleep', ['60'], { stdio: 'ignore' });
}
const acquire = (directory: string, run: string, pid: number, waitSeconds = 0): string =>
  acquireHostLock({ run, description: 'ops@ctl: apply inventory/x; $(rm -rf /)', since: '2026-01-01T00:00:00Z', waitSeconds, pidWord: String(pid), directory }).text;

describe.each(SHELLS)('$name', ({ words }) => {
  test('taken, refused with the holder named, released, taken again', async () => {
    const directory = place();
    const a = sleeper();
    const b = sleeper();
    expect(await shell(words, acquire(directory, 'run-a', a.pid ?? 0))).toEqual({ status: 0, stdout: '', stderr: '' });
    const refused = await shell(words, acquire(directory, 'run-b', b.pid ?? 0));
    expect(refused.status).toBe(HOST_LOCKED_STATUS);
    expect(refused.stderr).toBe(`the host is in use by another run: ops@ctl:_apply_inventory/x_rm_-rf_/_ (run run-a, since 2026-01-01T00:00:00Z, process ${String(a.pid)} on the host)\n`);
    expect((await shell(words, releaseHostLock({ run: 'run-b', directory }).text)).status).toBe(0);
    expect((await shell(words, acquire(directory, 'run-b', b.pid ?? 0))).status).toBe(HOST_LOCKED_STATUS);
    expect((await shell(words, releaseHostLock({ run: 'run-a', directory }).text)).status).toBe(0);
    expect((await shell(words, acquire(directory, 'run-b', b.pid ?? 0))).status).toBe(0);
    expect((await shell(words, acquire(directory, 'run-a', a.pid ?? 0))).status).toBe(HOST_LOCKED_STATUS);
    a.kill();
    b.kill();
  });

  test('a dead holder, a reused process id and an earlier boot do not hold; the same run takes its own again', async () => {
    const directory = place();
    const a = sleeper();
    expect((await shell(words, acquire(directory, 'run-a', a.pid ?? 0))).status).toBe(0);
    expect((await shell(words, acquire(directory, 'run-a', process.pid))).status).toBe(0);
    expect((await shell(words, acquire(directory, 'run-c', a.pid ?? 0))).status).toBe(HOST_LOCKED_STATUS);
    const other = place();
    expect((await shell(words, acquire(other, 'run-a', a.pid ?? 0))).status).toBe(0);
    const gone = once(a, 'exit');
    a.kill('SIGKILL');
    await gone;
    expect((await shell(words, acquire(other, 'run-b', process.pid))).status).toBe(0);
    expect(readdirSync(other)).toEqual(['1', '2']);
  });

  test('links of earlier holders are swept up now and then', async () => {
    const directory = place();
    const dead = sleeper();
    dead.kill();
    await once(dead, 'exit');
    const counts: number[] = [];
    for (let i = 0; i < 17; i += 1) {
      expect((await shell(words, acquire(directory, `run-${String(i)}`, dead.pid ?? 0))).status).toBe(0);
      counts.push(readdirSync(directory).length);
    }
    expect(Math.max(...counts)).toBe(8);
    expect(readdirSync(directory).map(Number).toSorted((a, b) => a - b)).toEqual([16, 17]);
  });

  test('a live process with a dead holder\'s number does not hold', async () => {
    const directory = place();
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    mkdirSync(directory);
    symlinkSync(`${String(process.pid)} 12 ${boot} run-old since who`, join(directory, '7'));
    expect((await shell(words, acquire(directory, 'run-a', process.pid))).status).toBe(0);
    expect(readdirSync(directory)).toContain('8');
  });

  test('whoever links late loses against a higher number', async () => {
    const directory = place();
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const start = readFileSync(`/proc/${String(process.pid)}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? '';
    // Between the look at the numbers and the link, others have come and gone, and one has come to stay.
    const late = `ln() { unset -f ln; command ln -s '${String(process.pid)} ${start} ${boot} run-b since who' ${directory}/5; command ln "$@"; }\n`;
    const lost = await shell(words, late + acquire(directory, 'run-a', process.pid));
    expect(lost).toMatchObject({ status: HOST_LOCKED_STATUS, stderr: expect.stringContaining('run run-b') as string });
    expect(readdirSync(directory)).toEqual(['5']);
  });

  test('waits for the holder to let go', async () => {
    const directory = place();
    await shell(words, acquire(directory, 'run-a', process.pid));
    const waiting = shell(words, acquire(directory, 'run-b', process.pid, 10));
    await shell(words, `sleep 0.2; ${releaseHostLock({ run: 'run-a', directory }).text}`);
    expect((await waiting).status).toBe(0);
  });
});

test('many contenders from three shells, with a dead holder to inherit: never two at once', { timeout: 60_000 }, async () => {
  const directory = place();
  const log = `${directory}.log`;
  writeFileSync(log, '');
  const dead = sleeper();
  await shell(['dash'], acquire(directory, 'run-dead', dead.pid ?? 0));
  const gone = once(dead, 'exit');
  dead.kill('SIGKILL');
  await gone;
  // Each contender is its own holder: it notes entering and leaving; half of them die without releasing.
  const contender = (i: number): string => {
    const run = `run-${String(i)}`;
    const leave = i % 2 === 0 ? releaseHostLock({ run, directory }).text : ':';
    const take = acquireHostLock({ run, description: 'd', since: 's', waitSeconds: 0, pidWord: '$$', directory }).text;
    return `n=0; while [ $n -lt 400 ]; do n=$((n+1)); if ${take} 2>/dev/null; then echo in >> ${log}; sleep 0.01; echo out >> ${log}; ${leave}; exit 0; fi; sleep 0.02; done; exit 9`;
  };
  const ended = await Promise.all(Array.from({ length: 9 }, (_, i) => shell(SHELLS[i % SHELLS.length]?.words ?? ['dash'], contender(i))));
  expect(ended.map((e) => e.status)).toEqual(Array.from({ length: 9 }, () => 0));
  expect(readFileSync(log, 'utf8')).toBe('in\nout\n'.repeat(9));
});
