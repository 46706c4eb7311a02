/** Who holds the key shares: the variables `vault_key_holders` and `vault_key_threshold`. */
import { z } from 'zod';
import { badInput } from '../../support/diagnostic.ts';

const Holder = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be lower-case letters, digits, dots, dashes and underscores').describe('Who: it names the file of the share'),
  recipient: z.string().regex(/^age1[02-9ac-hj-np-z]{58}$/, 'must be an age recipient: age1 and 58 characters behind it').describe('Public age key of that person'),
  shares: z.int().min(1).max(10).default(1).describe('How many shares this person holds'),
});
export type Holder = z.output<typeof Holder>;

export interface Holders {
  readonly holders: readonly Holder[];
  /** So many shares are needed. */
  readonly threshold: number;
}

/** Fewer people than this, and one who is away or one who is careless decides alone. */
const FEWEST_HOLDERS = 3;
/** Shamir over GF(2^8): the server's own bound. */
const MOST_SHARES = 255;

export function sharesOf(holders: readonly Holder[]): number {
  return holders.reduce((sum, holder) => sum + holder.shares, 0);
}

/** Words that the fix of each trouble begins with. */
const DOC = 'docs/vault.md, "Who holds the keys"';

/**
 * Reads and judges the variables.
 *
 * @throws Diagnostic (bad input): too few holders, the same one twice, a threshold that one person reaches or nobody does
 */
export function readHolders(list: unknown, threshold: unknown): Holders {
  const parsed = z.array(Holder).safeParse(list ?? []);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw badInput('bad-holders', `vault_key_holders${issue === undefined ? '' : issue.path.map((part) => (typeof part === 'number' ? `[${String(part)}]` : `.${String(part)}`)).join('')}: ${issue?.message ?? 'is no list of holders'}`, { remedy: DOC });
  }
  const holders = parsed.data;
  const total = sharesOf(holders);
  const needed = threshold === undefined || threshold === null ? Math.floor(total / 2) + 1 : Number(threshold);
  const refuse = (summary: string, remedy: string): never => { throw badInput('bad-holders', summary, { remedy: `${remedy} (${DOC})` }); };
  if (holders.length < FEWEST_HOLDERS) refuse(`vault_key_holders names ${holders.length === 0 ? 'nobody' : `${String(holders.length)} of the people who are to hold the key shares`}; at least ${String(FEWEST_HOLDERS)} are needed`, 'give each person’s name and age recipient; care-provision secrets init makes a person’s key');
  for (const what of ['name', 'recipient'] as const) {
    const twice = holders.find((holder, i) => holders.findIndex((other) => other[what] === holder[what]) !== i);
    if (twice !== undefined) refuse(`vault_key_holders has the ${what} ${twice[what]} twice`, 'each person once; several shares for one person are shares: 2');
  }
  if (total > MOST_SHARES) refuse(`${String(total)} shares are more than the ${String(MOST_SHARES)} that there can be`, 'fewer holders');
  if (!Number.isInteger(needed) || needed < 2 || needed > total) refuse(`vault_key_threshold must be from 2 to ${String(total)}, the number of shares`, 'a majority is a good choice');
  const alone = holders.find((holder) => holder.shares >= needed);
  if (alone !== undefined) refuse(`${alone.name} alone would hold ${String(alone.shares)} shares, and ${String(needed)} open everything`, 'raise vault_key_threshold, or give that person fewer');
  return { holders, threshold: needed };
}
