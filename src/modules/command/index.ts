import { action } from '../../host/plan.ts';
import { attach, rawScript, sh, Script } from '../../support/shell.ts';
import { revealed, type Secret } from '../../support/secret.ts';
import { defineModule } from '../define.ts';
import { guarded, guardQueries } from './guards.ts';
import { commandResult, commandReturns, notRun } from './result.ts';
import { CommandArguments } from './schema.ts';
import { splitWords } from './split.ts';

/** The redirection of standard input: a file beside the script, or nothing. */
export function stdinOf(args: { readonly stdin?: string | Secret | undefined; readonly stdin_add_newline: boolean }): Script {
  if (args.stdin === undefined) return rawScript('</dev/null');
  return sh`<${attach(`${revealed(args.stdin)}${args.stdin_add_newline ? '\n' : ''}`)}`;
}

function wordsOf(args: { readonly cmd?: string | undefined; readonly argv?: readonly string[] | undefined }): readonly string[] {
  if (args.argv !== undefined) return args.argv;
  const words = splitWords(args.cmd ?? '');
  if ('problem' in words) throw new Error(words.problem);
  return words;
}

export const command = defineModule({
  name: 'command',
  summary: 'Run a program, without a shell in between',
  description: `Runs one program with its arguments as they are: no pipes, no \`$VAR\`, no wildcards (use \`shell\` for those).
It always counts as changed when it runs, so say when it need not: \`creates\`, \`removes\`, \`unless\`, \`onlyif\`, or \`changed_when\`.
In check mode the guards are asked and the command is predicted as a change, not run.

Unlike Ansible's: \`key=value\` words in the command line are refused, environment variables in it are not expanded,
\`unless\` and \`onlyif\` are new, and a secret among the words is refused because every user of a host can see argument lists.`,
  args: CommandArguments,
  freeForm: 'cmd',
  returns: commandReturns,
  examples: [
    { title: 'A plain command line', yaml: 'command: etcdctl defrag --cluster\n' },
    { title: 'Run only when a file is missing', yaml: 'command:\n  argv: [openssl, dhparam, -out, /etc/ssl/dh.pem, "2048"]\n  creates: /etc/ssl/dh.pem\n' },
    { title: 'Run unless a read-only command says that it was done', yaml: 'command:\n  cmd: etcdctl user add root --no-password\n  unless: etcdctl user get root\n' },
    { title: 'Hand a secret over on standard input', yaml: 'command:\n  cmd: chpasswd\n  stdin: "root:{{ root_password }}"\n' },
  ],
  queries: (args) => guardQueries(args),
  plan(args, host) {
    const words = wordsOf(args);
    const plan = guarded(args, host, notRun(words));
    if (plan !== undefined) return plan;
    return action({
      resource: `command ${words.join(' ').slice(0, 200)}`,
      what: 'run',
      mutates: true,
      perform: {
        type: 'script',
        // `exec` in a subshell runs the program itself, never a builtin or function of the shell.
        script: sh`cd -- ${args.chdir ?? '/'} || exit 1\n( exec ${words} ) ${stdinOf(args)}`,
        result: (outcome) => commandResult(outcome, words),
      },
    });
  },
});
