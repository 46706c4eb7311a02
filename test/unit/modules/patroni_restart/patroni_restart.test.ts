import { expect, test } from 'vitest';
import { decideRestart, type Restart } from '../../../../src/modules/patroni_restart/decide.ts';
import { patroniRestart } from '../../../../src/modules/patroni_restart/index.ts';
import { patroniProcess, type PatroniProcess } from '../../../../src/modules/patroni_restart/query.ts';
import { goldenCases } from '../golden.ts';

goldenCases(patroniRestart, import.meta.url);

const unpacked = (name: string, time: number): PatroniProcess['unpacked'][number] => ({ name, version: '1-1', time });

test.each<[string, PatroniProcess, Restart]>([
  ['both are younger than their packages', { patroni: 100, postgres: 100, unpacked: [unpacked('patroni', 50), unpacked('postgresql-17', 99)] }, { type: 'done' }],
  ['Patroni is older', { patroni: 100, postgres: 200, unpacked: [unpacked('patroni', 150)] }, { type: 'restart', why: 'patroni 1-1' }],
  ['PostgreSQL is older, Patroni is not', { patroni: 200, postgres: 100, unpacked: [unpacked('postgresql-17', 150), unpacked('patroni', 50)] }, { type: 'restart', why: 'postgresql-17 1-1' }],
  ['in the same second', { patroni: 100, postgres: 101, unpacked: [unpacked('patroni', 100)] }, { type: 'restart', why: 'patroni 1-1' }],
  ['PostgreSQL is not started', { patroni: 100, postgres: undefined, unpacked: [unpacked('postgresql-17', 50)] }, { type: 'done' }],
  ['Patroni does not run', { patroni: undefined, postgres: 100, unpacked: [unpacked('patroni', 500)] }, { type: 'stopped' }],
])('%s', (_what, process, expected) => {
  expect(decideRestart(process)).toEqual(expected);
});

test('what the host prints is read', () => {
  const key = { unit: 'care-patroni.service', dataDir: '/d', packages: ['patroni', 'libpq5'] };
  const parse = (head: string, ...sections: string[]): unknown => patroniProcess(key).kind.parse([key], { head: Buffer.from(head), sections: sections.map((s) => Buffer.from(s)) });
  expect(parse('1764137000\n', '1764137002\n', 'patroni 1764136000 4.0.7-3~deb13u1\nlibpq5 1764136001 17.12-0+deb13u1\n')).toEqual([
    { patroni: 1764137000, postgres: 1764137002, unpacked: [{ name: 'patroni', version: '4.0.7-3~deb13u1', time: 1764136000 }, { name: 'libpq5', version: '17.12-0+deb13u1', time: 1764136001 }] },
  ]);
  expect(parse('', '', '')).toEqual([{ patroni: undefined, postgres: undefined, unpacked: [] }]);
});
