import { describe, expect, test } from 'vitest';
import { decideAbsent, decidePresent, decideReload, decideRestart, isWell, successor, type Step } from '../../../../src/modules/patroni_member/decide.ts';
import { patroniMember } from '../../../../src/modules/patroni_member/index.ts';
import { parseDcs, patroni, type DcsFact, type PatroniFact, type RestFact } from '../../../../src/modules/patroni_member/query.ts';
import { PatroniMemberArgs } from '../../../../src/modules/patroni_member/schema.ts';
import { stepScript } from '../../../../src/modules/patroni_member/steps.ts';
import { goldenCases } from '../golden.ts';

goldenCases(patroniMember, import.meta.url);

const url = (name: string): string => `https://${name}:8008`;
const peer = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({ name, rest_url: url(name), seen: true, ...more });

function args(name = 'a', more: Record<string, unknown> = {}, members: readonly Record<string, unknown>[] = ['a', 'b', 'c'].map((n) => peer(n))): PatroniMemberArgs {
  return PatroniMemberArgs.parse({ name, scope: 'care', version: '17', members, data_dir: '/d', bin_dir: '/b', cacert: '/ca', cert: '/c', key: '/k', etcd: { endpoints: ['https://a:2379'], cacert: '/eca', cert: '/ec', key: '/ek' }, ...more });
}

const rest = (name: string, more: Partial<RestFact> = {}): RestFact => ({ name, state: 'running', role: 'replica', timeline: 1, systemId: '1', streaming: true, pendingRestart: false, awaitsLeader: false, ...more });
const leader = rest('a', { role: 'primary', streaming: false });

/** A cluster of a, which leads, b and c, seen from one of them. */
function cluster(more: Partial<PatroniFact> = {}, members: readonly RestFact[] = [leader, rest('b'), rest('c')]): PatroniFact {
  return {
    canAsk: true,
    active: 'active',
    data: { type: 'cluster', version: '17', systemId: '1', edited: false },
    dcs: { systemId: '1', leader: 'a', members: members.map((m) => ({ name: m.name, role: m.role, state: m.state, apiUrl: url(m.name) })), sync: ['b', 'c'], paused: false, slots: [], config: '{}' },
    rest: members,
    taken: '{}',
    ...more,
  };
}
const NOBODY: PatroniFact = { canAsk: true, active: 'inactive', data: { type: 'empty' }, dcs: { systemId: undefined, leader: undefined, members: [], sync: [], paused: false, slots: [], config: undefined }, rest: [], taken: undefined };
const fresh: Partial<PatroniFact> = { active: 'inactive', data: { type: 'empty' } };
const refused = (msg: string): unknown => expect.objectContaining({ type: 'refuse', msg: expect.stringContaining(msg) as unknown });

describe('present', () => {
  test('a member that works is left', () => {
    expect(decidePresent(args('a'), cluster(), false)).toEqual({ type: 'done' });
    expect(decidePresent(args('b'), cluster(), false)).toEqual({ type: 'done' });
  });

  test('a cluster is made by the first host, and by no other', () => {
    expect(decidePresent(args('a'), NOBODY, false)).toEqual({ type: 'bootstrap' });
    expect(decidePresent(args('b'), NOBODY, false)).toEqual(refused('a has not made the cluster'));
    expect(decidePresent(args('b'), NOBODY, true)).toEqual({ type: 'join' });
  });

  test.each([
    ['another host has data', peer('b', { data: true }), 'b has data'],
    ['another host was not looked at', peer('b', { seen: false }), 'not looked at b'],
  ])('no cluster is made when %s', (_why, other, msg) => {
    expect(decidePresent(args('a', {}, [peer('a'), other]), NOBODY, false)).toEqual(refused(msg));
  });

  test('etcd that does not answer is no empty etcd', () => {
    expect(decidePresent(args('a'), { ...NOBODY, dcs: undefined }, false)).toEqual(refused('etcd does not answer'));
    expect(decidePresent(args('a'), { ...NOBODY, dcs: undefined }, true)).toEqual({ type: 'bootstrap' });
  });

  test('an empty host joins; not where nobody leads', () => {
    expect(decidePresent(args('c'), cluster(fresh, [leader, rest('b')]), false)).toEqual({ type: 'join' });
    expect(decidePresent(args('c', {}, [peer('a', { data: true }), peer('c')]), cluster(fresh, []), false)).toEqual(refused('no leader to copy'));
  });

  test('a cluster whose data is nowhere is not made anew', () => {
    expect(decidePresent(args('a'), cluster(fresh, []), false)).toEqual(refused('no host has its data'));
  });

  test('a stopped member is started, and not waited for where nobody leads', () => {
    expect(decidePresent(args('c'), cluster({ active: 'inactive' }, [leader, rest('b')]), false)).toEqual({ type: 'start', wait: true });
    expect(decidePresent(args('c'), cluster({ active: 'failed' }, []), false)).toEqual({ type: 'start', wait: false });
  });

  test('after a power cut a member that runs is enough, until all are asked to be well', () => {
    const dark = cluster({}, []);
    expect(decidePresent(args('c', { leaderless: true }), { ...dark, dcs: dark.dcs && { ...dark.dcs, leader: undefined } }, false)).toEqual({ type: 'done' });
    expect(decidePresent(args('c'), { ...dark, dcs: dark.dcs && { ...dark.dcs, leader: undefined } }, false)).toEqual(refused('has no leader'));
  });

  test('where etcd has lost everything, members with data are started', () => {
    expect(decidePresent(args('a'), { ...cluster({ active: 'inactive' }), dcs: NOBODY.dcs }, false)).toEqual({ type: 'start', wait: false });
  });

  test('a replica that does not stream is told of', () => {
    expect(decidePresent(args('c'), cluster({}, [leader, rest('b'), rest('c', { state: 'starting', streaming: false })]), false)).toEqual(refused('c is starting, not streaming'));
  });

  test('what is not ours is refused, and set aside when told so', () => {
    const foreign = cluster({ active: 'inactive', data: { type: 'foreign', holds: 'photos' } });
    const other = cluster({ active: 'inactive', data: { type: 'cluster', version: '17', systemId: '2', edited: false } });
    expect(decidePresent(args('c'), foreign, false)).toEqual(refused('it holds photos'));
    expect(decidePresent(args('c'), other, false)).toEqual(refused('belongs to another cluster (2; care is 1)'));
    expect(decidePresent(args('c', { replace: true }), foreign, false)).toMatchObject({ type: 'set-aside' });
    expect(decidePresent(args('c', { replace: true }), other, false)).toMatchObject({ type: 'set-aside' });
    // Never the cluster's own data.
    expect(decidePresent(args('b', { replace: true }), cluster(), false)).toEqual({ type: 'done' });
  });

  test('data of another major version is refused', () => {
    expect(decidePresent(args('b', { version: '18' }), cluster(), false)).toEqual(refused('PostgreSQL 17, not 18'));
  });
});

describe('restarted', () => {
  test('a replica is restarted, a leader hands over to one in sync first', () => {
    expect(decideRestart(args('b'), cluster())).toEqual({ type: 'restart-unit' });
    const fact = cluster();
    expect(decideRestart(args('a'), { ...fact, dcs: fact.dcs && { ...fact.dcs, sync: ['c'] } })).toEqual({ type: 'switchover', from: 'a', to: 'c' });
  });

  test('not while another is ill, unless it is ill itself', () => {
    const ill = cluster({}, [leader, rest('b'), rest('c', { state: 'stopped', streaming: false })]);
    expect(decideRestart(args('b'), ill)).toEqual(refused('c is not well'));
    expect(decideRestart(args('c'), ill)).toEqual({ type: 'restart-unit' });
    expect(decideRestart(args('c', { only_if: 'ill' }), ill)).toEqual({ type: 'restart-unit' });
    expect(decideRestart(args('b', { only_if: 'ill' }), ill)).toEqual({ type: 'done' });
  });

  test('a leader without a standby in sync is not restarted', () => {
    const fact = cluster();
    expect(decideRestart(args('a'), { ...fact, dcs: fact.dcs && { ...fact.dcs, sync: ['x'] } })).toEqual(refused('no standby is in sync'));
  });

  test('one that does not run is left', () => {
    expect(decideRestart(args('b'), cluster({ active: 'inactive' }))).toEqual({ type: 'done' });
  });

  const pending = (name: string, members: readonly RestFact[], more: Partial<PatroniFact> = {}): unknown => decideRestart(args(name, { only_if: 'pending' }), cluster(more, members));

  test('only PostgreSQL, and only where a parameter waits', () => {
    const waits = rest('b', { pendingRestart: true });
    expect(pending('b', [leader, rest('b'), rest('c')])).toEqual({ type: 'done' });
    expect(pending('b', [leader, waits, rest('c')])).toEqual({ type: 'restart-postgres' });
    expect(pending('b', [leader, waits, rest('c')], { taken: '{"ttl":20}' })).toEqual(refused('has not taken over'));
  });

  test('a replica whose smaller value must be on the leader first waits for that', () => {
    const waits = rest('b', { pendingRestart: true, awaitsLeader: true });
    expect(pending('b', [{ ...leader, pendingRestart: true }, waits, rest('c')])).toEqual({ type: 'done' });
    expect(pending('b', [leader, waits, rest('c')])).toEqual({ type: 'restart-postgres' });
  });

  test('a leader hands over to one that was restarted; where all still wait, it takes the smaller value first', () => {
    const waits = { ...leader, pendingRestart: true };
    expect(pending('a', [waits, rest('b', { pendingRestart: true }), rest('c')])).toEqual({ type: 'switchover', from: 'a', to: 'c' });
    expect(pending('a', [waits, rest('b', { pendingRestart: true }), rest('c', { pendingRestart: true })])).toEqual({ type: 'restart-postgres' });
  });
});

test('a reload is made where a member runs; with `edited` only for a pg_hba.conf that somebody touched', () => {
  expect(decideReload(args(), cluster())).toEqual({ type: 'reload' });
  expect(decideReload(args(), cluster({ active: 'inactive' }))).toEqual({ type: 'done' });
  expect(decideReload(args('a', { only_if: 'edited' }), cluster())).toEqual({ type: 'done' });
  expect(decideReload(args('a', { only_if: 'edited' }), cluster({ data: { type: 'cluster', version: '17', systemId: '1', edited: true } }))).toEqual({ type: 'reload' });
});

describe('absent', () => {
  const absent = (name: string, fact: PatroniFact, done: readonly Step[] = []): unknown => decideAbsent(args(name, { state: 'absent' }), fact, done);

  test('a leader hands over, a replica leaves, who has left is done', () => {
    expect(absent('a', cluster())).toEqual({ type: 'switchover', from: 'a', to: 'b' });
    expect(absent('b', cluster())).toEqual({ type: 'leave' });
    expect(absent('c', cluster(fresh))).toEqual(refused('etcd still lists c'));
    expect(absent('c', cluster(fresh, [leader, rest('b')]))).toEqual({ type: 'done' });
  });

  test('its slot goes with it, and slots are kept as before afterwards', () => {
    const gone = cluster(fresh, [leader, rest('b')]);
    const dcs = (more: Partial<DcsFact>): PatroniFact => ({ ...gone, dcs: gone.dcs && { ...gone.dcs, ...more } });
    expect(absent('c-1.x', dcs({ slots: ['b', 'c_1_x'] }))).toEqual({ type: 'forget-slots' });
    const forgot: readonly Step[] = [{ type: 'forget-slots' }];
    expect(absent('c', dcs({ slots: ['c'], config: '{"member_slots_ttl":0}' }), forgot)).toEqual(refused('still keeps'));
    expect(absent('c', dcs({ slots: ['b'], config: '{"member_slots_ttl":0}' }), forgot)).toEqual({ type: 'keep-slots' });
    // Declared so, and not ours to change.
    expect(absent('c', dcs({ slots: ['b'], config: '{"member_slots_ttl":0}' }))).toEqual({ type: 'done' });
  });

  test('one that leads does not leave without an heir', () => {
    expect(absent('a', cluster({}, [leader, rest('b', { streaming: false }), rest('c', { streaming: false })]))).toEqual(refused('no standby can take over'));
  });

  test('an inventory that lists less than half of the members is not believed', () => {
    const alone = args('b', { state: 'absent' }, [peer('a'), peer('b')]);
    expect(decideAbsent(alone, cluster(), [])).toEqual(refused('lists only 1 of the 3 members'));
  });
});

test('who takes over is well, in sync, and best without a restart of its own to come', () => {
  expect(successor(args(), cluster({}, [leader, rest('b', { pendingRestart: true }), rest('c')]))?.name).toBe('c');
  expect(successor(args(), cluster({}, [leader, rest('b', { pendingRestart: true }), rest('c', { streaming: false })]))?.name).toBe('b');
  expect(isWell(rest('b', { state: 'streaming' }))).toBe(true);
  expect(isWell(undefined)).toBe(false);
});

describe('answers are read', () => {
  const kv = (key: string, value: string): unknown => ({ key: Buffer.from(`/service/care/${key}`).toString('base64'), value: Buffer.from(value).toString('base64') });

  test('what etcd holds', () => {
    const kvs = [kv('initialize', '7712362954164443491'), kv('leader', 'a'), kv('members/a', '{"role":"master","state":"running","api_url":"https://a:8008/patroni"}'), kv('sync', '{"leader":"a","sync_standby":"b,c","quorum":1}'), kv('status', '{"optime":1,"slots":{"a":1,"gone":1},"retain_slots":["a","b"]}'), kv('config', '{"ttl":20,"pause":true}')];
    expect(parseDcs(JSON.stringify({ header: {}, kvs }), '/service/care/')).toEqual({
      systemId: '7712362954164443491',
      leader: 'a',
      members: [{ name: 'a', role: 'primary', state: 'running', apiUrl: 'https://a:8008/patroni' }],
      sync: ['b', 'c'],
      paused: true,
      slots: ['a', 'b', 'gone'],
      config: '{"ttl":20,"pause":true}',
    });
    expect(parseDcs('{"header":{}}', '/service/care/')).toMatchObject({ systemId: undefined, members: [] });
  });

  test('what a host and the members say', () => {
    const key = { scope: 'care', namespace: 'service', unit: 'u.service', dataDir: '/d', binDir: '/b', hbaFile: '/h', rest: [{ name: 'a', url: url('a') }], cacert: '/ca', etcd: { endpoints: ['https://a:2379'], cacert: '/eca', cert: '/ec', key: '/ek', authFile: '/f' } };
    const said = 'b {"state": "running", "role": "replica", "timeline": 2, "replication_state": "streaming", "database_system_identifier": "7712362954164443491", "pending_restart": true, "pending_restart_reason": {"max_connections": {"old_value": "250", "new_value": "200"}}}\na not JSON\nl {"state": "running", "role": "master", "replication": [{"application_name": "o", "state": "streaming"}, {"application_name": "p", "state": "catchup"}]}\no {"state": "running", "role": "replica"}\n';
    const [fact] = patroni(key).kind.parse([key], { head: Buffer.from('yes\nactive\ncluster\n17\n7712362954164443491\nyes\n\n'), sections: ['', said, '{"ttl":20}', ''].map((t) => Buffer.from(t)) });
    expect(fact).toEqual({
      canAsk: true,
      active: 'active',
      data: { type: 'cluster', version: '17', systemId: '7712362954164443491', edited: true },
      dcs: undefined,
      rest: [
        { name: 'b', state: 'running', role: 'replica', timeline: 2, systemId: '7712362954164443491', streaming: true, pendingRestart: true, awaitsLeader: true },
        // Patroni 3.0 leaves it to the leader to say who streams.
        { name: 'l', state: 'running', role: 'primary', timeline: undefined, systemId: undefined, streaming: false, pendingRestart: false, awaitsLeader: false },
        { name: 'o', state: 'running', role: 'replica', timeline: undefined, systemId: undefined, streaming: true, pendingRestart: false, awaitsLeader: false },
      ],
      taken: '{"ttl":20}',
    });
  });
});

test('a new cluster begins with its roles; the password is in no script', () => {
  const script = stepScript({ type: 'bootstrap' }, args('a', { bootstrap: { dcs: { ttl: 20 } }, bootstrap_roles: [{ name: 'care_admin', superuser: true, password: 'a-plain-password' }] }), NOBODY);
  const files = script.attachments.map((a) => (a.content.kind === 'bytes' ? a.content.bytes.toString() : ''));
  expect(files[0]).toContain('post_bootstrap: /b/psql');
  expect(files[1]).toMatch(/CREATE ROLE "care_admin" SUPERUSER .* PASSWORD 'SCRAM-SHA-256\$4096:/);
  expect([script.text, ...files].join()).not.toContain('a-plain-password');
});
