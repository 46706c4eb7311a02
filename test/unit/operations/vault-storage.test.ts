import { expect, test } from 'vitest';
import { chosenSnapshot, newestFirst, snapshotStorage } from '../../../src/operations/vault/storage.ts';

const stored = (host: string, time: string) => ({ name: `${host}/vault-care-${time}.snap.age`, bytes: 9, stored: '2026-11-26T12:00:00.000Z' });
const ALL = [stored('v1', '20261126T100003Z'), stored('v2', '20261126T110001Z'), stored('v3', '20261125T230000Z')];
const ACCOUNT = { accessKey: 'reader', secretKey: 'a-secret-key-of-the-test', region: undefined, caFile: undefined };

test('the newest is the one that was taken last, whichever member has copied it when', () => {
  expect(chosenSnapshot(ALL, 'newest', 'care').name).toBe('v2/vault-care-20261126T110001Z.snap.age');
  expect(newestFirst(ALL).map((s) => s.name.slice(0, 2))).toEqual(['v2', 'v1', 'v3']);
});

test('the newest is never one of another cluster whose members use the same bucket; that one is had by its name alone', () => {
  const others = ['vault-care-test-20261126T120000Z', 'vault-test-20261126T120000Z'].map((name) => ({ name: `t1/${name}.snap.age`, bytes: 9, stored: '2026-11-26T12:00:00.000Z' }));
  expect(chosenSnapshot([...others, ...ALL], 'newest', 'care').name).toBe('v2/vault-care-20261126T110001Z.snap.age');
  expect(() => chosenSnapshot(others, 'newest', 'care')).toThrow(expect.objectContaining({ code: 'no-snapshot', message: expect.stringContaining('of care') as string }) as Error);
  expect(chosenSnapshot(others, others[0]?.name ?? '', 'care')).toBe(others[0]);
});

test('one is chosen by its name; another name is refused with the nearest, and an empty bucket with what to look at', () => {
  expect(chosenSnapshot(ALL, ALL[2]?.name ?? '', 'care')).toBe(ALL[2]);
  expect(() => chosenSnapshot(ALL, 'v1/vault-care-20261126T100004Z.snap.age', 'care')).toThrow(expect.objectContaining({ code: 'no-snapshot', remedy: expect.stringContaining('v1/vault-care-20261126T100003Z') as string }) as Error);
  expect(() => chosenSnapshot([], 'newest', 'care')).toThrow(expect.objectContaining({ code: 'no-snapshot' }) as Error);
});

test('an address is a bucket, and perhaps a folder in it', () => {
  expect(snapshotStorage({ ...ACCOUNT, url: 'https://s3.example:9000/snapshots' })).toMatchObject({ endpoint: 'https://s3.example:9000', bucket: 'snapshots', prefix: '', region: 'us-east-1' });
  expect(snapshotStorage({ ...ACCOUNT, url: 'https://s3.example/snapshots/of/care' })).toMatchObject({ bucket: 'snapshots', prefix: 'of/care/' });
});

test.each<[string, object]>([
  ['no storage', { url: undefined }],
  ['no bucket', { url: 'https://s3.example:9000' }],
  ['no TLS', { url: 'http://s3.example:9000/snapshots' }],
  ['no account', { url: 'https://s3.example:9000/snapshots', secretKey: undefined }],
])('%s is told with what to set', (_what, more) => {
  expect(() => snapshotStorage({ ...ACCOUNT, url: undefined, ...more })).toThrow(expect.objectContaining({ code: 'no-storage', kind: 'bad-input' }) as Error);
});
