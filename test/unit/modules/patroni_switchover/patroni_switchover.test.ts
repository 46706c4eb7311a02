import { expect, test } from 'vitest';
import type { PatroniMember, PatroniView } from '../../../../src/modules/common/patroni-view.ts';
import { decideMove, type Wish } from '../../../../src/modules/patroni_switchover/decide.ts';
import { patroniSwitchover } from '../../../../src/modules/patroni_switchover/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(patroniSwitchover, import.meta.url);

const member = (name: string, more: Partial<PatroniMember> = {}): PatroniMember => ({ name, role: 'replica', state: 'streaming', timeline: 3, lag: 0, pendingRestart: false, ...more });
const leader = member('a', { role: 'leader', state: 'running', lag: undefined });
const sync = (name: string, more: Partial<PatroniMember> = {}): PatroniMember => member(name, { role: 'quorum_standby', ...more });
const view = (members: readonly PatroniMember[] | undefined, more: Partial<PatroniView> = {}): PatroniView => ({ members, trouble: '', paused: false, scheduled: '', ...more });
const wish = (more: Partial<Wish> = {}): Wish => ({ from: 'a', candidates: [], synchronous: true, maxLagBytes: 1000, ...more });
const refuse = (msg: string): unknown => expect.objectContaining({ type: 'refuse', msg: expect.stringContaining(msg) as unknown });

test.each<[string, PatroniView, Partial<Wish>, unknown]>([
  ['another leads already', view([member('a'), { ...leader, name: 'b' }]), {}, { type: 'done', leader: 'b' }],
  ['the one in sync takes over, not the one that is level', view([leader, member('b'), sync('c', { lag: 10 })]), {}, { type: 'move', leader: 'a', candidate: 'c' }],
  ['the least lag wins', view([leader, sync('b', { lag: 20 }), sync('c', { lag: 10 })]), {}, { type: 'move', leader: 'a', candidate: 'c' }],
  ['then the name', view([leader, sync('c'), sync('b')]), {}, { type: 'move', leader: 'a', candidate: 'b' }],
  ['a replica will do without synchronous mode', view([leader, member('b')]), { synchronous: false }, { type: 'move', leader: 'a', candidate: 'b' }],
  ['only candidates', view([leader, sync('b'), sync('c')]), { candidates: ['c'] }, { type: 'move', leader: 'a', candidate: 'c' }],
  ['none in sync', view([leader, member('b'), member('c')]), {}, refuse('no synchronous standby can take over from a')],
  ['none of the candidates in sync', view([leader, sync('b'), member('c')]), { candidates: ['c'] }, refuse('among c')],
  ['the one in sync lags too much', view([leader, sync('b', { lag: 1001 })]), {}, refuse('no synchronous standby')],
  ['its lag is unknown', view([leader, sync('b', { lag: undefined })]), {}, refuse('no synchronous standby')],
  ['it does not stream', view([leader, sync('b', { state: 'stopped' })]), {}, refuse('no synchronous standby')],
  ['it is on another timeline', view([leader, sync('b', { timeline: 2 })]), {}, refuse('no synchronous standby')],
  ['paused', view([leader, sync('b')], { paused: true }), {}, refuse('paused')],
  ['no leader', view([member('a'), sync('b')]), {}, refuse('no leader')],
  ['nobody answers', view(undefined, { trouble: 'refused' }), {}, refuse('does not answer: refused')],
])('%s', (_what, seen, more, expected) => {
  expect(decideMove(seen, wish(more))).toEqual(expected);
});
