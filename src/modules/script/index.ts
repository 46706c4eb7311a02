import { action } from '../../host/plan.ts';
import { attachFile, sh } from '../../support/shell.ts';
import { guarded, guardQueries } from '../command/guards.ts';
import { stdinOf } from '../command/index.ts';
import { commandResult, commandReturns, notRun } from '../command/result.ts';
import { splitWords } from '../command/split.ts';
import { defineModule } from '../define.ts';
import { ScriptArguments } from './schema.ts';

/**
 * The words that stand before the script's path, from its first line. Linux hands everything after the
 * interpreter over as one argument (execve(2)), and so is it done here.
 */
export function interpreterOf(text: string): readonly string[] {
  const line = /^#!\s*([^\n]*)/.exec(text)?.[1]?.trim();
  if (line === undefined || line === '') return ['/bin/sh'];
  const [program = '/bin/sh', ...rest] = line.split(/\s+/);
  if (rest.length === 0) return [program];
  return [program, line.slice(program.length).trim()];
}

export const script = defineModule({
  name: 'script',
  summary: 'Run a script of the controller on the host',
  description: `The script travels to the host, runs with the interpreter of its \`#!\` line, and leaves nothing behind. It need not be
executable, and the host's temporary directory may be mounted noexec. Guards, check mode and result as for \`command\`.`,
  args: ScriptArguments,
  freeForm: 'cmd',
  returns: commandReturns,
  examples: [
    { title: 'With arguments, once', yaml: 'script:\n  cmd: make-tables.sh --schema care\n  creates: /var/lib/care/tables.done\n' },
    { title: 'A Python script', yaml: 'script:\n  cmd: report.py\n  executable: python3\nchanged_when: false\n' },
  ],
  queries: (args) => guardQueries(args),
  plan(args, host) {
    const words = splitWords(args.cmd);
    if ('problem' in words) throw new Error(words.problem);
    const [source = '', ...rest] = words;
    const file = host.localFile(source);
    const plan = guarded(args, host, notRun(args.cmd));
    if (plan !== undefined) return plan;
    const interpreter = args.executable === undefined ? interpreterOf(file.bytes().subarray(0, 256).toString('utf8')) : [args.executable];
    return action({
      resource: `script ${args.cmd.slice(0, 200)}`,
      what: 'run',
      mutates: true,
      perform: {
        type: 'script',
        script: sh`cd -- ${args.chdir ?? '/'} || exit 1\n( exec ${interpreter} ${attachFile(file.path, file.size, file.sha256)} ${rest} ) ${stdinOf(args)}`,
        result: (outcome) => commandResult(outcome, args.cmd),
      },
    });
  },
});
