/** A share's lease as its worker sees it, without a server. */
import { afterEach, expect, test } from 'vitest';
import { Share, type ShareInit } from '../../../src/run/workers/share.ts';
import { LEASE_SECONDS } from '../../../src/state/lease.ts';
import { RunShares } from '../../../src/state/shared-run.ts';
import type { SqlDatabase } from '../../../src/state/sql.ts';

const open: Share[] = [];
afterEach(async () => { for (const share of open.splice(0)) await share.release(); });

/** A server that gives these rows for every question. */
function server(all: SqlDatabase['all']): SqlDatabase {
  return { all, script: () => Promise.resolve(), transaction: (work) => work({ all, script: () => Promise.resolve() }), usedBytes: () => Promise.resolve(undefined), serverTime: () => Promise.resolve(undefined), close: () => Promise.resolve() };
}

function shareOf(all: SqlDatabase['all'], more: Partial<ShareInit> = {}): Share {
  const share = new Share({ shares: new RunShares(server(all), 'r', 'me'), lease: { share: 0, hosts: ['a'], token: 1 }, numberOf: () => 0, ends: new AbortController().signal, asked: 0, now: () => 0, ...more });
  open.push(share);
  return share;
}

test('after a sleep of the machine, and after a late answer, it is asked whose the share is before anything is changed', async () => {
  let now = 0;
  let asked = 0;
  const share = shareOf(() => { asked += 1; return Promise.resolve([]); }, { now: () => now });
  await share.check();
  expect(asked).toBe(0);
  now = LEASE_SECONDS * 1000 + 1;
  await expect(share.check()).rejects.toMatchObject({ code: 'share-lost' });
  expect([asked, share.lost.aborted]).toEqual([1, true]);
  const late = shareOf(() => Promise.resolve([]), { asked: now - LEASE_SECONDS * 1000 - 1, now: () => now });
  await expect(late.check()).rejects.toMatchObject({ code: 'share-lost' });
});
