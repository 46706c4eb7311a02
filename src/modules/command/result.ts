/** What a command leaves for `register`: Ansible's names and trimming. */
import type { ActionResult } from '../../host/plan.ts';
import type { Outcome } from '../../transport/types.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { Value, ValueMap } from '../../support/value.ts';

/** How much of an output a failure's message shows, in characters from its end. */
const SHOWN = 2000;

function lines(text: string): readonly string[] {
  return text === '' ? [] : text.split(/\r\n|\n|\r/);
}

/** UTF-8 (bad bytes become U+FFFD) without the newlines at the end, as Ansible gives it. */
function textOf(output: Buffer): string {
  return output.toString('utf8').replace(/[\r\n]+$/, '');
}

function values(rc: number, stdout: string, stderr: string, cmd: Value): Record<string, Value> {
  return { rc, stdout, stderr, stdout_lines: lines(stdout), stderr_lines: lines(stderr), cmd };
}

/** For a command that a guard kept from running. */
export function notRun(cmd: Value): ValueMap {
  return values(0, '', '', cmd);
}

/** `0:01:02.345678`, as Python prints a duration. */
function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const pad = (n: number): string => String(n).padStart(2, '0');
  return `${String(Math.floor(whole / 3600))}:${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}.${(seconds - whole).toFixed(6).slice(2)}`;
}

function failure(outcome: Outcome, stdout: string, stderr: string): string {
  if (outcome.state === 'timed-out') return `timed out after ${outcome.seconds.toFixed(0)} s; give the task a longer timeout if it may take that long`;
  if (outcome.state === 'not-run') return 'was not run';
  // Masked before it is cut: half a secret would no longer be known as one.
  const said = maskSecrets(stderr === '' ? stdout : stderr).slice(-SHOWN);
  const hint = outcome.status === 127 ? ' (no such program)' : outcome.status === 126 ? ' (not executable)' : '';
  return `exit status ${String(outcome.status)}${hint}${said === '' ? '' : `: ${said}`}`;
}

/** The result of a command that ran: changed, and failed unless it exited 0. */
export function commandResult(outcome: Outcome, cmd: Value): ActionResult {
  const stdout = textOf(outcome.stdout);
  const stderr = textOf(outcome.stderr);
  const all = { ...values(outcome.status, stdout, stderr, cmd), delta: duration(outcome.seconds), truncated: outcome.truncated };
  if (outcome.state === 'done' && outcome.status === 0) return { changed: true, values: all };
  return { changed: true, failed: true, msg: failure(outcome, stdout, stderr), values: all };
}

export const commandReturns: Readonly<Record<string, string>> = {
  rc: 'exit status; 128+n when ended by signal n',
  stdout: 'what it printed, without newlines at the end',
  stderr: 'what it printed as errors, without newlines at the end',
  stdout_lines: 'stdout as a list of lines',
  stderr_lines: 'stderr as a list of lines',
  cmd: 'what was run',
  delta: 'how long it took, as H:MM:SS.ffffff',
  truncated: 'true when the middle of a very long output was left out',
};
