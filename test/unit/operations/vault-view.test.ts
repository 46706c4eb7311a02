import { expect, test } from 'vitest';
import { initRefusals } from '../../../src/operations/vault/init.ts';
import { problemsOf } from '../../../src/operations/vault/view.ts';
import type { ClusterHost } from '../../../src/operations/inventory.ts';
import type { MemberSeen, RaftPeer } from '../../../src/services/vault/status.ts';

const host = (name: string): ClusterHost => ({ name, address: '10.0.0.1' }) as ClusterHost;
const cluster = (...names: readonly string[]): { readonly members: readonly ClusterHost[] } => ({ members: names.map(host) });
const THREE = cluster('v1', 'v2', 'v3');
const seal = (more: object = {}): NonNullable<MemberSeen['seal']> => ({ type: 'shamir', initialized: true, sealed: false, t: 2, n: 3, progress: 0, version: '2.7.2', cluster_id: 'c', ...more });
const member = (name: string, more: Partial<MemberSeen> = {}): MemberSeen => ({ name, seal: seal(), active: name === 'v1', leader: 'https://v1', appliedIndex: 5, trouble: undefined, ...more });
const silent = (name: string): MemberSeen => member(name, { seal: undefined, active: false, leader: '', trouble: 'nobody listens' });
const sealed = (name: string): MemberSeen => member(name, { seal: seal({ sealed: true }), active: false, leader: '' });
const blank = (name: string): MemberSeen => member(name, { seal: seal({ initialized: false }), active: false, leader: '' });
const peer = (name: string, voter = true): RaftPeer => ({ node_id: name, address: `${name}:8201`, leader: name === 'v1', voter });

function problems(members: readonly MemberSeen[], peers: readonly RaftPeer[] | undefined = ['v1', 'v2', 'v3'].map((n) => peer(n))): readonly string[] {
  return problemsOf(THREE, { members, peers, peersTrouble: undefined });
}

test('three members that are open and follow one leader have no problem', () => {
  expect(problems(['v1', 'v2', 'v3'].map((n) => member(n)))).toEqual([]);
});

test.each<[string, readonly MemberSeen[], RegExp]>([
  ['one that does not answer', [member('v1'), member('v2'), silent('v3')], /v3 does not answer: nobody listens/],
  ['one that is sealed', [member('v1'), member('v2'), sealed('v3')], /v3 is sealed: care-provision vault unseal/],
  ['a lost quorum is explained', [member('v1'), sealed('v2'), silent('v3')], /only 1 of 3 members are open, and 2 are needed for a quorum.*nothing is lost/],
  ['nobody leads', ['v1', 'v2', 'v3'].map((n) => member(n, { active: false, leader: '' })), /no member leads/],
  ['a new cluster', ['v1', 'v2', 'v3'].map(blank), /not initialised: care-provision vault init/],
  ['one that has not joined', [member('v1'), member('v2'), blank('v3')], /v3 has not joined/],
  ['two clusters', [member('v1'), member('v2'), member('v3', { seal: seal({ cluster_id: 'd' }) })], /more than one cluster/],
  ['two leaders', [member('v1'), member('v2', { leader: 'https://v2' }), member('v3')], /different leaders/],
  ['two versions', [member('v1'), member('v2'), member('v3', { seal: seal({ version: '2.6.4' }) })], /different versions: 2\.7\.2, 2\.6\.4/],
])('problem: %s', (_title, members, words) => {
  expect(problems(members).join('\n')).toMatch(words);
});

test('peers that are not in the inventory, that have no vote, and hosts that are no peers', () => {
  const all = ['v1', 'v2', 'v3'].map((n) => member(n));
  expect(problems(all, [peer('v1'), peer('v2', false), peer('v9')])).toEqual(['v9 (v9:8201) is a peer and not in the inventory: apply the playbook, which removes it', 'v2 does not vote yet', 'v3 is no raft peer: it has not joined']);
});

test.each<[string, { readonly members: readonly ClusterHost[] }, readonly MemberSeen[], RegExp]>([
  ['an even number of members', cluster('v1', 'v2', 'v3', 'v4'), ['v1', 'v2', 'v3', 'v4'].map(blank), /^4 members: an odd number is wanted/],
  ['a cluster that is there', THREE, [member('v1'), sealed('v2'), blank('v3')], /^v1, v2 is initialised already/],
  ['a member that does not answer', THREE, [blank('v1'), blank('v2'), silent('v3')], /^v3 does not answer, and may be a member/],
])('init is refused: %s', (_title, of, seen, words) => {
  expect(initRefusals(of, seen).join('\n')).toMatch(words);
});

test('init of three new members is not refused', () => {
  expect(initRefusals(THREE, ['v1', 'v2', 'v3'].map(blank))).toEqual([]);
});
