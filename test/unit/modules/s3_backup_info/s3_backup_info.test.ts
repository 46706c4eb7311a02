import { describe, expect, test } from 'vitest';
import { backupOf, digestIn, keyOfName, wholeBackups, type Naming } from '../../../../src/modules/s3_backup_info/choose.ts';
import { s3BackupInfo } from '../../../../src/modules/s3_backup_info/index.ts';
import { findBackup, type BackupFound } from '../../../../src/modules/s3_backup_info/query.ts';
import type { Asker } from '../../../../src/modules/common/s3/kind.ts';
import type { S3Answer } from '../../../../src/services/s3/client.ts';
import type { S3Request } from '../../../../src/services/s3/sign.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { goldenCases } from '../golden.ts';

goldenCases(s3BackupInfo, import.meta.url);

const NAMING: Naming = { folder: 'care', begins: 'care-', suffix: '.tar.age' };
const name = (host: string, time: string): string => `care/${host}/care-${host}-${time}.tar.age`;
const OLD = name('k1', '20261126T230300Z');
const NEW = name('k2', '20261127T010300Z');
const withSums = (...keys: readonly string[]): readonly string[] => keys.flatMap((key) => [key, `${key}.sha256`]);
const stored = (keys: readonly string[]): readonly { readonly key: string; readonly size: number }[] => keys.map((key) => ({ key, size: 7 }));

describe('what is a backup', () => {
  test('its host, its name and its time', () => {
    expect(backupOf({ key: NEW, size: 7 }, NAMING)).toEqual({ key: NEW, size: 7, host: 'k2', file: 'care-k2-20261127T010300Z.tar.age', time: '2026-11-27T01:03:00Z' });
    expect(backupOf({ key: 'db-1/db-1-20261127T010300Z.age', size: 7 }, { folder: '', begins: '', suffix: '.age' })?.host).toBe('db-1');
  });

  test.each(['care/k1/readme', `${NEW}.sha256`, 'other/k1/care-k1-20261127T010300Z.tar.age', 'care/k1/deeper/care-k1-20261127T010300Z.tar.age', 'care/k1/test-k1-20261127T010300Z.tar.age', 'care/k1/care-k1-newest.tar.age', 'care/care-k1-20261127T010300Z.tar.age'])('%s is none', (key) => {
    expect(backupOf({ key, size: 7 }, NAMING)).toBeUndefined();
  });

  test('the newest by their names, of those that are whole', () => {
    const later = name('k3', '20261127T020300Z');
    expect(wholeBackups(stored([...withSums(NEW, OLD), later]), NAMING).map((each) => each.key)).toEqual([NEW, OLD]);
  });

  test('where one is that is named', () => {
    expect([keyOfName('k1/care-k1-20261126T230300Z.tar.age', NAMING), keyOfName('care-k1-20261126T230300Z.tar.age', NAMING)]).toEqual([OLD, OLD]);
    expect(keyOfName('care-new-control-1-20261126T230300Z.tar.age', NAMING)).toBe('care/new-control-1/care-new-control-1-20261126T230300Z.tar.age');
    expect([keyOfName('care-k1.tar.age', NAMING), keyOfName('test-k1-20261126T230300Z.tar.age', NAMING)]).toEqual([undefined, undefined]);
  });

  test('a digest is one of sha256sum', () => {
    expect([digestIn(`${'a'.repeat(64)}  x.tar.age\n`), digestIn('a  x'), digestIn('')]).toEqual(['a'.repeat(64), undefined, undefined]);
  });
});

const PAGE = 3;
const SUM = 'b'.repeat(64);
/** A store that has these objects, by pages, and what it was asked. */
function store(keys: readonly string[], { mayList = true, sums = SUM }: { readonly mayList?: boolean; readonly sums?: string } = {}): { readonly asker: Asker; readonly asked: S3Request[] } {
  const asked: S3Request[] = [];
  const answer = (body: string, headers: S3Answer['headers'] = {}): S3Answer => ({ status: 200, headers: { date: 'Fri, 27 Nov 2026 03:59:00 GMT', ...headers }, body: Buffer.from(body) });
  const asker: Asker = {
    read: () => Promise.reject(new Error('not asked here')),
    readUnless(codes, request) {
      asked.push(request);
      const { path, query } = request;
      if (query !== undefined) {
        if (!mayList) return Promise.resolve(codes.includes('AccessDenied') ? undefined : Promise.reject(new Error('AccessDenied')));
        const from = Number(query['continuation-token'] ?? '0');
        const matching = keys.filter((key) => key.startsWith(query['prefix'] ?? '')).sort();
        const more = matching.length > from + PAGE;
        return Promise.resolve(answer(`<ListBucketResult><IsTruncated>${String(more)}</IsTruncated>${more ? `<NextContinuationToken>${String(from + PAGE)}</NextContinuationToken>` : ''}${matching.slice(from, from + PAGE).map((key) => `<Contents><Key>${key}</Key><Size>4096</Size></Contents>`).join('')}</ListBucketResult>`));
      }
      const key = path.replace('/etcd-backups/', '');
      if (!keys.includes(key)) return Promise.resolve(undefined);
      return Promise.resolve(key.endsWith('.sha256') ? answer(`${sums}  file\n`) : answer('a', { 'content-range': 'bytes 0-0/4096' }));
    },
    opened: () => Promise.reject(new Error('not asked here')),
    as: () => asker,
  };
  return { asker, asked };
}
const login = { endpoint: 'https://s3.site.example:9443', region: 'us-east-1', accessKey: 'etcd-restore', secretKey: new Secret('KeyOfThePeople2026'), ca: undefined };
const find = (of: { readonly asker: Asker }, wanted = 'newest'): Promise<BackupFound> => findBackup({ login, bucket: 'etcd-backups', naming: NAMING, name: wanted }, of.asker);

describe('asking a store', () => {
  test('the newest of many pages, with a link for it alone, and no key in it', async () => {
    const many = withSums(...Array.from({ length: 9 }, (_, i) => name('k1', `2026111${String(i)}T230300Z`)), NEW, name('a0', '20260101T000000Z'));
    const found = await find(store(many));
    expect(found).toMatchObject({ type: 'found', backup: { key: NEW, size: 4096 }, sha256: SUM, ageHours: 2 });
    const link = new URL(found.type === 'found' ? found.link.reveal() : '');
    expect([link.origin, link.pathname, link.searchParams.get('X-Amz-Expires')]).toEqual(['https://s3.site.example:9443', `/etcd-backups/${NEW}`, '21600']);
    expect(link.href).not.toContain('KeyOfThePeople');
  });

  test('one that is named is found by an account that may not list', async () => {
    const { asker, asked } = store(withSums(NEW, OLD), { mayList: false });
    expect(await find({ asker }, 'care-k1-20261126T230300Z.tar.age')).toMatchObject({ type: 'found', backup: { key: OLD, size: 4096 }, sha256: SUM, ageHours: 4 });
    expect(asked.filter((request) => request.query !== undefined)).toEqual([]);
    expect(await find({ asker })).toEqual({ type: 'forbidden', what: 'list' });
    expect(await find({ asker }, 'care-k1-20261126T000000Z.tar.age')).toEqual({ type: 'absent', newest: [] });
  });

  test('one that is not there is told of with those that are; nothing at all, as nothing', async () => {
    expect(await find(store(withSums(NEW, OLD)), 'k9/care-k9-20261126T000000Z.tar.age')).toEqual({ type: 'absent', newest: ['k2/care-k2-20261127T010300Z.tar.age', 'k1/care-k1-20261126T230300Z.tar.age'] });
    expect(await find(store(['care/k1/readme']))).toEqual({ type: 'absent', newest: [] });
  });

  test('one without a sum, or with something else for it, is not taken', async () => {
    expect(await find(store([NEW]), 'care-k2-20261127T010300Z.tar.age')).toEqual({ type: 'no-sum', key: NEW });
    expect(await find(store(withSums(NEW), { sums: '<html>' }))).toEqual({ type: 'no-sum', key: NEW });
  });
});
