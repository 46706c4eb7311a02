import { Command } from 'commander';
import { addInventoryOption } from '../options.ts';
import type { Session } from '../session.ts';

export interface TrustFlags {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly fingerprint: readonly string[];
  readonly yes?: boolean;
  readonly replace?: boolean;
  readonly hash?: boolean;
  readonly knownHosts?: string;
}

export function trustCommand(session: Session): Command {
  const command = new Command('trust')
    .description('first contact: show the host keys that hosts offer, and note those you accept in known_hosts')
    .argument('<inventory>', 'inventory file or directory')
    .argument('[pattern]', 'hosts', 'all');
  addInventoryOption(command);
  return command
    .option('-l, --limit <pattern>', 'only the hosts that match')
    .option('--fingerprint <SHA256:…>', 'accept this key without asking; as the console of the host shows it (repeatable)', (value: string, before: readonly string[]) => [...before, value], [])
    .option('-y, --yes', 'accept whatever is offered; only on a network that nobody else is on')
    .option('--replace', 'put new keys in the place of others that are noted, after a reinstallation')
    .option('--hash', 'write host names hashed')
    .option('--known-hosts <file>', 'the file to add to; default: the first that a connection would read')
    .action(async (inventory: string, pattern: string, flags: TrustFlags) => {
      const { trustAction } = await import('../actions/trust.ts');
      session.status = await trustAction(session.context, inventory, pattern, flags);
    });
}
