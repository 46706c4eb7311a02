import { expect, test } from 'vitest';
import { decideOnly, decidePresent, decideRestart, mayNotRemove, type Facts, type Step } from '../../../../src/modules/vault_member/decide.ts';
import { VaultMemberArgs } from '../../../../src/modules/vault_member/schema.ts';
import type { MemberSeen, RaftPeer } from '../../../../src/services/vault/status.ts';

const NAMES = ['v1', 'v2', 'v3'] as const;
const args = (more: object = {}): VaultMemberArgs =>
  VaultMemberArgs.parse({ name: 'v1', members: NAMES.map((name, i) => ({ name, address: `10.0.0.${String(i + 1)}` })), authority: '/ca.pem', operator_authority: '/op.pem', data_dir: '/var/lib/care-vault', ...more });

const seal = (more: object = {}): NonNullable<MemberSeen['seal']> => ({ type: 'shamir', initialized: true, sealed: false, t: 3, n: 5, progress: 0, version: '2.7.2', cluster_id: 'c', ...more });
const standby = (name: string): MemberSeen => ({ name, seal: seal(), active: false, leader: 'https://10.0.0.2:8200', appliedIndex: 9, trouble: undefined });
const leader = (name: string): MemberSeen => ({ ...standby(name), active: true });
const sealed = (name: string): MemberSeen => ({ name, seal: seal({ sealed: true }), active: false, leader: '', appliedIndex: 0, trouble: undefined });
const blank = (name: string): MemberSeen => ({ name, seal: seal({ initialized: false, sealed: true, t: 0, n: 0, cluster_id: '' }), active: false, leader: '', appliedIndex: 0, trouble: undefined });
const silent = (name: string): MemberSeen => ({ name, seal: undefined, active: false, leader: '', appliedIndex: 0, trouble: 'nobody listens' });
const peer = (name: string, more: Partial<RaftPeer> = {}): RaftPeer => ({ node_id: name, address: `10.0.0.${name.slice(1)}:8201`, leader: false, voter: true, ...more });
const PEERS = NAMES.map((name) => peer(name));

interface Seen {
  readonly members?: readonly MemberSeen[];
  readonly peers?: readonly RaftPeer[] | undefined;
  readonly passing?: boolean;
  readonly host?: Partial<Facts['host']>;
}
function facts(seen: Seen = {}): Facts {
  return {
    cluster: { members: seen.members ?? [standby('v1'), leader('v2'), standby('v3')], peers: 'peers' in seen ? seen.peers : PEERS, peersTrouble: 'no member leads', peersPassing: seen.passing ?? false },
    host: { active: 'active', data: true, wasMember: true, newer: [], ...seen.host },
  };
}

test.each<[string, Seen, object, Partial<Step> | { readonly msg: RegExp }]>([
  ['a member that is well', {}, {}, { type: 'done', state: 'open' }],
  ['one that has just got its vote is noted', { host: { wasMember: false } }, {}, { type: 'note' }],
  ['a stopped one is started', { host: { active: 'inactive' } }, {}, { type: 'start' }],
  ['a new cluster waits for people', { members: NAMES.map(blank), peers: undefined, host: { wasMember: false, data: false } }, {}, { type: 'done', state: 'uninitialized' }],
  ['a sealed one waits for people', { members: [sealed('v1'), leader('v2'), standby('v3')] }, {}, { type: 'done', state: 'sealed' }],
  ['a sealed one with a seal of its own is waited for', { members: [sealed('v1'), leader('v2'), standby('v3')] }, { own_seal: true }, { type: 'refuse', passing: true }],
  ['one that has not found the leader is waited for', { members: [blank('v1'), leader('v2'), standby('v3')] }, {}, { type: 'refuse', passing: true }],
  ['one that does not answer is waited for', { members: [silent('v1'), leader('v2'), standby('v3')] }, {}, { type: 'refuse', passing: true }],
  ['one without a vote is waited for', { peers: [peer('v1', { voter: false }), peer('v2'), peer('v3')], host: { wasMember: false } }, {}, { type: 'refuse', passing: true }],
  ['while members elect, their access is not called broken', { peers: undefined, passing: true }, {}, { type: 'refuse', passing: true }],
  ['one that no longer is a peer is waited for', { peers: [peer('v2'), peer('v3')] }, {}, { type: 'refuse', passing: true }],
  ['a member of another cluster', { members: [{ ...standby('v1'), seal: seal({ cluster_id: 'd' }) }, leader('v2'), standby('v3')] }, {}, { type: 'refuse' }],
  ['lost data is refused', { host: { data: false } }, {}, { type: 'refuse' }],
  ['lost data on purpose: the peer goes first', { host: { data: false, active: 'activating' }, members: [silent('v1'), leader('v2'), standby('v3')] }, { replace: true }, { type: 'remove', peer: 'v1', own: true }],
  ['lost data on purpose, and the peer is gone already', { host: { data: false }, members: [silent('v1'), leader('v2'), standby('v3')], peers: [peer('v2'), peer('v3')] }, { replace: true }, { type: 'remove', peer: '', own: true }],
  ['a lost cluster, on purpose, all of whose hosts were looked into', { host: { data: false }, members: NAMES.map(silent), peers: undefined }, { replace: true, abandon: true, empty: ['v1', 'v2', 'v3'] }, { type: 'remove', peer: '', own: true }],
  ['its members come back as blank ones', { host: { data: false }, members: [silent('v1'), blank('v2'), silent('v3')], peers: undefined }, { replace: true, abandon: true, empty: ['v1', 'v3'] }, { type: 'remove', peer: '', own: true }],
  ['one that is silent and was not looked into may have everything', { host: { data: false }, members: NAMES.map(silent), peers: undefined }, { replace: true, abandon: true, empty: ['v1', 'v2'] }, { type: 'refuse' }],
  ['one that has data is not given up, whatever was seen', { host: { data: false }, members: [silent('v1'), sealed('v2'), silent('v3')], peers: undefined }, { replace: true, abandon: true, empty: ['v1', 'v2', 'v3'] }, { type: 'refuse' }],
  ['a cluster that is not lost is not given up', { host: { data: false }, members: [silent('v1'), sealed('v2'), silent('v3')], peers: undefined }, { replace: true, abandon: true }, { type: 'refuse' }],
  ['lost data on purpose, but the others have no quorum', { host: { data: false }, members: [silent('v1'), leader('v2'), sealed('v3')] }, { replace: true }, { type: 'refuse' }],
  ['without the operators’ access nothing more can be told', { peers: undefined }, {}, { type: 'done', state: 'open' }],
])('present: %s', (_title, seen, more, expected) => {
  expect(decidePresent(args(more), facts(seen))).toMatchObject(expected);
});

const restart = (seen: Seen, more: object = {}, made = false, outdated = true): Step => decideRestart(args({ state: 'restarted', ...more }), facts(seen), made, outdated);

test.each<[string, Step, Partial<Step>]>([
  ['a process as new as its files is left', restart({}, {}, false, false), { type: 'done', state: 'as it was' }],
  ['a standby, while all others are well', restart({}), { type: 'restart' }],
  ['not while another is sealed', restart({ members: [standby('v1'), leader('v2'), sealed('v3')] }), { type: 'refuse', passing: true }],
  ['not while another does not answer', restart({ members: [standby('v1'), leader('v2'), silent('v3')] }), { type: 'refuse', passing: true }],
  ['one that serves nobody takes nothing from the others', restart({ members: [sealed('v1'), leader('v2'), sealed('v3')] }), { type: 'restart' }],
  ['a leader is left for last', restart({ members: [leader('v1'), standby('v2'), standby('v3')] }, { leader: false }), { type: 'done', state: 'leads' }],
  ['a leader hands over first', restart({ members: [leader('v1'), standby('v2'), standby('v3')] }), { type: 'step-down', leader: 'v1', address: '10.0.0.1' }],
  ['not while a peer that left and may be away could cost the quorum', restart({ peers: [...PEERS, peer('v8'), peer('v9')] }), { type: 'refuse', passing: true, msg: 'v8, v9 still vote, though not listed, and may be away, so v1 is not restarted now' }],
  ['a peer that left and has no vote costs nothing', restart({ peers: [...PEERS, peer('v9', { voter: false })] }), { type: 'restart' }],
  ['after it: open again', restart({}, {}, true), { type: 'done', state: 'open' }],
  ['after it: people are needed', restart({ members: [sealed('v1'), leader('v2'), standby('v3')] }, {}, true), { type: 'done', state: 'sealed' }],
  ['after it: people are waited for', restart({ members: [sealed('v1'), leader('v2'), standby('v3')] }, { unseal_wait: 600 }, true), { type: 'refuse', passing: true }],
  ['after it: it opens by itself', restart({ members: [sealed('v1'), leader('v2'), standby('v3')] }, { own_seal: true }, true), { type: 'refuse', passing: true }],
])('restarted: %s', (_title, step, expected) => {
  expect(step).toMatchObject(expected);
});

const listed = args({ state: 'only' });
test.each<[string, Seen, Partial<Step>]>([
  ['all peers are listed', {}, { type: 'done', state: 'as listed' }],
  ['a peer too many goes', { peers: [...PEERS, peer('v9')] }, { type: 'remove', peer: 'v9', own: false }],
  ['one that leads hands over first, at its own address', { members: NAMES.map(standby), peers: [...PEERS, peer('v9', { leader: true, address: '10.0.0.9:8201' })] }, { type: 'step-down', leader: 'v9', address: '10.0.0.9' }],
  ['an inventory with less than half of the peers is not believed', { peers: [peer('v1'), peer('w1'), peer('w2'), peer('w3')] }, { type: 'refuse' }],
  ['none goes while the others have no quorum', { members: [standby('v1'), sealed('v2'), silent('v3')], peers: [...PEERS, peer('v9')] }, { type: 'refuse', passing: true }],
  ['a cluster that nobody has opened', { members: NAMES.map(sealed), peers: undefined }, { type: 'done', state: 'not known' }],
  ['an election is waited for', { members: NAMES.map((name) => ({ ...standby(name), leader: '' })), peers: undefined, passing: true }, { type: 'refuse', passing: true }],
])('only: %s', (_title, seen, expected) => {
  expect(decideOnly(listed, facts(seen), false)).toMatchObject(expected);
});

test('only: while nobody leads after a leader has handed over, it waits for the one that will', () => {
  expect(decideOnly(listed, facts({ peers: undefined }), true)).toMatchObject({ type: 'refuse', passing: true });
});

test('a peer without a vote may always go, the last one with a vote never', () => {
  const { cluster } = facts({ peers: [peer('v1'), peer('v2', { voter: false })] });
  expect(mayNotRemove('v2', cluster)).toBeUndefined();
  expect(mayNotRemove('v1', cluster)).toBe('it is the last one with a vote');
});
