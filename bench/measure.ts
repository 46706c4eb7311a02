/** Runs a program and says what it cost. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface Cost {
  readonly wallSeconds: number;
  /** Processor of the program and of all its children that it has waited for. */
  readonly cpuSeconds: number;
  /** Resident memory of the largest of its processes, in MB (10^6 bytes). */
  readonly peakMb: number;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const LONGEST_MS = 3_600_000;

/**
 * @param usageFile where GNU time leaves its numbers
 * @throws Error when it cannot be started
 */
export async function measure(command: readonly string[], environment: Readonly<Record<string, string>>, cwd: string, usageFile: string): Promise<Cost> {
  const begun = performance.now();
  const child = spawn('/usr/bin/time', ['-q', '-f', '%U %S %M', '-o', usageFile, ...command], { cwd, env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'], timeout: LONGEST_MS });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => { texts.stdout += chunk.toString('utf8'); });
  child.stderr.on('data', (chunk: Buffer) => { texts.stderr += chunk.toString('utf8'); });
  let wallSeconds = 0;
  child.once('exit', () => { wallSeconds = (performance.now() - begun) / 1000; });
  const status = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    // A process left in the background (ssh's ControlPersist) may hold the pipes: the end of the program is what counts.
    child.once('exit', (code) => { setTimeout(() => { child.stdout.destroy(); child.stderr.destroy(); resolve(code ?? 255); }, 50); });
  });
  const [user = Number.NaN, system = Number.NaN, kilobytes = Number.NaN] = (await readFile(usageFile, 'utf8')).trim().split(/\s+/).map(Number);
  return { wallSeconds, cpuSeconds: user + system, peakMb: (kilobytes * 1024) / 1e6, status, ...texts };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
