import { expect, test } from 'vitest';
import { changesBetween } from '../../../src/drills/vault/monitor.ts';
import { rangesOf } from '../../../src/drills/vault/stage.ts';
import type { MemberSeen } from '../../../src/services/vault/status.ts';
import type { VaultView } from '../../../src/operations/vault/view.ts';

const seal = { type: 'static', initialized: true, sealed: false, t: 2, n: 3, progress: 0, version: '2.7.2', cluster_id: 'c' };
const member = (name: string, more: Partial<MemberSeen> = {}): MemberSeen => ({ name, seal, active: false, leader: 'https://v1', appliedIndex: 1, trouble: undefined, ...more });
const view = (...members: readonly MemberSeen[]): VaultView => ({ members, peers: [], peersTrouble: undefined });

test('what changes is told once: a member that is gone, another that leads', () => {
  const before = view(member('v1', { active: true }), member('v2'), member('v3'));
  expect(changesBetween(before, before)).toEqual([]);
  expect(changesBetween(before, view(member('v1', { seal: undefined, leader: '', trouble: 'nobody listens' }), member('v2', { active: true }), member('v3')))).toEqual([
    { kind: 'seen', what: 'v1: no answer' }, { kind: 'seen', what: 'v2: active' }, { kind: 'leader', what: 'v2 leads' },
  ]);
  expect(changesBetween(before, view(member('v1', { seal: { ...seal, sealed: true } }), member('v2'), member('v3')))).toEqual([{ kind: 'seen', what: 'v1: sealed' }]);
});

test('entries that are there are told as ranges, in whatever order they are listed', () => {
  expect(rangesOf('writer', [3, 1, 2, 10, 7, 8, 2])).toEqual([{ client: 'writer', from: 1, to: 3 }, { client: 'writer', from: 7, to: 8 }, { client: 'writer', from: 10, to: 10 }]);
  expect(rangesOf('writer', [])).toEqual([]);
});
