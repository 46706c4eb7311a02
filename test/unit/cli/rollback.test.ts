/** What the command makes of the history, without a host. */
import { expect, test } from 'vitest';
import { changedHosts, surelyChanged } from '../../../src/cli/actions/rollback.ts';
import { noCounts } from '../../../src/run/counts.ts';
import type { ChangeRow } from '../../../src/state/store.ts';

test('hosts that a run may have changed: changed, failed, not through, or changed by a worker that another has followed', () => {
  const change: ChangeRow = { type: 'change', host: 'followed', role: '', task: '', resource: 'file /etc/x', what: 'write', handler: false, unknown: false, diff: null, seen: null, delegatedTo: null, at: null };
  const hosts = { changed: { ...noCounts(), changed: 1 }, failed: { ...noCounts(), failed: 1 }, cut: null, ok: { ...noCounts(), ok: 9 }, followed: { ...noCounts(), ok: 9 } };
  expect(changedHosts({ hosts, changes: [change] })).toEqual(['changed', 'failed', 'cut', 'followed']);
});

test('what was delegated was changed where it was done', () => {
  const change: ChangeRow = { type: 'change', host: 'asker', role: '', task: '', resource: 'file /etc/x', what: 'write', handler: false, unknown: false, diff: null, seen: null, delegatedTo: 'doer', at: null };
  const run = { hosts: { asker: { ...noCounts(), changed: 1 }, idle: { ...noCounts(), ok: 9 } }, changes: [change] };
  // Both are looked at; that nothing is kept on one of them is no failure, unless it has changed by itself as well.
  expect([changedHosts(run), surelyChanged(run)]).toEqual([['asker', 'doer'], []]);
  expect(surelyChanged({ changes: [change, { ...change, host: 'doer', delegatedTo: null }] })).toEqual(['doer']);
});
