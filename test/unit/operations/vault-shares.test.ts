import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseIdentity, type X25519Identity } from '../../../src/language/secrets/age-decrypt.ts';
import { readHolders, type Holders } from '../../../src/operations/vault/holders.ts';
import { adoptShares, markCounting, setNextAside, shareSets, tryShares } from '../../../src/operations/vault/adoption.ts';
import { checkedShare, digestOfShare, openShares, readShareList, rehearseShares, writeShares } from '../../../src/operations/vault/shares.ts';
import { badInput } from '../../../src/support/diagnostic.ts';
import { Secret } from '../../../src/support/secret.ts';

let dir = '';
let people: readonly { readonly name: string; readonly identity: X25519Identity; readonly recipient: string }[] = [];
let holders: Holders;
const SHARES = ['c2hhcmUtb25lLW9mLXRoZS10ZXN0LTAwMDAwMDAx', 'c2hhcmUtdHdvLW9mLXRoZS10ZXN0LTAwMDAwMDAy', 'c2hhcmUtdGhyLW9mLXRoZS10ZXN0LTAwMDAwMDAz', 'c2hhcmUtZm91LW9mLXRoZS10ZXN0LTAwMDAwMDA0'];
const NOW = new Date('2026-11-26T12:00:00Z');
const LATER = new Date('2026-11-27T12:00:00Z');
const noWarning = (message: string): void => { throw new Error(message); };

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'care-shares-'));
  people = await Promise.all(['asha', 'binu', 'chitra'].map(async (name) => {
    const text = await generateX25519Identity();
    const identity = parseIdentity(text);
    if (identity === undefined) throw new Error('no identity');
    return { name, identity, recipient: await identityToRecipient(text) };
  }));
  holders = readHolders(people.map(({ name, recipient }, i) => ({ name, recipient, shares: i === 2 ? 2 : 1 })), 3);
});
afterEach(() => { rmSync(dir, { recursive: true, force: true }); });

async function made(shares = SHARES, now = NOW): Promise<void> {
  await writeShares(dir, holders, { cluster: 'care', clusterId: 'an-id', kind: 'unseal', shares: shares.map((s) => new Secret(s)), now });
  adoptShares(dir, now);
}
const identityOf = (name: string): X25519Identity => {
  const found = people.find((p) => p.name === name);
  if (found === undefined) throw new Error(name);
  return found.identity;
};

test('each share can be read by its holder alone, nobody else may even try, and no share is anywhere in the open', async () => {
  await made();
  expect(readdirSync(dir).sort()).toEqual(['asha.age', 'binu.age', 'chitra-1.age', 'chitra-2.age', 'next', 'shares.json']);
  for (const name of readdirSync(dir).filter((n) => n !== 'next')) {
    expect(statSync(join(dir, name)).mode & 0o777, name).toBe(0o600);
    for (const share of SHARES) expect(readFileSync(join(dir, name), 'utf8')).not.toContain(share);
  }
  const list = readShareList(dir);
  if (list === undefined) throw new Error('no list');
  expect(openShares(dir, list, [identityOf('asha')], noWarning).map((s) => [s.holder, s.share.reveal()])).toEqual([['asha', SHARES[0]]]);
  expect(openShares(dir, list, [identityOf('chitra')], noWarning).map((s) => [s.holder, s.share.reveal()])).toEqual([['chitra', SHARES[2]], ['chitra', SHARES[3]]]);
  expect(openShares(dir, list, [], noWarning)).toEqual([]);
});

test('a damaged file of another holder keeps nobody from opening the others; alone it is an error', async () => {
  await made();
  const list = readShareList(dir);
  if (list === undefined) throw new Error('no list');
  writeFileSync(join(dir, 'asha.age'), '');
  const warnings: string[] = [];
  expect(openShares(dir, list, [identityOf('binu')], (message) => warnings.push(message)).map((s) => s.holder)).toEqual(['binu']);
  expect(warnings).toEqual([expect.stringContaining('asha.age cannot be read')]);
  expect(() => openShares(dir, list, [], noWarning)).toThrow(expect.objectContaining({ code: 'damaged-share' }) as Error);
});

test('shares that wait in next/ do not count yet; with the new ones adopted, the earlier ones are kept aside', async () => {
  await made();
  const fresh = SHARES.map((s) => `n${s.slice(1)}`);
  await writeShares(dir, holders, { cluster: 'care', clusterId: 'an-id', kind: 'unseal', shares: fresh.map((s) => new Secret(s)), now: LATER });
  expect(readShareList(dir)?.made).toBe(NOW.toISOString());
  adoptShares(dir, LATER);
  const list = readShareList(dir);
  expect(list?.made).toBe(LATER.toISOString());
  if (list === undefined) throw new Error('no list');
  expect(openShares(dir, list, [identityOf('binu')], noWarning).map((s) => s.share.reveal())).toEqual([fresh[1]]);
  expect(readdirSync(join(dir, 'former-20261127T120000Z')).sort()).toEqual(['asha.age', 'binu.age', 'chitra-1.age', 'chitra-2.age', 'shares.json']);
});

test('a share that the list does not have is refused before any server hears of it, and its text is not in the message', async () => {
  await made();
  const wrong = 'd3Jvbmctc2hhcmUtb2YtdGhlLXRlc3QtMDAwMDAx';
  const list = readShareList(dir);
  expect(() => checkedShare(new Secret(wrong), list, dir)).toThrow(expect.objectContaining({ code: 'wrong-share', kind: 'bad-input' }) as Error);
  try {
    checkedShare(new Secret(wrong), list, dir);
  } catch (error) {
    expect(JSON.stringify(error) + String(error)).not.toContain(wrong);
  }
  expect(checkedShare(new Secret(`${SHARES[1] ?? ''}\n`), list, dir)).toMatchObject({ holder: 'binu' });
  // Without a list, such as on a holder's own machine, the servers are the judges.
  expect(checkedShare(new Secret(wrong), undefined, dir).holder).toBeUndefined();
});

test('a file with another share in it than the list says is refused', async () => {
  await made();
  const list = readShareList(dir);
  if (list === undefined) throw new Error('no list');
  writeFileSync(join(dir, 'asha.age'), readFileSync(join(dir, 'binu.age')));
  expect(openShares(dir, { ...list, shares: list.shares.filter((s) => s.holder === 'asha') }, [identityOf('asha')], noWarning)).toEqual([]);
  const other = { ...list, shares: list.shares.map((s) => ({ ...s, sha256: digestOfShare('another') })) };
  expect(() => openShares(dir, other, [identityOf('binu')], noWarning)).toThrow(expect.objectContaining({ code: 'wrong-share' }) as Error);
  writeFileSync(join(dir, 'binu.age'), 'no age file');
  expect(() => openShares(dir, { ...list, shares: list.shares.filter((s) => s.holder === 'binu') }, [identityOf('binu')], noWarning)).toThrow(expect.objectContaining({ code: 'damaged-share' }) as Error);
});

test('what would fail when the keys are there fails in the rehearsal, which leaves nothing behind', async () => {
  await rehearseShares(dir, holders);
  expect(readdirSync(dir)).toEqual([]);
  const none: Holders = { ...holders, holders: holders.holders.map((h) => ({ ...h, recipient: `${h.recipient.slice(0, -1)}q` })) };
  await expect(rehearseShares(dir, none)).rejects.toThrow();
  if (process.getuid?.() !== 0) {
    chmodSync(dir, 0o500);
    await expect(rehearseShares(join(dir, 'deeper'), holders)).rejects.toThrow();
    chmodSync(dir, 0o700);
  }
  expect(existsSync(join(dir, 'deeper'))).toBe(false);
});

test('a list that somebody has broken is told, not guessed at', () => {
  writeFileSync(join(dir, 'shares.json'), '{"format": 2}');
  expect(() => readShareList(dir)).toThrow(expect.objectContaining({ code: 'bad-share-list' }) as Error);
});

const FRESH = SHARES.map((s) => `n${s.slice(1)}`);
async function rekeyedAsFarAs(mark: boolean): Promise<void> {
  await made();
  await writeShares(dir, holders, { cluster: 'care', clusterId: 'an-id', kind: 'unseal', shares: FRESH.map((s) => new Secret(s)), now: LATER });
  if (mark) markCounting(dir);
}
function heldBy(name: string): Parameters<typeof tryShares>[1] {
  return shareSets(dir).map((set) => ({ ...set, shares: set.list === undefined ? [] : openShares(set.directory, set.list, [identityOf(name)], noWarning) }));
}

test('a rekey that was cut off before the cluster saw its shares: the earlier ones count, and nothing is asked of anybody', async () => {
  await rekeyedAsFarAs(false);
  expect(shareSets(dir).map((set) => [set.which, set.list?.made])).toEqual([['current', NOW.toISOString()]]);
});

test('one that was cut off while the cluster was shown them: the new ones are tried first, and when it takes them they count from then on', async () => {
  await rekeyedAsFarAs(true);
  const tried: string[] = [];
  await tryShares(dir, heldBy('asha'), LATER, ({ shares, accepted }) => {
    tried.push(...shares.map((s) => s.reveal()));
    accepted();
    return Promise.resolve();
  });
  expect(tried).toEqual([FRESH[0]]);
  expect(shareSets(dir).map((set) => [set.which, set.list?.made])).toEqual([['current', LATER.toISOString()]]);
  expect(readdirSync(join(dir, 'former-20261127T120000Z')).sort()).toEqual(['asha.age', 'binu.age', 'chitra-1.age', 'chitra-2.age', 'shares.json']);
});

test('and when it refuses them the earlier ones are tried, and the new ones kept aside', async () => {
  await rekeyedAsFarAs(true);
  const tried: string[] = [];
  await tryShares(dir, heldBy('binu'), LATER, ({ shares, last }) => {
    tried.push(...shares.map((s) => s.reveal()));
    if (!last) throw badInput('wrong-share', 'no');
    return Promise.resolve();
  });
  expect(tried).toEqual([FRESH[1], SHARES[1]]);
  expect(shareSets(dir).map((set) => [set.which, set.list?.made])).toEqual([['current', NOW.toISOString()]]);
  expect(readdirSync(join(dir, 'refused-20261127T120000Z'))).toContain('asha.age');
  // What went wrong otherwise settles nothing.
  rmSync(dir, { recursive: true });
  mkdirSync(dir);
  await rekeyedAsFarAs(true);
  await expect(tryShares(dir, heldBy('binu'), LATER, () => Promise.reject(badInput('other', 'no')))).rejects.toMatchObject({ code: 'other' });
  expect(shareSets(dir)).toHaveLength(2);
});

test('an adoption that was cut off anywhere is gone on with: no file is lost, and none of before stands beside the new ones', async () => {
  await rekeyedAsFarAs(true);
  const whole = join(dir, 'next');
  const kept = `${dir}-kept`;
  cpSync(dir, kept, { recursive: true });
  const files = ['asha.age', 'binu.age', 'chitra-1.age', 'chitra-2.age', 'shares.json'];
  try {
    // Cut off after each of the ten renames: first the earlier ones go, then the new ones come.
    for (let cut = 0; cut <= 2 * files.length; cut += 1) {
      rmSync(dir, { recursive: true });
      cpSync(kept, dir, { recursive: true });
      writeFileSync(join(whole, 'counts'), 'former-x');
      mkdirSync(join(dir, 'former-x'));
      for (const [i, file] of files.entries()) if (i < cut) renameSync(join(dir, file), join(dir, 'former-x', file));
      for (const [i, file] of files.entries()) if (files.length + i < cut) renameSync(join(whole, file), join(dir, file));
      const [set, ...more] = shareSets(dir);
      expect([set?.which, set?.list?.made, more], String(cut)).toEqual(['current', LATER.toISOString(), []]);
      if (set?.list === undefined) throw new Error('no list');
      expect(openShares(dir, set.list, [identityOf('chitra')], noWarning).map((s) => s.share.reveal()), String(cut)).toEqual([FRESH[2], FRESH[3]]);
      expect([readdirSync(join(dir, 'former-x')).sort(), readdirSync(whole)], String(cut)).toEqual([files, []]);
    }
  } finally {
    rmSync(kept, { recursive: true, force: true });
  }
});

test('a new rekey puts aside what an earlier one has left, and it counts no more', async () => {
  await rekeyedAsFarAs(true);
  setNextAside(dir, LATER);
  expect([shareSets(dir).length, readdirSync(join(dir, 'next'))]).toEqual([1, ['former-20261127T120000Z']]);
});
