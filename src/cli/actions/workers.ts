/** `apply --workers N`: a run that workers share, with those that are started here. */
import { spawn } from 'node:child_process';
import { coordinate, type WorkerProcess } from '../../run/workers/coordinate.ts';
import type { RunOptions } from '../../run/options.ts';
import { sharedDatabase } from '../../state/open-store.ts';
import { DATABASE_URL } from '../../state/postgres-url.ts';
import type { DatabaseAddress } from '../../state/postgres-url.ts';
import { Diagnostic, type ExitStatus } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { CliContext } from '../context.ts';
import type { RunFlags } from '../options.ts';
import type { RunRequest } from './run.ts';

/** The server that workers share a run through. @throws Diagnostic `workers-need-store` */
export function workersDatabase(context: CliContext): DatabaseAddress {
  const at = sharedDatabase(context.environment);
  if (at === undefined) throw new Diagnostic({ kind: 'usage', code: 'workers-need-store', summary: `workers share a run through a PostgreSQL server, and ${DATABASE_URL} is not set`, remedy: 'see docs/workers.md' });
  return at;
}

/** What of a run workers cannot do. @throws Diagnostic `usage` */
export function refuseWithWorkers(flags: Pick<RunFlags, 'askBecomePass' | 'out'>, fromPlan: boolean): void {
  const no = (word: string, why: string): never => { throw new Diagnostic({ kind: 'usage', code: 'workers', summary: `${word} does not go with --workers: ${why}` }); };
  if (flags.askBecomePass === true) no('--ask-become-pass', 'nobody is there to type it for each worker; keep it in the inventory, encrypted (ansible_become_password)');
  if (flags.out !== undefined) no('--out', 'a plan is made by one process');
  if (fromPlan) no('a plan', 'it is applied by one process');
}

/** The words that say to a worker what the run is of. Values of variables come on its standard input: an argument list is everybody's to read. */
function words(run: string, { mode, inventory, playbooks, flags }: RunRequest, { diff, extraVars }: Pick<RunOptions, 'diff' | 'extraVars'>): readonly string[] {
  return [
    'worker', '--run', run, ...(mode === 'check' ? ['--check'] : []), ...flags.inventory.flatMap((each) => ['--inventory', each]), ...flags.playbook.flatMap((each) => ['--playbook', each]),
    ...(flags.limit === undefined ? [] : ['--limit', flags.limit]), ...flags.tags.flatMap((each) => ['--tags', each]), ...flags.skipTags.flatMap((each) => ['--skip-tags', each]), '--forks', String(flags.forks),
    ...(flags.startAtTask === undefined ? [] : ['--start-at-task', flags.startAtTask]), '--lock-wait', String(flags.lockWait), ...(diff ? ['--diff'] : []),
    ...(Object.keys(extraVars).length === 0 ? [] : ['--extra-vars', '@-']), '--', inventory, ...playbooks,
  ];
}

/** Starts a worker on this machine; it outlives a Ctrl-C, which the coordinator passes on, and not the coordinator. */
function startHere(context: CliContext, request: RunRequest, options: RunOptions, say: (line: string) => void): (run: string) => WorkerProcess {
  let number = 0;
  return (run) => {
    number += 1;
    const name = `worker ${String(number)}`;
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...words(run, request, options)], { cwd: context.cwd, env: context.environment, stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    let alive = true;
    // A worker that has ended already reads nothing; why it has is told below.
    child.stdin.on('error', () => undefined);
    child.stdin.end(JSON.stringify(options.extraVars));
    child.stderr.setEncoding('utf8').on('data', (text: string) => { for (const line of text.split('\n').filter((each) => each.trim() !== '')) say(`${name}: ${safeLine(line)}`); });
    say(`${name}: process ${String(child.pid ?? 0)}`);
    const ended = new Promise<void>((resolve) => {
      const end = (why: string | undefined): void => {
        alive = false;
        if (why !== undefined) say(`${name}: ${why}`);
        resolve();
      };
      child.once('error', (error) => { end(error.message); });
      child.once('close', (status, signal) => { end(signal !== null ? `ended by ${signal}` : status === 0 ? undefined : `ended with status ${String(status)}`); });
    });
    return { alive: () => alive, kill: () => { child.kill('SIGKILL'); }, ended };
  };
}

/** @throws Diagnostic `usage` for what workers cannot do, and all that a run throws */
export function withWorkers(context: CliContext, request: RunRequest, options: RunOptions, say: (line: string) => void): Promise<ExitStatus> {
  const { flags } = request;
  const database = workersDatabase(context);
  const start = flags.externalWorkers === true ? undefined : startHere(context, { ...request, mode: options.mode }, options, say);
  return coordinate(options, { database, workers: flags.workers ?? 1, start, say });
}
