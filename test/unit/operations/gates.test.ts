import { describe, expect, test } from 'vitest';
import { failoverRefusals, goodCandidates, pauseRefusals, reinitRefusals, resumeRefusals, switchoverRefusals } from '../../../src/operations/postgres/gates.ts';
import type { ClusterView, MemberView } from '../../../src/operations/postgres/view.ts';
import { healthy } from './support.ts';

const rules = { members: ['a1', 'a2', 'b1'], maximumLagBytes: 1024 * 1024 };
const change = (view: ClusterView, name: string, more: Partial<MemberView>): ClusterView => ({ ...view, members: view.members.map((m) => (m.name === name ? { ...m, ...more } : m)) });
const leaderless = (): ClusterView => ({ ...change(healthy(), 'a1', { reachable: false, role: undefined, state: 'unreachable', trouble: 'no route' }), leader: undefined, primaries: [] });

describe('switchover', () => {
  test('of a healthy cluster may be done, to any replica or to Patroni’s choice', () => {
    expect(switchoverRefusals(healthy(), undefined, rules)).toEqual([]);
    expect(switchoverRefusals(healthy(), 'b1', rules)).toEqual([]);
    expect(goodCandidates(healthy(), rules).map((m) => m.name)).toEqual(['a2', 'b1']);
  });

  test('still may when the other replica is down', () => {
    expect(switchoverRefusals(change(healthy(), 'b1', { reachable: false }), 'a2', rules)).toEqual([]);
  });

  test.each<readonly [string, ClusterView, string | undefined, string]>([
    ['no leader', leaderless(), 'a2', 'there is no leader to hand over; care-provision db failover makes one'],
    ['two leaders', { ...healthy(), leader: undefined, primaries: ['a1', 'a2'] }, 'a2', 'more than one member takes writes: a1, a2'],
    ['the leader as candidate', healthy(), 'a1', 'a1 leads already'],
    ['a stranger as candidate', healthy(), 'x9', 'x9 is not in the cluster; its members are a1, a2, b1'],
    ['a lagging candidate', change(healthy(), 'a2', { lagBytes: 2 * 1024 * 1024 }), 'a2', 'a2 is 2048 KiB behind; 1024 KiB are allowed'],
    ['a candidate whose lag nobody knows', change(healthy(), 'a2', { lagBytes: undefined }), 'a2', 'nobody knows how far behind a2 is'],
    ['a nosync candidate', change(healthy(), 'a2', { role: 'replica', tags: { nosync: true } }), 'a2', 'a2 is tagged nosync: rows that were confirmed may not be there yet'],
    ['a nofailover candidate', change(healthy(), 'a2', { tags: { nofailover: true } }), 'a2', 'a2 is tagged never to lead (nofailover)'],
    ['a candidate of priority 0', change(healthy(), 'a2', { tags: { failover_priority: 0 } }), 'a2', 'a2 is tagged never to lead (nofailover)'],
    ['an asynchronous candidate', change(healthy(), 'a2', { role: 'replica' }), 'a2', 'a2 is not a synchronous replica: rows that were confirmed may not be there'],
    ['a starting candidate', change(healthy(), 'a2', { state: 'starting' }), 'a2', 'a2 is starting, not streaming'],
    ['a silent candidate', change(healthy(), 'a2', { reachable: false, trouble: 'no route' }), 'a2', 'a2 does not answer: no route'],
    ['a candidate that does not replay', change(healthy(), 'a2', { replayPaused: true }), 'a2', 'a2 does not replay: somebody has paused it'],
    ['nobody fit', change(change(healthy(), 'a2', { state: 'stopped' }), 'b1', { lagBytes: 9e9 }), undefined, 'no replica may lead now'],
    ['a paused cluster without a candidate', { ...healthy(), paused: true }, undefined, 'the cluster is paused, so Patroni does not choose: name the new leader with --candidate, or resume first'],
    ['a planned switchover', { ...healthy(), scheduledSwitchover: 'tomorrow' }, 'a2', 'a switchover is planned already: tomorrow'],
    ['failsafe mode', change(healthy(), 'a1', { failsafeActive: true }), 'a2', 'the configuration store (etcd) does not answer: nobody could be made the leader'],
  ])('is refused for %s', (_name, view, candidate, reason) => { expect(switchoverRefusals(view, candidate, rules)).toContain(reason); });
});

describe('failover', () => {
  test('of a cluster without a leader to a synchronous replica may be done', () => {
    expect(failoverRefusals(leaderless(), 'a2', rules)).toEqual({ always: [], unlessForced: [] });
  });

  test('wants force while there is a leader, or when rows may be lost', () => {
    expect(failoverRefusals(healthy(), 'a2', rules).unlessForced).toEqual(['a1 is the leader and takes writes: care-provision db switchover hands over without losing anything']);
    expect(failoverRefusals(change(leaderless(), 'a2', { role: 'replica' }), 'a2', rules).unlessForced).toEqual(['a2 is not a synchronous replica: rows that were confirmed may be lost']);
    expect(failoverRefusals(change(healthy(), 'a2', { lagBytes: 9e9 }), 'a2', rules).unlessForced).toHaveLength(2);
  });

  test('is never done to the leader, a stranger, a silent member or one that must not lead', () => {
    expect(failoverRefusals(healthy(), 'a1', rules).always).toEqual(['a1 leads already']);
    expect(failoverRefusals(healthy(), 'x9', rules).always).toHaveLength(1);
    expect(failoverRefusals(change(leaderless(), 'a2', { reachable: false }), 'a2', rules).always).toEqual(['a2 does not answer']);
    expect(failoverRefusals(change(leaderless(), 'a2', { tags: { nofailover: true } }), 'a2', rules).always).toEqual(['a2 is tagged never to lead (nofailover)']);
  });
});

describe('reinit', () => {
  test('of a replica may be done while another one is synchronous', () => {
    expect(reinitRefusals(healthy(), 'b1')).toEqual([]);
    expect(reinitRefusals(change(healthy(), 'b1', { state: 'start failed', role: 'replica' }), 'b1')).toEqual([]);
  });

  test('is refused for the leader, the last synchronous replica, a silent member, a stranger, and without a leader', () => {
    expect(reinitRefusals(healthy(), 'a1')[0]).toContain('a1 takes writes');
    expect(reinitRefusals(change(healthy(), 'b1', { role: 'replica' }), 'a2')).toEqual(['a2 is the last synchronous replica: without it a commit would be on one host only']);
    expect(reinitRefusals(change(healthy(), 'b1', { state: 'stopped' }), 'a2')).toHaveLength(1);
    expect(reinitRefusals(change(healthy(), 'b1', { reachable: false }), 'b1')).toEqual(['b1 does not answer, so its Patroni could not do it']);
    expect(reinitRefusals(healthy(), 'x9')).toHaveLength(1);
    expect(reinitRefusals(leaderless(), 'b1')).toContain('there is no leader to copy from');
  });
});

test('pause and resume are refused when it is so already', () => {
  const paused = { ...healthy(), paused: true };
  expect([pauseRefusals(healthy()), pauseRefusals(paused), resumeRefusals(paused), resumeRefusals(healthy())]).toEqual([[], ['the cluster is paused already'], [], ['the cluster is not paused']]);
});
