/**
 * Key shares on the controller: each in a file of its own, encrypted to the one who holds it (age), and a list in the open of who
 * holds which, with the digest of each share. A share has 256 random bits, so its digest gives nothing away; it is what tells a wrong
 * or an outdated share before a server has heard of it. Servers could only tell when enough shares have come together.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { encryptFor } from '../../language/secrets/recipients.ts';
import { AgeProblem, decryptAge, type X25519Identity } from '../../language/secrets/age-decrypt.ts';
import { replaceFile } from '../../language/secrets/files.ts';
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import type { Holders } from './holders.ts';

const Share = z.strictObject({ holder: z.string(), recipient: z.string(), file: z.string().regex(/^[a-z0-9][a-z0-9._-]*\.age$/), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

const ShareList = z.strictObject({
  format: z.literal(1),
  cluster: z.string(),
  /** The server's own id of the cluster; empty after `vault init`: it has none before it was open. */
  cluster_id: z.string(),
  /** `unseal` keys open the cluster; `recovery` keys, of one that opens itself, only say who may give a new root token. */
  kind: z.enum(['unseal', 'recovery']),
  made: z.string(),
  threshold: z.int(),
  shares: z.array(Share),
});
export type ShareList = z.output<typeof ShareList>;

export const SHARE_LIST = 'shares.json';

export function digestOfShare(share: string): string {
  return createHash('sha256').update(share).digest('hex');
}

/** The list of who holds what; undefined when none was made here. @throws Diagnostic when it is not a list */
export function readShareList(directory: string): ShareList | undefined {
  const file = join(directory, SHARE_LIST);
  if (!existsSync(file)) return undefined;
  try {
    return ShareList.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw badInput('bad-share-list', `${file} is not the list that vault init or vault rekey has written`, { remedy: 'restore it from the version history or a backup; without it shares are taken as they are, so move it away to go on', cause: error });
  }
}

export interface NewShares {
  readonly cluster: string;
  readonly clusterId: string;
  readonly kind: ShareList['kind'];
  readonly shares: readonly Secret[];
  /** When, for the name under which older ones are kept. */
  readonly now: Date;
}

/** Which share goes to whom: as many files as shares, in the order of the holders. */
function slots(holders: Holders): readonly { readonly holder: string; readonly recipient: string; readonly file: string }[] {
  return holders.holders.flatMap((holder) =>
    Array.from({ length: holder.shares }, (_, i) => ({ holder: holder.name, recipient: holder.recipient, file: holder.shares === 1 ? `${holder.name}.age` : `${holder.name}-${String(i + 1)}.age` })),
  );
}

/** Where shares are until it is sure that they count (`adoption.ts`). */
export const NEXT = 'next';

/**
 * Tries what {@link writeShares} will do, with shares that are none: what would fail then fails now, when nothing is lost by it.
 *
 * @throws Error when the folder cannot be written to, or a recipient is none
 */
export async function rehearseShares(directory: string, holders: Holders): Promise<void> {
  const trial = join(directory, `.trial-${String(process.pid)}`);
  mkdirSync(trial, { recursive: true, mode: 0o700 });
  try {
    for (const [i, { recipient }] of slots(holders).entries()) replaceFile(join(trial, `${String(i)}.age`), await encryptFor([recipient], 'trial'), undefined, 0o600);
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/**
 * Writes the shares, each for its holder alone, mode 0600, into `next/` below the folder, which must hold none (`setNextAside`): they take the place of the earlier ones
 * with `adoptShares`, once it is sure that the server goes by them.
 *
 * @throws Error when there are not as many shares as the holders take
 */
export async function writeShares(directory: string, holders: Holders, fresh: NewShares): Promise<ShareList> {
  const places = slots(holders);
  if (places.length !== fresh.shares.length) throw new Error(`${String(fresh.shares.length)} shares for ${String(places.length)} places`);
  const next = join(directory, NEXT);
  mkdirSync(next, { recursive: true, mode: 0o700 });
  const list: ShareList = {
    format: 1, cluster: fresh.cluster, cluster_id: fresh.clusterId, kind: fresh.kind, made: fresh.now.toISOString(), threshold: holders.threshold,
    shares: places.map((place, i) => ({ ...place, sha256: digestOfShare(fresh.shares[i]?.reveal() ?? '') })),
  };
  for (const [i, { recipient, file }] of places.entries()) replaceFile(join(next, file), await encryptFor([recipient], `${fresh.shares[i]?.reveal() ?? ''}\n`), undefined, 0o600);
  replaceFile(join(next, SHARE_LIST), `${JSON.stringify(list, undefined, 1)}\n`, undefined, 0o600);
  return list;
}

/** A share that somebody has given, and whose it is as far as the list tells. */
export interface GivenShare {
  readonly share: Secret;
  readonly holder: string | undefined;
}

/** Whether the list has it. */
export function isListed(share: Secret, list: ShareList): boolean {
  const digest = digestOfShare(share.reveal().trim());
  return list.shares.some((each) => each.sha256 === digest);
}

/**
 * Holds a share against the list.
 *
 * @throws Diagnostic `wrong-share` when the list does not have it
 */
export function checkedShare(share: Secret, list: ShareList | undefined, directory: string): GivenShare {
  const text = new Secret(share.reveal().trim());
  if (list === undefined) return { share: text, holder: undefined };
  const digest = digestOfShare(text.reveal());
  const known = list.shares.find((each) => each.sha256 === digest);
  if (known !== undefined) return { share: text, holder: known.holder };
  throw badInput('wrong-share', `this is none of the key shares of ${list.cluster} that were made on ${list.made}`, {
    detail: `no server has been told of it. ${directory} has shares for ${[...new Set(list.shares.map((each) => each.holder))].join(', ')}`,
    remedy: 'look whether it is of another cluster, or of before the last vault rekey (former-… beside the list); a share is taken whole, without a line break',
  });
}

/**
 * The shares that these identities can read, of the files of the list. A damaged file does not keep the others from opening: it may be another
 * holder's, in a night in which every sealed minute counts.
 *
 * @param warn told of damaged files, when other shares could be opened
 * @throws Diagnostic `damaged-share` when none could be opened and a file is damaged; `wrong-share` when one holds another share than the list says
 */
export function openShares(directory: string, list: ShareList, identities: readonly X25519Identity[], warn: (message: string) => void): readonly GivenShare[] {
  const opened: GivenShare[] = [];
  const damaged: Diagnostic[] = [];
  for (const { file } of list.shares) {
    const path = join(directory, file);
    if (!existsSync(path)) continue;
    try {
      opened.push(checkedShare(new Secret(decryptAge(readFileSync(path), { identities }).toString('utf8').trim()), list, directory));
    } catch (error) {
      if (!(error instanceof AgeProblem)) throw error;
      if (error.reason !== 'no-match') damaged.push(badInput('damaged-share', `${path} cannot be read: ${error.message}`, { remedy: 'take it from a backup, or from the one who holds it' }));
    }
  }
  const [first] = damaged;
  if (opened.length === 0 && first !== undefined) throw first;
  for (const problem of damaged) warn(`${problem.message}. To do: ${problem.remedy ?? ''}`);
  return opened;
}
