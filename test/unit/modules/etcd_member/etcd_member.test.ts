import { describe, expect, test } from 'vitest';
import { etcdMember } from '../../../../src/modules/etcd_member/index.ts';
import { etcd } from '../../../../src/modules/etcd_member/query.ts';
import { decideOnly, decidePresent, decideRestart, mayNotRemove, quorum } from '../../../../src/modules/etcd_member/decide.ts';
import type { EtcdFact, EtcdMember } from '../../../../src/modules/etcd_member/query.ts';
import { EtcdMemberArgs } from '../../../../src/modules/etcd_member/schema.ts';
import { stepScript } from '../../../../src/modules/etcd_member/steps.ts';
import { goldenCases } from '../golden.ts';

goldenCases(etcdMember, import.meta.url);

const url = (name: string, port = 2379): string => `https://${name}:${String(port)}`;

function member(name: string, more: Partial<EtcdMember> = {}): EtcdMember {
  return { id: `id-${name}`, name, peerUrls: [url(name, 2380)], clientUrls: [url(name)], learner: false, ...more };
}

/** A cluster of running, well members. */
function cluster(members: readonly EtcdMember[], more: Partial<EtcdFact> = {}): EtcdFact {
  return {
    canAsk: true,
    active: 'active',
    data: true,
    healthy: members.filter((m) => !m.learner).flatMap((m) => m.clientUrls),
    statuses: members.map((m) => ({ endpoint: m.clientUrls[0] ?? '', clusterId: 'c1', memberId: m.id, leader: members[0]?.id ?? '0', learner: m.learner })),
    members,
    ...more,
  };
}

const NOBODY: EtcdFact = { canAsk: true, active: 'inactive', data: false, healthy: [], statuses: [], members: undefined };
const fresh: Partial<EtcdFact> = { active: 'inactive', data: false };

function args(name = 'a', more: Record<string, unknown> = {}, names: readonly string[] = ['a', 'b', 'c']): EtcdMemberArgs {
  return EtcdMemberArgs.parse({
    name,
    client_url: url(name),
    peer_url: url(name, 2380),
    members: names.map((n) => ({ name: n, client_url: url(n), peer_url: url(n, 2380), seen: true })),
    token: 't',
    data_dir: '/d',
    cacert: '/ca',
    cert: '/c',
    key: '/k',
    ...more,
  });
}
const known = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({ name, client_url: url(name), peer_url: url(name, 2380), seen: true, ...more });

describe('present', () => {
  const [a, b, c] = [member('a'), member('b'), member('c')];

  test('a member that runs is left', () => {
    expect(decidePresent(args('b'), cluster([a, b, c]), false)).toEqual({ type: 'done' });
  });

  test('a cluster is made where there is none', () => {
    expect(decidePresent(args(), NOBODY, false)).toEqual({ type: 'bootstrap' });
  });

  test.each([
    ['another host has data', [known('a'), known('b', { data: true })], 'b has data'],
    ['another host was not looked at', [known('a'), known('b', { seen: false })], 'not looked at b'],
    ['another host was just made a member and does not answer', [known('a'), known('b', { started: true })], 'b was just made a member'],
  ])('no cluster is made when %s', (_why, members, msg) => {
    expect(decidePresent(args('a', { members }), NOBODY, false)).toMatchObject({ type: 'refuse', msg: expect.stringContaining(msg) as unknown });
  });

  test('check mode takes a cluster that another host would make as made', () => {
    expect(decidePresent(args('a', { members: [known('a'), known('b', { started: true })] }), NOBODY, true)).toEqual({ type: 'add', setAside: false });
  });

  test('without a quorum a host with data is started and not waited for', () => {
    expect(decidePresent(args(), { ...NOBODY, data: true }, false)).toEqual({ type: 'start', wait: false });
    expect(decidePresent(args(), { ...NOBODY, data: true, active: 'activating' }, false)).toEqual({ type: 'done' });
  });

  test('joining: added, started with what the cluster knows, promoted, done', () => {
    const args_ = args('c');
    expect(decidePresent(args_, cluster([a, b], fresh), false)).toEqual({ type: 'add', setAside: false });
    const added = member('c', { name: '', clientUrls: [], learner: true });
    expect(decidePresent(args_, { ...cluster([a, b], fresh), members: [a, b, added] }, false)).toEqual({ type: 'join', initialCluster: 'a=https://a:2380,b=https://b:2380,c=https://c:2380' });
    expect(decidePresent(args_, cluster([a, b, member('c', { learner: true })]), false)).toEqual({ type: 'promote', id: 'id-c' });
    expect(decidePresent(args_, cluster([a, b, c]), false)).toEqual({ type: 'done' });
  });

  test('nobody joins while a member is ill, or has been added and never started', () => {
    const ill = { ...cluster([a, b], fresh), healthy: [url('a')] };
    expect(decidePresent(args('c'), ill, false)).toMatchObject({ type: 'refuse', msg: expect.stringContaining('b is not well') as unknown });
    const half = { ...cluster([a], fresh), members: [a, member('b', { name: '', clientUrls: [], learner: true })] };
    expect(decidePresent(args('c'), half, false)).toMatchObject({ type: 'refuse' });
  });

  test('data of an earlier life is set aside', () => {
    expect(decidePresent(args('c'), cluster([a, b], { active: 'inactive', data: true }), false)).toEqual({ type: 'add', setAside: true });
  });

  test('a stopped member is started', () => {
    const fact = cluster([a, b, c], { active: 'inactive' });
    expect(decidePresent(args('c'), { ...fact, statuses: fact.statuses.slice(0, 2), healthy: fact.healthy.slice(0, 2) }, false)).toEqual({ type: 'start', wait: true });
  });

  test('a host that lost its data is refused, and replaced when told so and the quorum can spare it', () => {
    const fact = cluster([a, b, c], fresh);
    const lost = { ...fact, statuses: fact.statuses.slice(0, 2), healthy: fact.healthy.slice(0, 2) };
    expect(decidePresent(args('c'), lost, false)).toMatchObject({ type: 'refuse', remedy: expect.stringContaining('etcd_replace=c') as unknown });
    expect(decidePresent(args('c', { replace: true }), lost, false)).toEqual({ type: 'remove', id: 'id-c', name: 'c' });
    expect(decidePresent(args('c', { replace: true }), { ...lost, healthy: [url('a')] }, false)).toMatchObject({ type: 'refuse' });
  });

  test('two clusters are refused', () => {
    const fact = cluster([a, b]);
    expect(decidePresent(args(), { ...fact, statuses: fact.statuses.map((s, i) => ({ ...s, clusterId: `c${String(i)}` })) }, false)).toMatchObject({ type: 'refuse', msg: expect.stringContaining('more than one cluster') as unknown });
  });

  test('a changed address is told to the cluster', () => {
    expect(decidePresent(args('a', { peer_url: 'https://new:2380' }), cluster([a, b, c]), false)).toEqual({ type: 'update', id: 'id-a', from: 'https://a:2380' });
  });
});

describe('restarted', () => {
  const three = ['a', 'b', 'c'].map((n) => member(n));

  test('a follower is restarted, a leader hands over first', () => {
    expect(decideRestart(args('b'), cluster(three))).toEqual({ type: 'restart', moveLeaderTo: undefined });
    expect(decideRestart(args('a'), cluster(three))).toEqual({ type: 'restart', moveLeaderTo: 'id-b' });
  });

  test('not while another is ill, unless it is ill itself', () => {
    expect(decideRestart(args('a'), { ...cluster(three), healthy: [url('a'), url('b')] })).toMatchObject({ type: 'refuse' });
    expect(decideRestart(args('c'), { ...cluster(three), healthy: [url('a'), url('b')] })).toEqual({ type: 'restart', moveLeaderTo: undefined });
    expect(decideRestart(args('c', { ill_only: true }), { ...cluster(three), healthy: [url('a'), url('b')] })).toMatchObject({ type: 'restart' });
    expect(decideRestart(args('a', { ill_only: true }), cluster(three))).toEqual({ type: 'done' });
  });

  test('one that does not run, or is no member, is left', () => {
    expect(decideRestart(args('c'), { ...cluster(three), active: 'inactive' })).toEqual({ type: 'done' });
    expect(decideRestart(args('d', {}, ['a', 'b', 'c', 'd']), cluster(three))).toEqual({ type: 'done' });
  });
});

describe('only', () => {
  const four = ['a', 'b', 'c', 'd'].map((n) => member(n));
  const only = (fact: EtcdFact, more: Record<string, unknown> = {}): unknown => decideOnly(args('a', { state: 'only', ...more }), fact);

  test('who is not listed leaves', () => {
    expect(only(cluster(four))).toEqual({ type: 'remove', id: 'id-d', name: 'd' });
    expect(only(cluster(four.slice(0, 3)))).toEqual({ type: 'done' });
  });

  test('the dead first; with dead_only nobody else', () => {
    const five = [...four, member('e')];
    expect(only({ ...cluster(five), healthy: ['a', 'b', 'c', 'd'].map((n) => url(n)) })).toEqual({ type: 'remove', id: 'id-e', name: 'e' });
    expect(only(cluster(five), { dead_only: true })).toEqual({ type: 'done' });
  });

  test('an inventory that lists less than half of them is not believed', () => {
    expect(decideOnly(args('a', { state: 'only' }, ['a']), cluster(four.slice(0, 3)))).toMatchObject({ type: 'refuse' });
    expect(decideOnly(args('a', { state: 'only' }, ['a']), cluster(four.slice(0, 2)))).toEqual({ type: 'remove', id: 'id-b', name: 'b' });
  });

  test('a learner that never started leaves, unless it is listed', () => {
    const stray = (name: string): EtcdMember => member(name, { name: '', clientUrls: [], learner: true });
    expect(only({ ...cluster(four.slice(0, 2)), members: [...four.slice(0, 2), stray('x')] })).toMatchObject({ type: 'remove' });
    expect(only({ ...cluster(four.slice(0, 2)), members: [...four.slice(0, 2), stray('c')] })).toEqual({ type: 'done' });
  });
});

test('no removal leaves fewer well voters than a majority', () => {
  for (let voters = 1; voters <= 7; voters += 1) {
    const members = Array.from({ length: voters }, (_, i) => member(`m${String(i)}`));
    for (let well = 0; well <= voters; well += 1) {
      const fact = { ...cluster(members), healthy: members.slice(0, well).flatMap((m) => m.clientUrls) };
      for (const target of members) {
        const rest = members.filter((m) => m !== target);
        const left = rest.filter((m) => fact.healthy.includes(m.clientUrls[0] ?? '')).length;
        if (mayNotRemove(target, fact) === undefined) expect(left).toBeGreaterThanOrEqual(quorum(rest.length));
        else expect(rest.length === 0 || left < quorum(rest.length)).toBe(true);
      }
    }
  }
});

test('ids of 64 bits are read exactly', () => {
  const key = { endpoints: ['https://a:2379'], own: 'https://a:2379', unit: 'etcd.service', dataDir: '/d', cacert: '/ca', cert: '/c', key: '/k' };
  const { kind } = etcd(key);
  const members = '{"header":{"cluster_id":15118495548433857066,"member_id":13668033151171901709,"raft_term":2},"members":[{"ID":13328719184634706983,"peerURLs":["http://127.0.0.1:23802"],"isLearner":true},{"ID":13668033151171901709,"name":"n1","peerURLs":["http://127.0.0.1:23801"],"clientURLs":["https://a:2379"]}]}';
  const status = '[{"Endpoint":"https://a:2379","Status":{"header":{"cluster_id":15118495548433857066,"member_id":13668033151171901709,"revision":1,"raft_term":2},"version":"3.5.16","dbSize":20480,"leader":13668033151171901709,"raftIndex":4,"raftTerm":2,"raftAppliedIndex":4,"dbSizeInUse":16384}}]';
  const [fact] = kind.parse([key], { head: Buffer.from('yes\nactive\nyes\n'), sections: ['https://a:2379', status, members, ''].map((t) => Buffer.from(t)) });
  expect(fact).toEqual({
    canAsk: true,
    active: 'active',
    data: true,
    healthy: ['https://a:2379'],
    statuses: [{ endpoint: 'https://a:2379', clusterId: 'd1cfaf999eb97a2a', memberId: 'bdae9bbc11dd390d', leader: 'bdae9bbc11dd390d', learner: false, version: '3.5.16' }],
    members: [
      { id: 'b8f91f7ad715fc27', name: '', peerUrls: ['http://127.0.0.1:23802'], clientUrls: [], learner: true },
      { id: 'bdae9bbc11dd390d', name: 'n1', peerUrls: ['http://127.0.0.1:23801'], clientUrls: ['https://a:2379'], learner: false },
    ],
  });
});

test('a first start is told its cluster by a file', () => {
  const script = stepScript({ type: 'join', initialCluster: 'a=https://a:2380,c=https://c:2380' }, args('c'), cluster([member('a')]));
  const [file] = script.attachments;
  expect(file?.content.kind === 'bytes' ? file.content.bytes.toString() : '').toContain('ETCD_INITIAL_CLUSTER=a=https://a:2380,c=https://c:2380\nETCD_INITIAL_CLUSTER_STATE=existing\n');
});
