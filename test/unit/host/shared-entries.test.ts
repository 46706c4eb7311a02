import { expect, it } from 'vitest';
import { FactStore } from '../../../src/host/fact-store.ts';
import { stat } from '../../../src/host/kinds/path.ts';
import type { AnyQuery } from '../../../src/host/query.ts';
import { SharedEntries } from '../../../src/host/shared-entries.ts';
import { seenBefore } from '../../../src/run/evidence.ts';
import { Secret } from '../../../src/support/secret.ts';

const query = (path: string): AnyQuery => stat(path);
const file = (size: number): object => ({ exists: true, type: 'file', mode: '0644', size });

it.each([
  ['an object', () => file(1)],
  ['a list', () => [file(1), { a: [null, undefined, 'x'] }]],
  ['bytes', () => Buffer.from('abc')],
  ['null', () => null],
  ['a secret', () => ({ password: new Secret('!') })],
  ['a list of bytes', () => [Buffer.from('abc')]],
])('%s is kept once for all hosts', (_what, make) => {
  const shared = new SharedEntries();
  const first = shared.of(query('/a'), make());
  expect(shared.of(query('/a'), make())).toBe(first);
  expect(shared.of(query('/b'), make())).not.toBe(first);
});

it.each([
  ['another value', file(1), file(2)],
  ['another kind of nothing', { a: undefined }, {}],
  ['a number and its text', { a: 1 }, { a: '1' }],
  ['a list and an object', [], {}],
  ['bytes', Buffer.from('a'), Buffer.from('b')],
  ['other names', { a: 1, b: 2 }, { a: 1, c: 2 }],
  ['maps, which nobody looks into', new Map([[1, 1]]), new Map([[2, 2]])],
  ['maps within', { a: new Map([[1, 1]]) }, { a: new Map([[2, 2]]) }],
  ['a secret and its text', new Secret('a'), 'a'],
  ['secrets', new Secret('a'), new Secret('b')],
])('%s is told apart', (_what, one, other) => {
  const shared = new SharedEntries();
  expect(shared.of(query('/a'), one).value).toBe(one);
  expect(shared.of(query('/a'), other).value).toBe(other);
});

it('keeps no more than a few values of what differs on each host, and nothing long', () => {
  const shared = new SharedEntries();
  for (let i = 0; i < 10; i += 1) shared.of(query('/a'), file(i));
  const [early, late] = [file(0), file(9)];
  expect(shared.of(query('/a'), early).value).not.toBe(early);
  expect(shared.of(query('/a'), late).value).toBe(late);
  const long = Buffer.alloc(10_000);
  shared.of(query('/l'), long);
  expect(shared.of(query('/l'), Buffer.alloc(10_000)).value).not.toBe(long);
});

it('when a file was written is told of each host by itself, though all else of it is the same, and anew each time', () => {
  const shared = new SharedEntries();
  const [one, two] = [new FactStore(false, shared), new FactStore(false, shared)];
  const at = stat('/a');
  const shown = (seconds: number): unknown => at.kind.parse(['/a'], { head: Buffer.from(`81a4:0:0:1:root:root:${String(seconds)}:/a\n`), sections: [Buffer.alloc(0)] })[0];
  one.observed(at, shown(1_000_000_001));
  two.observed(at, shown(1_000_000_002));
  expect(one.value(at)).toBe(two.value(at));
  const effects = [at.is({ exists: true, type: 'file', size: 2 })];
  const times = (): unknown => [one, two].map((store) => [store.writtenAt(at), seenBefore(store, effects)?.modified]);
  expect(times()).toEqual([[1_000_000_001, '2001-09-09T01:46:41.000Z'], [1_000_000_002, '2001-09-09T01:46:42.000Z']]);
  one.observed(at, shown(1_000_000_003));
  expect(times()).toEqual([[1_000_000_003, '2001-09-09T01:46:43.000Z'], [1_000_000_002, '2001-09-09T01:46:42.000Z']]);
  // What is only believed was not written when the host showed the one before it.
  one.apply(effects, 'change');
  two.observed(at, { exists: false });
  expect([one, two].map((store) => store.writtenAt(at))).toEqual([undefined, undefined]);
});

it('a change on one host is not believed of another', () => {
  const shared = new SharedEntries();
  const [one, two] = [new FactStore(false, shared), new FactStore(false, shared)];
  const at = stat('/a');
  for (const store of [one, two]) store.observed(at, { exists: false });
  one.apply([at.is({ exists: true, type: 'file' })], 'change');
  expect([one.value(at), two.value(at)]).toEqual([{ exists: true, type: 'file' }, { exists: false }]);
  one.apply([at.forget()], 'change');
  expect([one.has(at), two.has(at)]).toEqual([false, true]);
});
