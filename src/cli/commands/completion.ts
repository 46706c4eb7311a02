import { Argument, Command } from 'commander';
import type { Session } from '../session.ts';

export function completionCommand(session: Session, program: Command): Command {
  return new Command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
    .addHelpText('after', '\nbash: source <(care-provision completion bash)\nzsh:  care-provision completion zsh > "${fpath[1]}/_care-provision"')
    .action(async (shell: 'bash' | 'zsh') => {
      const { completionScript } = await import('../actions/completion.ts');
      session.context.stdout.write(completionScript(shell, program));
    });
}
