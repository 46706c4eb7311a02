import { describe, expect, test } from 'vitest';
import { statusJson, statusText, age, bytes } from '../../../src/cli/reporters/db-status.ts';
import { painter } from '../../../src/cli/terminal/colour.ts';
import { readBackups, readExpiries, readFacts, type BackupFacts, type LeaderFacts } from '../../../src/operations/postgres/facts.ts';
import { judgeStatus, together, type ClusterStatus } from '../../../src/operations/postgres/status.ts';
import { cluster, healthy, member } from './support.ts';

/** As PostgreSQL 17 answers. */
const facts = (more: Partial<LeaderFacts> = {}): LeaderFacts => ({
  ...readFacts(JSON.stringify({
    version: '17.12 (Debian 17.12-0+deb13u1)', size_bytes: 30_830_231, frozen_xid_age: 42, oldest_transaction: null, oldest_prepared: null,
    connections: { most: 200, total: 2, active: 0, idle_in_transaction: 0, waiting: 0 },
    slots: [{ name: 'a2', type: 'physical', active: true, retained_bytes: 0, wal_status: 'reserved' }],
    replication: [{ name: 'a2', state: 'streaming', sync: 'quorum', lag_bytes: 0, lag_seconds: null }, { name: 'b1', state: 'streaming', sync: 'quorum', lag_bytes: 320, lag_seconds: 0.002 }],
  })),
  ...more,
});

/** As role postgres_backup writes it, shortened. */
const backups = (more: Partial<BackupFacts> = {}): BackupFacts => ({
  ...readBackups(JSON.stringify({
    host: 'a1', stanza: 'care', repositories: [{ key: 1, ok: true, status: 'ok', backups: 1, newest: { full: { label: '20261126-072401F', age_seconds: 34 }, diff: null, incr: null }, newest_age_seconds: 34 }],
    archive: { role: 'leader', age_seconds: 32, waiting_files: 0 }, restore_proofs: [], problems: [],
  })),
  ...more,
});

const judge = (more: Partial<Parameters<typeof judgeStatus>[1]>): ReturnType<typeof judgeStatus> => judgeStatus(cluster(), { view: healthy(), facts: facts(), certificates: [{ host: 'a1', first: { file: '/etc/postgresql/pki/server.crt', days: 89 } }], backups: backups(), ...more });

describe('the judgement', () => {
  test('of a healthy cluster', () => { expect(judge({})).toEqual({ problems: [], warnings: [] }); });

  test.each<readonly [string, Parameters<typeof judge>[0], string]>([
    ['seconds behind', { facts: facts({ replication: [{ name: 'a2', state: 'streaming', sync: 'quorum', lag_bytes: 9, lag_seconds: 61 }] }) }, 'a2 is 61 s behind'],
    ['a slot that has lost its WAL', { facts: facts({ slots: [{ name: 'b1', type: 'physical', active: false, retained_bytes: null, wal_status: 'lost' }] }) }, 'slot b1 has lost its WAL: its replica must be made anew (care-provision db reinit)'],
    ['an ended certificate', { certificates: [{ host: 'a1', first: { file: 'server.crt', days: -1 } }] }, 'a1: server.crt is no longer valid'],
    ['an old backup', { backups: backups({ repositories: [{ key: 2, ok: true, newest_age_seconds: 30 * 3600 }] }) }, 'backup: the newest of repository 2 is 30 h old'],
    ['no backup', { backups: backups({ repositories: [{ key: 1, ok: false, newest_age_seconds: null }] }) }, 'backup: repository 1 has no backup'],
    ['what the backups complain of', { backups: backups({ problems: ['repository 1: no valid backups'] }) }, 'backup: repository 1: no valid backups'],
    ['the members', { view: { ...healthy(), members: healthy().members.slice(0, 2) } }, 'b1 is not in the cluster'],
  ])('finds %s to be a problem', (_name, more, problem) => { expect(judge(more).problems).toContain(problem); });

  test.each<readonly [string, Parameters<typeof judge>[0], string]>([
    ['a pending restart', { view: { ...healthy(), members: healthy().members.map((m) => ({ ...m, pendingRestart: m.name === 'b1' })) } }, 'b1 must be restarted for a changed parameter to count'],
    ['an old transaction', { facts: facts({ oldest_transaction: { seconds: 7200, what: '4711 of care in care, idle in transaction' } }) }, 'a transaction is open for 120 min: 4711 of care in care, idle in transaction'],
    ['an old prepared transaction', { facts: facts({ oldest_prepared: { seconds: 1200, what: 'x of care in care' } }) }, 'a prepared transaction waits for 20 min: x of care in care'],
    ['many connections', { facts: facts({ connections: { most: 100, total: 90, active: 1, idle_in_transaction: 0, waiting: 0 } }) }, '90 of 100 connections are in use'],
    ['a slot that keeps much', { facts: facts({ slots: [{ name: 'x', type: 'logical', active: false, retained_bytes: 8 * 1024 ** 3, wal_status: 'extended' }] }) }, 'slot x, which nobody uses, keeps 8 GiB of WAL'],
    ['a certificate near its end', { certificates: [{ host: 'a1', first: { file: 'server.crt', days: 3 } }] }, 'a1: server.crt is valid for 3 days more'],
    ['old transaction ids', { facts: facts({ frozen_xid_age: 600_000_000 }) }, 'the oldest transaction id is 600 million transactions old: vacuum does not keep up'],
    ['an idle archive', { backups: backups({ archive: { age_seconds: 1800 } }) }, 'the last WAL file was archived 30 min ago'],
    ['a restore not proven', { backups: backups({ restore_proofs: [{ ok: true, age_seconds: 10 * 86_400 }] }) }, 'the last proven restore is 10 days old'],
  ])('warns of %s', (_name, more, warning) => {
    expect(judge(more)).toEqual({ problems: [], warnings: [warning] });
  });
});

test('backups are what the database hosts and the repositories tell together', () => {
  const repository = backups({ archive: null, repositories: [{ key: 2, ok: true }, { key: 1, ok: false }], restore_proofs: [{ ok: true, age_seconds: 5 }], problems: ['x'] });
  expect(together([backups(), repository, undefined, 'b3 does not answer'])).toMatchObject({ repositories: [{ key: 1, ok: true }, { key: 2 }], archive: { age_seconds: 32 }, restore_proofs: [{ age_seconds: 5 }], problems: ['x', 'b3 does not answer'] });
  expect(together([undefined, 'b3 does not answer'])).toBe('b3 does not answer');
  expect(together([undefined])).toBeUndefined();
});

test('answers that are not understood are refused', () => {
  expect(() => readFacts('psql: error')).toThrow(/not JSON/);
  expect(() => readFacts('{}')).toThrow(/not what was asked for/);
  expect(() => readBackups('{"host":1}')).toThrow(/not what role postgres_backup writes/);
  expect(readExpiries('#file /a.crt\nno certificate\n', 0)).toEqual([]);
});

describe('the text', () => {
  const status = (more: Partial<ClusterStatus> = {}): ClusterStatus => ({ cluster: 'care', view: healthy(), facts: facts(), backups: backups(), certificates: ['a1', 'a2', 'b1'].map((host) => ({ host, first: { file: 'server.crt', days: 89 } })), problems: [], warnings: [], ...more });

  test('fits 80 columns', () => {
    const text = statusText(status(), painter(false));
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text).toMatchInlineSnapshot(`
      "cluster care  healthy  PostgreSQL 17.12 (Debian 17.12-0+deb13u1), 29.4 MiB

      member  role    state      timeline  behind
      a1      leader  running    1
      a2      quorum  streaming  1         0       0 s
      b1      quorum  streaming  1         0       0.002 s

      replication   synchronous_mode quorum, failsafe on, ttl 20 s
      connections   2 of 200; 0 active, 0 idle in transaction, 0 waiting for a lock
      transactions  oldest none; oldest prepared none
      slots         a2 0
      backup 1      full 34 s, differential –, incremental – ago
      archive       last WAL 32 s ago, 0 waiting
      certificates  a1 89 d, a2 89 d, b1 89 d"
    `);
  });

  test('says what is wrong, tags and all, and hosts can not steer the terminal', () => {
    const view = { ...healthy(), leader: undefined, primaries: [], members: [member('a\u001b[2J', { tags: { nosync: true, failover_priority: 0 }, pendingRestart: true, lagBytes: undefined })] };
    const text = statusText(status({ view, facts: undefined, backups: undefined, problems: ['no member takes writes: there is no leader'] }), painter(false));
    expect(text).toContain('NOT HEALTHY');
    expect(text).toContain('nosync failover_priority=0, restart pending');
    expect(text).toContain('problem       no member takes writes');
    expect(text).not.toContain('\u001b');
  });

  test('as JSON', () => {
    expect(statusJson(status())).toMatchObject({ type: 'status', cluster: 'care', healthy: true, leader: 'a1', members: [{ name: 'a1', role: 'leader' }, { name: 'a2', lag_seconds: 0, certificate_days: 89 }, { name: 'b1', lag_seconds: 0.002 }] });
    expect(statusJson(status({ problems: ['x'] }))['healthy']).toBe(false);
  });

  test('bytes and ages', () => {
    expect([bytes(0), bytes(640), bytes(1536), bytes(200 * 1024 ** 2), bytes(undefined)]).toEqual(['0', '640 B', '1.5 KiB', '200 MiB', '?']);
    expect([age(34), age(720), age(18_000), age(259_200), age(null)]).toEqual(['34 s', '12 min', '5 h', '3 d', '–']);
  });
});
