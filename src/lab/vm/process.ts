/** The QEMU processes of a lab: started, found, ended. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure } from '../../support/diagnostic.ts';
import { isAlive, ownerOf } from '../owner.ts';
import { lastLines, runProgram } from '../process.ts';
import type { GuestPaths } from './names.ts';

export const QEMU = 'qemu-system-x86_64';
const START_MS = 60_000;
const END_MS = 20_000;

/**
 * The process of a machine, as owner.ts names it. Its number comes from QEMU's own file; that it is not another process with that number by
 * now is told by its command line, which names the file. So one that was started and never noted is found as well.
 *
 * @returns undefined when the machine is off
 */
export async function machineProcess(paths: Pick<GuestPaths, 'pid'>): Promise<string | undefined> {
  const pid = Number((await readFile(paths.pid, 'utf8').catch(() => '')).trim());
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const owner = ownerOf(pid);
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return words.includes(paths.pid) && isAlive(owner) ? owner : undefined;
}

/**
 * Starts a machine that is off.
 *
 * @param args of QEMU, from qemu-arguments.ts
 * @throws Diagnostic `vm-start`
 */
export async function startMachine(paths: GuestPaths, args: readonly string[], signal?: AbortSignal): Promise<void> {
  await mkdir(paths.run, { recursive: true, mode: 0o700 });
  for (const stale of [paths.pid, paths.qmp, paths.agent]) await rm(stale, { force: true });
  const started = await runProgram(QEMU, args, { timeoutMs: START_MS, signal });
  if (started.status === 0) return;
  const detail = lastLines(started.stderr);
  throw failure('vm-start', `QEMU could not start a machine of the lab (${paths.directory})`, {
    detail,
    remedy: /tap|tun|netdev/i.test(detail) ? 'care-provision lab up makes bridges and taps again, after a restart of this machine too' : undefined,
  });
}

/** Ends a machine as a power cut does: nothing more is written. */
export async function killMachine(paths: Pick<GuestPaths, 'pid'>): Promise<void> {
  const owner = await machineProcess(paths);
  if (owner === undefined) return;
  try {
    process.kill(Number(owner.split(':')[0]), 'SIGKILL');
  } catch (cause) {
    // It has ended by itself since.
    if (isAlive(owner)) throw cause;
  }
  await ended(owner, END_MS, paths.pid);
}

/** Waits until a machine's process is gone. @throws Diagnostic `vm-stays` */
export async function ended(owner: string, timeoutMs: number, what: string): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(owner)) {
    if (Date.now() > deadline) throw failure('vm-stays', `process ${owner.split(':')[0] ?? ''} of the lab (${what}) did not end within ${timeoutMs / 1000} s`);
    await sleep(50);
  }
}
