import { expect, test } from 'vitest';
import type { PgbackrestBackup, PgbackrestFact } from '../../../../src/host/kinds/pgbackrest.ts';
import { PgbackrestBackupArgs, pgbackrestBackup, withoutBackup } from '../../../../src/modules/pgbackrest_backup/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(pgbackrestBackup, import.meta.url);

const args = (more: Record<string, unknown> = {}): ReturnType<typeof PgbackrestBackupArgs.parse> => PgbackrestBackupArgs.parse({ stanza: 'care', repositories: [1], unit: 'backup@full.service', ...more });
const full: PgbackrestBackup = { label: '20261126-062047F', type: 'full', databaseId: 1, stop: 100 };
const fact = (backups: readonly PgbackrestBackup[], id = 1): PgbackrestFact => ({ configured: true, cluster: undefined, error: undefined, repositories: [{ key: 1, code: 0, message: 'ok', cluster: { id, systemId: '1', version: '17' }, backups }] });

test('a full backup of the cluster is what counts', () => {
  expect(withoutBackup(args(), fact([full]))).toEqual([]);
  expect(withoutBackup(args(), fact([]))).toEqual([1]);
  expect(withoutBackup(args(), fact([{ ...full, type: 'incr' }]))).toEqual([1]);
});

test('one of before a major upgrade, in another repository, or too old does not count', () => {
  expect(withoutBackup(args(), fact([full], 2))).toEqual([1]);
  expect(withoutBackup(args({ repositories: [1, 2] }), fact([full]))).toEqual([2]);
  expect(withoutBackup(args({ newer_than: 100 }), fact([full]))).toEqual([1]);
  expect(withoutBackup(args({ newer_than: 99 }), fact([full]))).toEqual([]);
});
