import { Command, Option } from 'commander';
import { integer } from '../options.ts';
import type { Session } from '../session.ts';

export interface DriftFlags {
  readonly inventory?: string;
  readonly host?: string;
  readonly days: number;
  readonly times: number;
  readonly diff?: boolean;
  readonly output: 'text' | 'json';
}

export function driftCommand(session: Session): Command {
  return new Command('drift')
    .description('tell what keeps coming back: where, since when, how often, what mended it, who else changes it; status 2 when something does')
    .option('-i, --inventory <path>', 'only runs on this inventory')
    .option('--host <name>', 'only this host')
    .addOption(new Option('--days <n>', 'how far to look back').argParser(integer(1, 3650)).default(30))
    .addOption(new Option('--times <n>', 'how often a thing must have been found changed').argParser(integer(2, 1000)).default(2))
    .option('-D, --diff', 'with the differences inside files that were mended')
    .addOption(new Option('--output <format>', 'text for people, json for programs').choices(['text', 'json']).default('text'))
    .action(async (flags: DriftFlags) => {
      const { driftAction } = await import('../actions/drift.ts');
      session.status = await driftAction(session.context, flags);
    });
}
