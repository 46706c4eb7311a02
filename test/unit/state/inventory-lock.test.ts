import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir, hostname } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireInventoryLock, isAlive } from '../../../src/state/inventory-lock.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'care-lock-'));
const module = JSON.stringify(join(import.meta.dirname, '../../../src/state/inventory-lock.ts'));

function run(program: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', `const { acquireInventoryLock } = await import(${module});\n${program}`], { stdio: ['ignore', 'pipe', 'inherit'] });
}
async function firstWord(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout');
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  return data.toString().trim();
}

test('a second run is refused with the first one named, and gets the lock after its release', async () => {
  const dir = folder();
  const base = { inventories: [dir], waitSeconds: 0, file: join(dir, 'locks.sqlite') };
  const first = await acquireInventoryLock({ ...base, command: 'apply' });
  const refused = acquireInventoryLock({ ...base, inventories: [`${dir}/.`, '/elsewhere'], command: 'check' });
  await expect(refused).rejects.toMatchObject({ kind: 'locked', exitStatus: 75, message: expect.stringContaining(`process ${String(process.pid)}`) as string });
  first.release();
  first.release();
  const second = await acquireInventoryLock({ ...base, command: 'check' });
  second.release();
});

test('another inventory is another lock; of several, all or none are taken', async () => {
  const dir = folder();
  const base = { waitSeconds: 0, file: join(dir, 'locks.sqlite'), command: 'apply' };
  const one = await acquireInventoryLock({ ...base, inventories: ['/inv/one'] });
  await expect(acquireInventoryLock({ ...base, inventories: ['/inv/two', '/inv/one'] })).rejects.toMatchObject({ code: 'inventory-locked' });
  const two = await acquireInventoryLock({ ...base, inventories: ['/inv/two'] });
  one.release();
  two.release();
});

test('a waiting run says so once and goes on when the holder ends', async () => {
  const dir = folder();
  const base = { inventories: [dir], file: join(dir, 'locks.sqlite') };
  const first = await acquireInventoryLock({ ...base, command: 'apply', waitSeconds: 0 });
  const told: string[] = [];
  const waiting = acquireInventoryLock({ ...base, command: 'check', waitSeconds: 10, onWait: (h) => told.push(h.command) });
  setTimeout(() => {
    first.release();
  }, 100);
  (await waiting).release();
  expect(told).toEqual(['apply']);
});

test('waiting ends when interrupted', async () => {
  const dir = folder();
  const base = { inventories: [dir], file: join(dir, 'locks.sqlite') };
  const first = await acquireInventoryLock({ ...base, command: 'apply', waitSeconds: 0 });
  const abort = new AbortController();
  const waiting = acquireInventoryLock({ ...base, command: 'check', waitSeconds: 60, signal: abort.signal });
  setTimeout(() => {
    abort.abort();
  }, 50);
  await expect(waiting).rejects.toMatchObject({ kind: 'interrupted' });
  first.release();
});

test('kill -9 of a holder frees the lock for exactly one of many waiters', { timeout: 30_000 }, async () => {
  const dir = folder();
  const request = JSON.stringify({ inventories: [dir], command: 'apply', waitSeconds: 0, file: join(dir, 'locks.sqlite') });
  const holder = run(`await acquireInventoryLock(${request}); console.log('held'); setInterval(() => {}, 1000);`);
  expect(await firstWord(holder)).toBe('held');
  await expect(acquireInventoryLock(JSON.parse(request) as Parameters<typeof acquireInventoryLock>[0])).rejects.toMatchObject({ code: 'inventory-locked' });
  const gone = once(holder, 'exit');
  holder.kill('SIGKILL');
  await gone;
  const waiters = Array.from({ length: 4 }, () =>
    run(`try { await acquireInventoryLock(${request}); console.log('held'); setInterval(() => {}, 1000); } catch (e) { console.log(e.code); }`),
  );
  const words = await Promise.all(waiters.map(firstWord));
  expect(words.sort()).toEqual(['held', 'inventory-locked', 'inventory-locked', 'inventory-locked']);
  for (const waiter of waiters) waiter.kill('SIGKILL');
});

test('a process that ends without releasing gives the lock back at exit', { timeout: 20_000 }, async () => {
  const dir = folder();
  const request = { inventories: [dir], command: 'apply', waitSeconds: 0, file: join(dir, 'locks.sqlite') };
  const holder = run(`await acquireInventoryLock(${JSON.stringify(request)}); process.exit(3);`);
  await once(holder, 'exit');
  (await acquireInventoryLock(request)).release();
});

test('liveness: a reused process id and an earlier boot are dead, a foreign machine is not judged', () => {
  const self = { inventory: 'i', pid: process.pid, started: '', bootId: '', user: 'u', host: hostname(), command: 'c', since: 's' };
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  expect(isAlive({ ...self, bootId })).toBe(true);
  expect(isAlive({ ...self, bootId, started: '1' })).toBe(false);
  expect(isAlive({ ...self, bootId: 'another boot' })).toBe(false);
  expect(isAlive({ ...self, host: 'elsewhere.example', bootId: 'x' })).toBe(true);
});
