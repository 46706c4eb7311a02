import { expect, test } from 'vitest';
import { readHolders } from '../../../src/operations/vault/holders.ts';

// Keys that age-keygen made for these tests alone; nobody holds their other halves.
const KEYS = ['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p', 'age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg', 'age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa', 'age1yhm4gctwfmrpz87tdslm550wrx6m79y9f2hdzt0lndjnehwj0ukqrjpyx5', 'age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm'];
const people = (...shares: readonly number[]): readonly object[] => shares.map((n, i) => ({ name: `p${String(i)}`, recipient: KEYS[i], ...(n === 1 ? {} : { shares: n }) }));

test('a majority of all shares is the threshold unless another is said', () => {
  expect(readHolders(people(1, 1, 1), undefined)).toMatchObject({ threshold: 2, holders: [{ name: 'p0', shares: 1 }, { name: 'p1' }, { name: 'p2' }] });
  expect(readHolders(people(1, 1, 1, 1, 1), undefined).threshold).toBe(3);
  expect(readHolders(people(2, 1, 1, 1), 3).threshold).toBe(3);
});

test.each([
  ['nobody', [], undefined, /names nobody/],
  ['two people', people(1, 1), undefined, /names 2 of the people.*at least 3/],
  ['one person who can do it alone', people(2, 1, 1), 2, /p0 alone would hold 2 shares, and 2 open everything/],
  ['a threshold of one', people(1, 1, 1), 1, /from 2 to 3/],
  ['a threshold that nobody reaches', people(1, 1, 1), 4, /from 2 to 3/],
  ['a threshold that is no number', people(1, 1, 1), 'two', /from 2 to 3/],
  ['the same person twice', [...people(1, 1), { name: 'p0', recipient: KEYS[2] }], undefined, /has the name p0 twice/],
  ['one key for two people', [...people(1, 1), { name: 'p2', recipient: KEYS[0] }], undefined, /has the recipient age1ql3.* twice/],
  ['a private key', [...people(1, 1), { name: 'p2', recipient: 'AGE-SECRET-KEY-1QQ' }], undefined, /vault_key_holders\[2\]\.recipient: must be an age recipient/],
  ['a word that is none', [{ name: 'p0', recipient: KEYS[0], share: 2 }], undefined, /vault_key_holders\[0\]/],
  ['a name that is a path', [{ name: '../x', recipient: KEYS[0] }], undefined, /vault_key_holders\[0\]\.name/],
])('%s is refused, with what to do', (_title, list, threshold, words) => {
  expect(() => readHolders(list, threshold)).toThrow(expect.objectContaining({ code: 'bad-holders', kind: 'bad-input', message: expect.stringMatching(words) as string, remedy: expect.any(String) as string }) as Error);
});
