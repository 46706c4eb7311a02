/** First contact with hosts: a person, or a fingerprint from elsewhere, accepts each key before it is noted. */
import { existsSync } from 'node:fs';
import { loadInventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import { connectionTarget } from '../../run/connection-target.ts';
import { Variables } from '../../run/variables.ts';
import { judgeHostKey, readKnownHosts } from '../../transport/known-hosts.ts';
import { addTrusted, fetchHostKeys, type OfferedKey, type OfferedKeys } from '../../transport/trust.ts';
import type { ConnectionTarget } from '../../transport/types.ts';
import { badInput, Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { TrustFlags } from '../commands/trust.ts';
import type { CliContext } from '../context.ts';
import { formatError } from '../errors.ts';
import { askOnTerminal } from '../terminal/prompt.ts';
import { processInterruption } from '../terminal/signals.ts';

interface Chosen {
  readonly accepted: readonly OfferedKey[];
  readonly refused: boolean;
}

/** What of the new keys is accepted: by fingerprint, by --yes, or by the person at the terminal. */
async function choose(context: CliContext, host: string, fresh: readonly OfferedKey[], flags: TrustFlags): Promise<Chosen> {
  if (flags.yes === true) return { accepted: fresh, refused: false };
  if (flags.fingerprint.length > 0) {
    const accepted = fresh.filter((key) => flags.fingerprint.includes(key.fingerprint));
    return { accepted, refused: accepted.length === 0 };
  }
  if (!context.interactive) {
    throw new Diagnostic({ kind: 'usage', code: 'no-terminal', summary: `there is no terminal to ask on whether ${host} may be trusted`, remedy: 'give --fingerprint SHA256:… as the host itself shows it (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)' });
  }
  const answer = await askOnTerminal(`trust ${safeLine(host)} with ${fresh.length === 1 ? 'this key' : 'these keys'}? (yes/no)`, false);
  return answer.trim().toLowerCase() === 'yes' ? { accepted: fresh, refused: false } : { accepted: [], refused: true };
}

async function trustOne(context: CliContext, target: ConnectionTarget, offered: OfferedKeys, flags: TrustFlags): Promise<ExitStatus> {
  const say = (line: string): void => { context.stdout.write(`${line}\n`); };
  const [first] = offered.files;
  const file = flags.knownHosts ?? first;
  if (file === undefined) throw new Diagnostic({ kind: 'usage', code: 'no-known-hosts', summary: `${target.name}: no known_hosts file is configured to add to`, remedy: 'give --known-hosts FILE' });
  const known = await readKnownHosts(flags.knownHosts === undefined ? offered.files : [flags.knownHosts]);
  const fresh = offered.keys.filter((key) => judgeHostKey(known, key.name, key.key).verdict !== 'trusted');
  if (fresh.length === 0) {
    say(`${target.name}: already trusted`);
    return ExitStatus.ok;
  }
  for (const key of fresh) say(`${target.name} (${safeLine(key.name)}) offers ${key.keyType} ${key.fingerprint}`);
  const { accepted, refused } = await choose(context, target.name, fresh, flags);
  if (refused) {
    say(`${target.name}: not trusted`);
    return ExitStatus.failed;
  }
  const change = await addTrusted(file, accepted, { hash: flags.hash === true, replace: flags.replace === true });
  for (const removed of change.removed) say(`${target.name}: removed ${removed}`);
  say(`${target.name}: ${String(change.added.length)} of its keys noted in ${file}`);
  return ExitStatus.ok;
}

/** 0 when every host is trusted now, 3 when a key was refused or differs from a noted one, 4 when a host could not be asked. */
export async function trustAction(context: CliContext, source: string, pattern: string, flags: TrustFlags): Promise<ExitStatus> {
  // Messages of a refused connection know the host and not the inventory, which says how to reach it.
  if (!source.includes(',') && !existsSync(source)) {
    throw badInput('no-inventory', `there is no inventory ${source}`, { remedy: `for a host of an inventory: care-provision trust INVENTORY ${source}` });
  }
  const sources = [source, ...flags.inventory];
  const secrets = inventorySecrets(sources);
  const inventory = loadInventory(sources, { decryptFile: secrets.decryptFile });
  const variables = new Variables({ inventory, extraVars: {}, mode: 'check', diff: false, decrypt: secrets.decrypt });
  const interrupted = processInterruption(context);
  const statuses = new Set<ExitStatus>();
  try {
    for (const name of inventory.select(pattern, flags.limit)) {
      if (interrupted.stop.aborted) return ExitStatus.interrupted;
      try {
        const target = connectionTarget(name, variables.hostScope(name));
        if (target.connection === 'local') continue;
        statuses.add(await trustOne(context, target, await fetchHostKeys(target, interrupted.stop), flags));
      } catch (error) {
        // One host that cannot be asked, or whose key has changed, must not keep the others from being trusted.
        if (!(error instanceof Diagnostic) || (error.kind !== 'unreachable' && error.kind !== 'failed')) throw error;
        context.stderr.write(`${formatError(error, context.paintError)}\n`);
        statuses.add(error.exitStatus);
      }
    }
  } finally {
    interrupted.dispose();
  }
  if (statuses.has(ExitStatus.failed)) return ExitStatus.failed;
  return statuses.has(ExitStatus.unreachable) ? ExitStatus.unreachable : ExitStatus.ok;
}
