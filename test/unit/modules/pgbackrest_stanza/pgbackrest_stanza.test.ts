import { describe, expect, test } from 'vitest';
import { pgbackrest, type PgbackrestFact, type PgbackrestRepository } from '../../../../src/host/kinds/pgbackrest.ts';
import { decideStanza } from '../../../../src/modules/pgbackrest_stanza/decide.ts';
import { pgbackrestStanza } from '../../../../src/modules/pgbackrest_stanza/index.ts';
import { PgbackrestStanzaArgs } from '../../../../src/modules/pgbackrest_stanza/schema.ts';
import { goldenCases } from '../golden.ts';

goldenCases(pgbackrestStanza, import.meta.url);

const containing = (text: string): unknown => expect.stringContaining(text);
const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const CLUSTER = { systemId: '7600000000000000001', version: '17' };
const args = (more: Record<string, unknown> = {}): PgbackrestStanzaArgs => PgbackrestStanzaArgs.parse({ stanza: 'care', repositories: [1, 2], data_dir: '/d', bin_dir: '/b', ...more });
const empty = (key: number): PgbackrestRepository => ({ key, code: 1, message: 'missing stanza path', cluster: undefined, backups: [] });
const holding = (key: number, cluster: { systemId: string; version: string } = CLUSTER): PgbackrestRepository => ({
  key, code: 0, message: 'ok', cluster: { id: 1, ...cluster }, backups: [{ label: '20261122-010000F', type: 'full', databaseId: 1, stop: 1_795_000_000 }],
});
const fact = (repositories: readonly PgbackrestRepository[], more: Partial<PgbackrestFact> = {}): PgbackrestFact => ({ configured: true, cluster: CLUSTER, error: undefined, repositories, ...more });
const decide = (f: PgbackrestFact, more: Record<string, unknown> = {}, checkMode = false): ReturnType<typeof decideStanza> => decideStanza(args(more), f, checkMode);

describe('what is done about a stanza', () => {
  test('nothing, where every repository is for this cluster', () => {
    expect(decide(fact([holding(1), holding(2)]))).toEqual({ type: 'done' });
  });

  test('it is made in repositories that lack it, also in a new second one', () => {
    expect(decide(fact([empty(1), empty(2)]))).toEqual({ type: 'create', keys: [1, 2] });
    expect(decide(fact([holding(1)]))).toEqual({ type: 'create', keys: [2] });
  });

  test("another cluster's repository is refused, with what is in it and what to do", () => {
    const step = decide(fact([holding(1, { systemId: '7599999999999999999', version: '17' }), holding(2)]));
    expect(step).toMatchObject({ type: 'refuse', msg: matching(/repo1 .*7599999999999999999, newest backup 20261122-010000F.*7600000000000000001/) });
    expect(step).toMatchObject({ remedy: containing('postgres-restore.yml') });
  });

  test('a later version is an upgrade only when that was said', () => {
    const old = { systemId: '7599999999999999999', version: '15' };
    expect(decide(fact([holding(1, old), holding(2, old)]))).toMatchObject({ type: 'refuse', remedy: containing('postgres_backup_stanza_upgrade') });
    expect(decide(fact([holding(1, old), holding(2, old)]), { upgrade: true })).toEqual({ type: 'upgrade', keys: [1, 2], from: '15' });
    // Cut off between two repositories: the rest is done.
    expect(decide(fact([holding(1), holding(2, old)]), { upgrade: true })).toEqual({ type: 'upgrade', keys: [2], from: '15' });
  });

  test('the announcement of an upgrade does not open the repository to another cluster of the same version, or an older one', () => {
    expect(decide(fact([holding(1, { systemId: '1', version: '17' })]), { upgrade: true })).toMatchObject({ type: 'refuse' });
    expect(decide(fact([holding(1, { systemId: '1', version: '18' })]), { upgrade: true })).toMatchObject({ type: 'refuse' });
  });

  test('a repository that can not be asked is not taken for an empty one', () => {
    const away: PgbackrestRepository = { ...empty(2), code: 99, message: '[HostConnectError] unable to connect' };
    expect(decide(fact([holding(1), away]))).toMatchObject({ type: 'refuse', msg: containing('unable to connect') });
    expect(decide(fact([], { error: 'exit status 124' }))).toMatchObject({ type: 'refuse', msg: containing('exit status 124') });
  });
});

describe('check mode', () => {
  test('predicts the making on hosts that have nothing yet', () => {
    expect(decide({ configured: false, cluster: undefined, error: undefined, repositories: [] }, {}, true)).toEqual({ type: 'create', keys: [1, 2] });
    expect(decide(fact([empty(1), empty(2)], { cluster: undefined }), {}, true)).toEqual({ type: 'create', keys: [1, 2] });
    expect(decide({ configured: false, cluster: undefined, error: undefined, repositories: [] })).toMatchObject({ type: 'refuse' });
  });

  test('does not take a server that is down for an empty repository', () => {
    const away: PgbackrestRepository = { ...empty(1), code: 99, message: '[HostConnectError] unable to connect' };
    expect(decide(fact([away, holding(2)]), {}, true)).toEqual({ type: 'done' });
  });

  test('predicts the refusal of a new cluster beside an old repository', () => {
    expect(decide(fact([holding(1), holding(2)], { cluster: undefined }), {}, true)).toMatchObject({ type: 'refuse', msg: containing('a new cluster would be made') });
  });
});

describe('the query', () => {
  const query = pgbackrest({ stanza: 'care', dataDir: '/d', binDir: '/b' });
  const parse = (head: string, ...sections: readonly string[]): PgbackrestFact => query.kind.parse([query.key], { head: Buffer.from(head), sections: sections.map((s) => Buffer.from(s)) })[0] as PgbackrestFact;
  // As pgBackRest 2.55 prints it, shortened.
  const INFO = `[{"archive":[],"backup":[
    {"database":{"id":1,"repo-key":1},"error":false,"label":"20261126-062047F","timestamp":{"start":1,"stop":2},"type":"full"},
    {"database":{"id":1,"repo-key":1},"error":true,"label":"20261126-062048F","timestamp":{"start":1,"stop":3},"type":"full"},
    {"database":{"id":2,"repo-key":2},"error":null,"label":"20261126-062049F","timestamp":{"start":1,"stop":2},"type":"full"}],
    "db":[{"id":1,"repo-key":1,"system-id":7599999999999999999,"version":"15"},{"id":2,"repo-key":1,"system-id":7600000000000000001,"version":"17"}],
    "name":"care","repo":[{"cipher":"aes-256-cbc","key":1,"status":{"code":0,"message":"ok"}},{"cipher":"none","key":2,"status":{"code":99,"message":"key/value found outside of section: Salted__\u0001\u001b"}}]}]`;

  test('keeps all digits of system identifiers, the newest cluster of a repository, and leaves out backups with errors', () => {
    expect(parse('yes\n', '17\n7600000000000000001\n', `0\n${INFO}`)).toEqual({
      configured: true,
      cluster: CLUSTER,
      error: undefined,
      repositories: [
        { key: 1, code: 0, message: 'ok', cluster: { id: 2, systemId: '7600000000000000001', version: '17' }, backups: [{ label: '20261126-062047F', type: 'full', databaseId: 1, stop: 2 }] },
        { key: 2, code: 99, message: 'key/value found outside of section: Salted__  ', cluster: undefined, backups: [{ label: '20261126-062049F', type: 'full', databaseId: 2, stop: 2 }] },
      ],
    });
  });

  test('tells what is missing, and what went wrong', () => {
    expect(parse('no\n', '', '')).toEqual({ configured: false, cluster: undefined, error: undefined, repositories: [] });
    expect(parse('yes\n', '', '37\nP00  ERROR: [037]: option missing')).toMatchObject({ configured: true, error: 'P00  ERROR: [037]: option missing' });
    expect(parse('yes\n', '', '124\n')).toMatchObject({ error: 'no answer within 40 s' });
  });
});
