import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { withLock } from '../../../src/lab/lock.ts';
import { isAlive, ownerOf, thisProcess } from '../../../src/lab/owner.ts';
import { runProgram } from '../../../src/lab/process.ts';

const directory = mkdtempSync(join(tmpdir(), 'care-lock-'));
afterAll(() => { rmSync(directory, { recursive: true }); });

async function endedProcess(): Promise<string> {
  const child = spawn('sleep', ['30']);
  const owner = ownerOf(child.pid ?? 0);
  expect(isAlive(owner)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'close');
  return owner;
}

describe('isAlive', () => {
  it('tells a process from one that is gone, and from another with its number', async () => {
    expect(isAlive(thisProcess())).toBe(true);
    expect(isAlive(await endedProcess())).toBe(false);
    const [pid = '', start = '', space = ''] = thisProcess().split(':');
    expect(isAlive(`${pid}:${Number(start) + 1}:${space}`)).toBe(false);
    expect(isAlive('nonsense')).toBe(false);
  });
  it('leaves processes of another namespace alone', () => {
    expect(isAlive('1:1:1')).toBe(true);
  });
});

describe('withLock', () => {
  it('lets one in at a time, and the next after it', async () => {
    const path = join(directory, 'one');
    const order: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      order.push(`${name} in`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      order.push(`${name} out`);
    };
    await Promise.all([withLock(path, 5_000, work('a')), withLock(path, 5_000, work('b'))]);
    // Who of them is first is not promised.
    const first = order[0] === 'a in' ? 'a' : 'b';
    const second = first === 'a' ? 'b' : 'a';
    expect(order).toEqual([`${first} in`, `${first} out`, `${second} in`, `${second} out`]);
    expect(existsSync(path)).toBe(false);
  });
  it('takes over from a holder that is gone', async () => {
    const path = join(directory, 'stale');
    writeFileSync(path, await endedProcess());
    expect(await withLock(path, 1_000, async () => Promise.resolve(readFileSync(path, 'utf8')))).toBe(thisProcess());
  });
  it('names the holder when the wait is over', async () => {
    const path = join(directory, 'held');
    writeFileSync(path, thisProcess());
    await expect(withLock(path, 0, async () => Promise.resolve())).rejects.toThrow(`process ${process.pid}`);
    expect(existsSync(path)).toBe(true);
  });
  it('lets go when the work fails', async () => {
    const path = join(directory, 'failing');
    await expect(withLock(path, 0, async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });
});

describe('runProgram', () => {
  it('gives status and output, whatever the status', async () => {
    expect(await runProgram('sh', ['-c', 'cat; echo e >&2; exit 3'], { timeoutMs: 5_000, input: 'in' })).toEqual({ status: 3, stdout: 'in', stderr: 'e\n' });
  });
  it('ends a program that takes too long', async () => {
    await expect(runProgram('sleep', ['30'], { timeoutMs: 100 })).rejects.toThrow('did not end within');
  });
  it('ends a program when cancelled', async () => {
    await expect(runProgram('sleep', ['30'], { timeoutMs: 5_000, signal: AbortSignal.timeout(50) })).rejects.toThrow('cancelled');
  });
  it('says what is missing', async () => {
    await expect(runProgram('no-such-program', [], { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'program-missing' });
  });
});
