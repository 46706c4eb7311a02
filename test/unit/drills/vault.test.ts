import { expect, test, vi } from 'vitest';
import { startWriter } from '../../../src/drills/vault/client.ts';
import { changesBetween } from '../../../src/drills/vault/monitor.ts';
import { VaultClient } from '../../../src/services/vault/client.ts';
import type { MemberSeen } from '../../../src/services/vault/status.ts';
import { Secret } from '../../../src/support/secret.ts';
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

test('a client whose connection broke is closed before the next one is made, and the last ones when it is stopped', async () => {
  const closed: string[] = [];
  let made = 0;
  let start = 0;
  const client = ({ name }: { readonly name: string }): VaultClient => {
    made += 1;
    const broken = new VaultClient({ at: { host: '192.0.2.1', port: 8200, ca: '-----BEGIN CERTIFICATE-----' }, auth: { type: 'token', token: new Secret('of-the-drill') }, namespace: '' }, () => Promise.reject(new Error('cut')));
    const close = broken.close.bind(broken);
    vi.spyOn(broken, 'close').mockImplementation(async () => { closed.push(name); await close(); });
    return broken;
  };
  const writer = startWriter({ observer: { client }, members: [{ name: 'v1' }, { name: 'v2' }], token: new Secret('of-the-drill'), now: () => (start += 1) });
  await vi.waitUntil(() => made >= 4, { timeout: 5000 });
  const recording = await writer.stop();
  expect(closed).toHaveLength(made);
  expect(closed.slice(0, 4)).toEqual(['v1', 'v2', 'v1', 'v2']);
  expect([recording.acknowledged, recording.errors.length]).toEqual([[], made]);
});
