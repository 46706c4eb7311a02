/** Where the key shares of a command come from: files that the identities at hand open, standard input, or the keyboard. Never arguments. */
import { readIdentities } from '../../language/secrets/identity.ts';
import type { X25519Identity } from '../../language/secrets/age-decrypt.ts';
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import { shareSets, type HeldShares, type ShareSet } from '../../operations/vault/adoption.ts';
import { checkedShare, isListed, openShares, type GivenShare } from '../../operations/vault/shares.ts';
import { badInput, Diagnostic } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { CliContext } from '../context.ts';
import { askOnTerminal } from '../terminal/prompt.ts';

/** More than any number of shares; longer input is none. */
const LONGEST_INPUT = 64 * 1024;

export interface ShareSources {
  readonly identity: readonly string[];
  readonly stdin?: boolean;
}

async function standardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > LONGEST_INPUT) throw badInput('too-long', 'standard input is longer than any key shares');
  }
  return text;
}

/** The private keys that the command may use: those that it was given, else the usual one; none when there is none. */
export function identitiesAtHand(context: CliContext, sources: ShareSources): readonly X25519Identity[] {
  const at = (file: string): readonly X25519Identity[] => readIdentities({ environment: { ...context.environment, CARE_IDENTITY_FILE: file } });
  if (sources.identity.length > 0) return sources.identity.flatMap(at);
  try {
    return readIdentities({ environment: context.environment });
  } catch (error) {
    // Nobody has said that there is one: the shares may come from the keyboard.
    if (error instanceof Diagnostic && error.code === 'no-key') return [];
    throw error;
  }
}

/** A share of standard input or the keyboard: of whichever list has it. @throws Diagnostic `wrong-share` when none has */
function placed(sets: readonly ShareSet[], given: readonly Secret[]): readonly HeldShares[] {
  const held = sets.map((set) => ({ ...set, shares: [] as GivenShare[] }));
  for (const share of given) {
    const at = held.find(({ list }) => list !== undefined && isListed(share, list)) ?? held.at(-1);
    if (at === undefined) throw new Error('no set of shares');
    at.shares.push(checkedShare(share, at.list, at.directory));
  }
  return held.filter(({ shares }) => shares.length > 0);
}

/**
 * The shares at hand, each held against the list of shares; by set, where it is not known which one counts (`adoption.ts`).
 *
 * @returns at least one set, and at least one share in each
 * @throws Diagnostic `wrong-share`, `no-share`
 */
export async function sharesAtHand(context: CliContext, cluster: VaultCluster, sources: ShareSources): Promise<readonly HeldShares[]> {
  const sets = shareSets(cluster.shareDirectory);
  if (sources.stdin === true) {
    const lines = (await standardInput()).split('\n').map((line) => line.trim()).filter((line) => line !== '');
    if (lines.length === 0) throw badInput('no-share', 'standard input holds no key share', { remedy: 'one share a line' });
    return placed(sets, lines.map((line) => new Secret(line)));
  }
  const warn = (message: string): void => { context.stderr.write(`${context.paintError('yellow', 'warning:')} ${safeLine(message)}\n`); };
  const [first] = sets;
  if (sets.length > 1) warn(`a rekey was cut off when its shares were about to count: those in ${first?.directory ?? ''} are tried first, and the earlier ones when the cluster refuses them`);
  const identities = identitiesAtHand(context, sources);
  const opened = sets.map((set) => ({ ...set, shares: set.list === undefined ? [] : openShares(set.directory, set.list, identities, warn) })).filter(({ shares }) => shares.length > 0);
  if (opened[0]?.which === first?.which && opened.length > 0) return opened;
  const list = first?.list;
  const why = list === undefined ? `there is no list of shares in ${cluster.shareDirectory}` : `none of the identities at hand opens a share in ${first?.directory ?? ''} (it has those of ${[...new Set(list.shares.map((s) => s.holder))].join(', ')})`;
  if (!context.interactive) throw badInput('no-share', why, { remedy: 'give --identity FILE of a holder, or --stdin' });
  context.stderr.write(`${why}\n`);
  return placed(sets, [new Secret(await askOnTerminal('Your key share', true))]);
}
