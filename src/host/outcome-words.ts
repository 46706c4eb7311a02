/** How a script ended, in words for people, and the shell that every change is run with. */
import { Diagnostic } from '../support/diagnostic.ts';
import { maskSecrets } from '../support/secret.ts';
import { joinScripts, rawScript, type Script } from '../support/shell.ts';
import type { Outcome, RunRequest } from '../transport/types.ts';
import { PRELUDE } from './prelude.ts';
import { remedyFor, withoutScriptName } from './remedies.ts';

const STRICT = rawScript('set -eu');

function preludeOf(script: Script): string | undefined {
  return /\bcare_[a-z]/.test(script.text.replaceAll('"$care_files"', '')) ? PRELUDE : undefined;
}

/** `set -eu`, and the shell functions of the prelude when the script uses one. */
export function changeScript(script: Script): Script {
  const prelude = preludeOf(script);
  return joinScripts([STRICT, ...(prelude === undefined ? [] : [rawScript(prelude)]), script]);
}

/** The same, with the functions apart: a row of scripts travels with them once. */
export function changeRequest(script: Script): Pick<RunRequest, 'script' | 'prelude'> {
  const prelude = preludeOf(script);
  return { script: joinScripts([STRICT, script]), ...(prelude === undefined ? {} : { prelude }) };
}

/** The end of an output. Masked before it is cut: half a secret would no longer be known as one. */
export function tail(buffer: Buffer, characters: number): string {
  return maskSecrets(buffer.toString('utf8').trim()).slice(-characters);
}

/** Whether a change's script has made it. */
export function isMade(outcome: Outcome | undefined): boolean {
  return outcome?.state === 'done' && outcome.status === 0;
}

/** Why a script failed, from its outcome, for people. */
export function outcomeReason(outcome: Outcome): string {
  if (outcome.state === 'timed-out') return `timed out after ${outcome.seconds.toFixed(0)} s`;
  const said = withoutScriptName(tail(outcome.stderr, 2000) || tail(outcome.stdout, 2000));
  const remedy = remedyFor(said);
  return `exit status ${String(outcome.status)}${said === '' ? '' : `: ${said}`}${remedy === undefined ? '' : `\nTo do: ${remedy}`}`;
}

/** Why a service did not make a change, for people. */
export function callReason(error: unknown): string {
  return maskSecrets(error instanceof Diagnostic ? error.format() : error instanceof Error ? error.message : String(error));
}
