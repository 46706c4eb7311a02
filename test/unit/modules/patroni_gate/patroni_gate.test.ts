import { expect, test } from 'vitest';
import { patroniView, type PatroniMember, type PatroniView } from '../../../../src/modules/common/patroni-view.ts';
import { troubles, type Wanted } from '../../../../src/modules/patroni_gate/decide.ts';
import { patroniGate } from '../../../../src/modules/patroni_gate/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(patroniGate, import.meta.url);

const member = (name: string, more: Partial<PatroniMember> = {}): PatroniMember => ({ name, role: 'replica', state: 'streaming', timeline: 3, lag: 0, pendingRestart: false, ...more });
const leader = member('a', { role: 'leader', state: 'running', lag: undefined });
const sync = member('b', { role: 'quorum_standby' });
const view = (members: readonly PatroniMember[] | undefined, more: Partial<PatroniView> = {}): PatroniView => ({ members, trouble: '', paused: false, scheduled: '', ...more });
const wanted = (more: Partial<Wanted> = {}): Wanted => ({ members: ['a', 'b', 'c'], synchronous: true, maxLagBytes: 1000, paused: false, tolerate: [], ...more });

test.each<[string, PatroniView, Partial<Wanted>, readonly string[]]>([
  ['a cluster that is well', view([leader, sync, member('c')]), {}, []],
  ['nobody answers', view(undefined, { trouble: 'refused' }), {}, ['Patroni does not answer: refused']],
  ['no leader', view([sync, member('c'), member('a')]), {}, ['there is no leader']],
  ['a leader that is only starting', view([{ ...leader, state: 'starting' }, sync, member('c')]), {}, ['the leader a is starting']],
  ['a member that is missing', view([leader, sync]), {}, ['not in the cluster: c']],
  ['a member that nobody knows', view([leader, sync, member('c'), member('z')]), {}, ['in the cluster but not in the inventory: z']],
  ['a replica that does not stream', view([leader, sync, member('c', { state: 'stopped' })]), {}, ['c is stopped, not streaming']],
  ['a replica on an old timeline', view([leader, sync, member('c', { timeline: 2 })]), {}, ['c is on timeline 2, the leader on 3']],
  ['a replica that lags', view([leader, sync, member('c', { lag: 1001 })]), {}, ['c lags 1001 bytes, more than 1000']],
  ['a replica at the limit', view([leader, sync, member('c', { lag: 1000 })]), {}, []],
  ['unknown lag', view([leader, sync, member('c', { lag: undefined })]), {}, ['how far c lags is unknown']],
  ['no synchronous standby', view([leader, member('b'), member('c')]), {}, ['no synchronous standby']],
  ['none is needed', view([leader, member('b'), member('c')]), { synchronous: false }, []],
  ['none can be where there is one member', view([leader]), { members: ['a'] }, []],
  ['paused', view([leader, sync, member('c')], { paused: true }), {}, ['Patroni is paused, so nobody fails over']],
  ['paused as it is to be', view([leader, sync, member('c')], { paused: true }), { paused: true }, []],
  ['not paused where it is to be', view([leader, sync, member('c')]), { paused: true }, ['Patroni is not paused']],
  ['a scheduled switchover', view([leader, sync, member('c')], { scheduled: '2026-12-01T02:00:00+00:00' }), {}, ['a switchover is scheduled for 2026-12-01T02:00:00+00:00']],
  ['an ill member that is tolerated', view([leader, sync, member('c', { state: 'stopped' })]), { tolerate: ['c'] }, []],
  ['an absent member that is tolerated', view([leader, sync]), { tolerate: ['c'] }, []],
  ['several at once', view([leader, member('b', { state: 'stopped' })]), {}, ['not in the cluster: c', 'b is stopped, not streaming', 'no synchronous standby']],
])('%s', (_what, seen, more, expected) => {
  expect(troubles(seen, wanted(more))).toEqual(expected);
});

test('what Patroni 4 prints is read', () => {
  const key = { urls: ['https://h:8008'], cacert: '/ca' };
  const text = JSON.stringify({
    members: [
      { name: 'a', role: 'leader', state: 'running', api_url: 'https://h:8008/patroni', host: 'h', port: 5432, timeline: 2 },
      { name: 'b', role: 'quorum_standby', state: 'streaming', api_url: 'https://i:8008/patroni', host: 'i', port: 5432, timeline: 2, lag: 0, pending_restart: true },
      { name: 'c', role: 'replica', state: 'stopped', api_url: 'https://j:8008/patroni', host: 'j', port: 5432, lag: 'unknown' },
    ],
    scope: 'care',
    pause: true,
    scheduled_switchover: { at: '2026-12-01T02:00:00+00:00', from: 'a' },
  });
  const parsed = patroniView(key).kind.parse([key], { head: Buffer.from(''), sections: [Buffer.from(text)] });
  expect(parsed).toEqual([
    {
      members: [
        { name: 'a', role: 'leader', state: 'running', timeline: 2, lag: undefined, pendingRestart: false },
        { name: 'b', role: 'quorum_standby', state: 'streaming', timeline: 2, lag: 0, pendingRestart: true },
        { name: 'c', role: 'replica', state: 'stopped', timeline: undefined, lag: undefined, pendingRestart: false },
      ],
      trouble: '',
      paused: true,
      scheduled: '2026-12-01T02:00:00+00:00',
    },
  ]);
});
