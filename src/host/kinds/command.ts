/**
 * What read-only commands say: for guards (`unless`, `onlyif`) and for modules that must ask a program.
 * Any change may change the answer, so these facts are volatile. The commands run in check mode as well.
 */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import type { ProbeOutput } from '../query.ts';

export interface CommandKey {
  /** A line for /bin/sh; must only read. */
  readonly command: string;
  /** Absolute; default `/`. */
  readonly chdir?: string;
}

export interface CommandOutput {
  /** Exit status; 127 when there is no such program, 124 when it took longer than a minute. */
  readonly rc: number;
  /** UTF-8, as printed. */
  readonly stdout: string;
}

/** Seconds that one read-only command may take. */
const LIMIT_SECONDS = 60;

const idOf = (key: CommandKey): string => (key.chdir === undefined ? key.command : `${key.command} (in ${key.chdir})`);

/** One subshell a command: its output, a newline, its status. `timeout` is coreutils' and busybox'; done without where absent. */
function probe(keys: readonly CommandKey[], redirect: string): string {
  const head = `care_limit=\ncommand -v timeout >/dev/null 2>&1 && care_limit='timeout ${String(LIMIT_SECONDS)}'`;
  const each = keys.map(
    (key) => `( cd -- ${quote(key.chdir ?? '/')} && $care_limit /bin/sh -c ${quote(key.command)} ) </dev/null ${redirect} 2>/dev/null\nprintf '\\n%s' $?\ncare_mark`,
  );
  return [head, ...each].join('\n');
}

function parse(keys: readonly CommandKey[], output: ProbeOutput): readonly CommandOutput[] {
  const answers = [output.head, ...output.sections];
  return keys.map((key, i) => {
    const answer = answers[i] ?? Buffer.alloc(0);
    const end = answer.lastIndexOf(10);
    const status = answer.subarray(end + 1).toString('latin1');
    if (end === -1 || !/^\d+$/.test(status)) throw new Error(`no exit status of ${key.command}`);
    return { rc: Number(status), stdout: answer.subarray(0, end).toString('utf8') };
  });
}

/** Exit status and stdout of a read-only command line. */
export const commandOutput = defineQuery<CommandKey, CommandOutput>({
  name: 'command-output',
  id: idOf,
  describe: (key) => `output of ${key.command}`,
  probe: (keys) => probe(keys, ''),
  parse,
  show: (fact) => `exit status ${String(fact.rc)}`,
  volatile: true,
});

/** Exit status alone of a read-only command line. */
export const commandStatus = defineQuery<CommandKey, number>({
  name: 'command-status',
  id: idOf,
  describe: (key) => `exit status of ${key.command}`,
  probe: (keys) => probe(keys, '>/dev/null'),
  parse: (keys, output) => parse(keys, output).map((o) => o.rc),
  volatile: true,
});
