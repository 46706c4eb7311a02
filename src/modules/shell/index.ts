import { action } from '../../host/plan.ts';
import { MASK, Secret } from '../../support/secret.ts';
import { attach, sh } from '../../support/shell.ts';
import { guarded, guardQueries } from '../command/guards.ts';
import { stdinOf } from '../command/index.ts';
import { commandResult, commandReturns, notRun } from '../command/result.ts';
import { defineModule } from '../define.ts';
import { ShellArguments } from './schema.ts';

/** The first line, for the change's name; the same in check and in apply. */
function title(cmd: string | Secret): string {
  const text = cmd instanceof Secret ? MASK : cmd.trim();
  const first = text.split('\n', 1)[0] ?? '';
  return first.length < text.length || first.length > 200 ? `${first.slice(0, 200)} …` : first;
}

export const shell = defineModule({
  name: 'shell',
  summary: 'Run text through a shell',
  description: `Pipes, redirections, variables and wildcards work. The text reaches the shell as a file, not as an argument, so it may
hold secrets and be long. A pipe's status is that of its last command; begin with \`set -e\`, or give
\`executable: /bin/bash\` and \`set -o pipefail\`, where that matters.

Guards, check mode and result as for \`command\`.`,
  args: ShellArguments,
  freeForm: 'cmd',
  returns: commandReturns,
  examples: [
    { title: 'A pipe', yaml: 'shell: journalctl --unit etcd | tail -n 20\nchanged_when: false\n' },
    { title: 'Several lines of bash, once', yaml: 'shell:\n  cmd: |\n    set -euo pipefail\n    zcat /srv/dump.sql.gz | psql care\n    touch /srv/dump.loaded\n  executable: /bin/bash\n  creates: /srv/dump.loaded\n' },
  ],
  queries: (args) => guardQueries(args),
  plan(args, host) {
    const plan = guarded(args, host, notRun(args.cmd));
    if (plan !== undefined) return plan;
    return action({
      resource: `shell ${title(args.cmd)}`,
      what: 'run',
      mutates: true,
      perform: {
        type: 'script',
        script: sh`cd -- ${args.chdir ?? '/'} || exit 1\n( exec ${args.executable} ${attach(args.cmd)} ) ${stdinOf(args)}`,
        result: (outcome) => commandResult(outcome, args.cmd),
      },
    });
  },
});
