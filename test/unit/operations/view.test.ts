import { describe, expect, test } from 'vitest';
import { patronictlTrouble } from '../../../src/operations/postgres/patronictl.ts';
import { problemsOf, type ClusterView } from '../../../src/operations/postgres/view.ts';
import { healthy, member } from './support.ts';

const rules = { expected: ['a1', 'a2', 'b1'], maximumLagBytes: 1024 * 1024 };
const withMember = (name: string, more: Parameters<typeof member>[1]): ClusterView => ({ ...healthy(), members: healthy().members.map((m) => (m.name === name ? { ...m, ...more } : m)) });

describe('what is wrong with a cluster', () => {
  test('nothing', () => { expect(problemsOf(healthy(), rules)).toEqual([]); });

  test.each<readonly [string, ClusterView, string]>([
    ['no leader', { ...healthy(), leader: undefined, primaries: [] }, 'no member takes writes: there is no leader'],
    ['two leaders', { ...healthy(), leader: undefined, primaries: ['a1', 'a2'] }, 'more than one member takes writes: a1, a2'],
    ['paused', { ...healthy(), paused: true }, 'the cluster is paused: Patroni would not fail over (care-provision db resume)'],
    ['a planned switchover', { ...healthy(), scheduledSwitchover: '2026-11-27T01:00' }, 'a switchover is planned: 2026-11-27T01:00'],
    ['a silent member', withMember('b1', { reachable: false, trouble: 'connection refused' }), 'b1 does not answer: connection refused'],
    ['a missing member', { ...healthy(), members: healthy().members.slice(0, 2) }, 'b1 is not in the cluster'],
    ['a stranger', { ...healthy(), members: [...healthy().members, member('x9')] }, 'x9 is in the cluster and not in the inventory'],
    ['a stopped member', withMember('b1', { state: 'stopped' }), 'b1 is stopped, not streaming'],
    ['an old timeline', withMember('b1', { timeline: 7 }), 'b1 is on timeline 7, the leader on 1'],
    ['lag', withMember('b1', { lagBytes: 50 * 1024 * 1024 }), 'b1 is 50 MiB behind'],
    ['paused replay', withMember('b1', { replayPaused: true }), 'b1 does not replay: somebody has paused it (select pg_wal_replay_resume())'],
    ['failsafe', withMember('a1', { failsafeActive: true }), 'a1 runs in failsafe mode: the configuration store (etcd) does not answer'],
    ['no synchronous replica', { ...healthy(), members: healthy().members.map((m) => (m.role === 'quorum' ? { ...m, role: 'replica' as const } : m)) }, 'synchronous_mode is quorum, and no replica is synchronous: a commit is on one host only'],
  ])('%s', (_name, view, problem) => { expect(problemsOf(view, rules)).toContain(problem); });

  test('not the lack of a synchronous replica where none is asked for', () => {
    const view = { ...healthy(), config: undefined, members: healthy().members.map((m) => (m.role === 'quorum' ? { ...m, role: 'replica' as const } : m)) };
    expect(problemsOf(view, rules)).toEqual([]);
  });
});

test.each([
  ['Switchover failed, details: 412, no good candidates have been found', 'Switchover failed, details: 412, no good candidates have been found'],
  ['Current cluster topology\nError: This cluster has no leader', 'Error: This cluster has no leader'],
  ['Failed: reinitialize for member a2, status code=503, (already in progress)', 'Failed: reinitialize for member a2, status code=503, (already in progress)'],
  ['2026-11-26 06:00:00.00000 Successfully switched over to "a2"', undefined],
])('patronictl: %s', (text, trouble) => { expect(patronictlTrouble(text)).toBe(trouble); });
