/** A project in a directory of its own whose hosts are those of a lab, run in this process or as the program. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { labExec, labHost, type Lab } from '../../../src/lab/index.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import { HOST_LOCK_DIRECTORY } from '../../../src/state/host-lock.ts';
import { testProject, type Result, type TestProject } from '../../unit/run/support.ts';

/** The program of this checkout. */
export const PROGRAM = path.join(import.meta.dirname, '..', '..', '..', 'bin', 'care-provision');

/** Inventory variables of a lab host, with some replaced or added. */
export function hostVariables(lab: Lab, name: string, more: Readonly<Record<string, string | number>> = {}): Readonly<Record<string, string | number>> {
  const host = labHost(lab, name);
  return {
    ansible_host: host.sshAddress, ansible_port: host.sshPort, ansible_user: 'care', ansible_ssh_private_key_file: lab.paths.loginKey,
    ansible_ssh_common_args: `-F /dev/null -o UserKnownHostsFile=${lab.paths.knownHosts} -o IdentitiesOnly=yes`, ansible_become: 'true', ...more,
  };
}

export function inventoryOf(hosts: Readonly<Record<string, Readonly<Record<string, string | number>>>>): string {
  return JSON.stringify({ all: { hosts } });
}

export interface LabProject extends TestProject {
  /** Starts the program; its state directory is the project's unless told otherwise. */
  start(args: readonly string[], state?: string): Started;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }>;
  /** All output so far. */
  output(): string;
  /** Waits until the output so far matches. */
  until(pattern: RegExp, milliseconds?: number): Promise<void>;
}

export function labProject(files: Readonly<Record<string, string>>): LabProject {
  const project = testProject(files);
  const state = mkdtempSync(path.join(tmpdir(), 'care-state-'));
  return {
    ...project,
    run: (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ hostLockDirectory: HOST_LOCK_DIRECTORY, lockWaitSeconds: 0, ...options }),
    start: (args, ownState) => start(project.dir, args, ownState ?? state),
  };
}

function start(cwd: string, args: readonly string[], state: string): Started {
  const child = spawn(PROGRAM, [...args], { cwd, env: { ...process.env, CARE_STATE: state, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => { stdout += data.toString(); });
  child.stderr.on('data', (data: Buffer) => { stderr += data.toString(); });
  const ended = new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (status) => { resolve({ status, stdout, stderr }); });
  });
  return {
    process: child,
    ended,
    output: () => stdout + stderr,
    until: (pattern, milliseconds = 20_000) => eventually(() => pattern.test(stdout + stderr), milliseconds, () => `${String(pattern)} in:\n${stdout}${stderr}`),
  };
}

/** Polls until it holds. */
export async function eventually(holds: () => boolean | Promise<boolean>, milliseconds: number, what: () => string): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`it did not come about in ${String(milliseconds)} ms: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Shell text as root on a lab host, through docker; its output. */
export async function onHost(lab: Lab, name: string, script: string): Promise<string> {
  const result = await labExec(lab, name, ['sh', '-c', script]);
  if (result.status !== 0) throw new Error(`on ${name}: ${script}: exit status ${String(result.status)}: ${result.stderr}`);
  return result.stdout.trim();
}

/** Files of ours on a host, finished or not: none may stay after a run. */
export const LEFTOVERS = "find / -xdev -name '.care-*' 2>/dev/null; find /run /dev/shm /tmp -name '.care-*' 2>/dev/null; true";

/** The error text of a host's failed or unreachable task. */
export function troubleOf(result: Result, host: string): string {
  return result.events.flatMap((e) => (e.type === 'task' && e.host === host && (e.status === 'failed' || e.status === 'unreachable') ? [`${e.status}: ${e.task}: ${e.error ?? ''}`] : [])).join('\n');
}
