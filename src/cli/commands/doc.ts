import { Command, Option } from 'commander';
import type { Session } from '../session.ts';

export interface DocFlags {
  readonly role?: string;
  readonly format: 'text' | 'markdown';
}

export function docCommand(session: Session): Command {
  return new Command('doc')
    .description('list the modules, or document one module or role')
    .argument('[module]', 'a module, e.g. file')
    .option('--role <role>', 'document a role and its options')
    .addOption(new Option('--format <format>', 'how to print it').choices(['text', 'markdown']).default('text'))
    .action(async (module: string | undefined, flags: DocFlags) => {
      const { docAction } = await import('../actions/doc.ts');
      session.status = docAction(session.context, module, flags);
    });
}
