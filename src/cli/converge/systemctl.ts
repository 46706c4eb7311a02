/** systemd of this machine, through its own tools. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Diagnostic, failure } from '../../support/diagnostic.ts';

const TIMEOUT_MS = 90_000;
export const UNIT_DIRECTORY = '/etc/systemd/system';

export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool; its status is part of the answer. @throws Diagnostic when it is not there or does not end */
export function tool(words: readonly [string, ...string[]]): Promise<Answer> {
  const [program, ...rest] = words;
  return new Promise((resolve, reject) => {
    execFile(program, rest, { timeout: TIMEOUT_MS, env: { ...process.env, LC_ALL: 'C', SYSTEMD_PAGER: '', SYSTEMD_COLORS: '0' }, maxBuffer: 4 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve({ status: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ status: error.code, stdout, stderr });
      else reject(failure('no-tool', `${program} cannot be run: ${error.killed === true ? 'it did not end in time' : error.message}`, { cause: error }));
    });
  });
}

/** @throws Diagnostic with what the tool has said when it fails */
export async function mustRun(...words: readonly [string, ...string[]]): Promise<string> {
  const { status, stdout, stderr } = await tool(words);
  if (status !== 0) throw failure('systemd-refused', `${words.join(' ')} ended with status ${String(status)}`, { detail: `${stderr}${stdout}`.trim().slice(0, 2000) });
  return stdout;
}

/** Whether systemd runs this machine (sd_booted(3)). */
export function booted(): boolean {
  return existsSync('/run/systemd/system');
}

/** @throws Diagnostic where systemd does not run this machine */
export function requireSystemd(): void {
  if (!booted()) throw new Diagnostic({ kind: 'usage', code: 'no-systemd', summary: 'systemd does not run this machine, so there are no timers', remedy: 'install on the control host, or print a Kubernetes CronJob: care-provision converge manifest' });
}

/** Properties of a unit (systemctl-show); times as `@SECONDS`. Empty when it is not known. */
export async function properties(unit: string, names: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await tool(['systemctl', 'show', '--timestamp=unix', `--property=${names.join(',')}`, '--', unit]);
  return Object.fromEntries(stdout.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
  }));
}
