/** Rows of a run that workers share, on a real PostgreSQL of this machine: who leads what is carried out once when a share changes hands. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresDatabase } from '../../../src/state/postgres.ts';
import { prepareSchema } from '../../../src/state/postgres-store.ts';
import { databaseAddress } from '../../../src/state/postgres-url.ts';
import { RunShares } from '../../../src/state/run-shares.ts';
import { SharedRun, type ShareLease } from '../../../src/state/shared-run.ts';
import { hasPostgres, startPostgres, type LocalPostgres } from '../support/local-postgres.ts';
import { authority } from '../support/openbao.ts';

describe.skipIf(!hasPostgres())('what is carried out once', () => {
  let server: LocalPostgres;
  let db: PostgresDatabase;
  beforeAll(async () => {
    server = await startPostgres(authority('runs'));
    db = await PostgresDatabase.open(databaseAddress(`postgresql://${server.superuser}:${server.password}@127.0.0.1:${String(server.port)}/postgres?sslmode=verify-full&sslrootcert=${server.caFile}`));
    await prepareSchema(db);
  });
  afterAll(async () => {
    await db.close();
    await server.stop();
  });

  const claimed = async (worker: RunShares): Promise<ShareLease> => {
    const lease = await worker.claim(false);
    if (lease === undefined) throw new Error('there is no share');
    return lease;
  };
  /** Shares of a run of four hosts, `a` to `d`: the first has `a` and `c`, and stood before a task with `a`, which leads. */
  const begun = async (run: string): Promise<{ readonly first: RunShares; readonly lease: ShareLease; readonly next: RunShares; readonly other: RunShares }> => {
    await SharedRun.begin(db, run, '', [['a', 'c'], ['b', 'd']]);
    const [first, other, next] = [new RunShares(db, run, 'first'), new RunShares(db, run, 'other'), new RunShares(db, run, 'next')];
    const lease = await claimed(first);
    await first.stands(lease, 'p', 'a', 0);
    await other.stands(await claimed(other), 'p', 'b', 1);
    expect(await other.leader('p')).toEqual({ host: 'a', failed: undefined });
    return { first, lease, next, other };
  };

  it('is led by the same share, by the host that its new worker has, when the one of before is lost to it', async () => {
    const { first, lease, next, other } = await begun('led');
    await first.giveBack(lease);
    const taken = await claimed(next);
    expect([taken.share, taken.token]).toEqual([lease.share, 2]);
    await next.stands(taken, 'p', 'c', 2);
    // Not `b`, which has waited for this share's since: that would wait for itself.
    expect(await next.leader('p')).toEqual({ host: 'c', failed: undefined });
    await next.conclude(taken, 'p', 'c', false);
    expect(await other.leader('p')).toEqual({ host: 'c', failed: false });
    await expect(first.stands(lease, 'p', 'a', 0)).rejects.toMatchObject({ code: 'share-lost' });
    expect(await other.leader('p')).toEqual({ host: 'c', failed: false });
  });

  it('is not carried out again where the worker of before had', async () => {
    const { first, lease, next } = await begun('done');
    await first.conclude(lease, 'p', 'a', true);
    await first.giveBack(lease);
    const taken = await claimed(next);
    await next.stands(taken, 'p', 'c', 2);
    // Of its own host, so that this one learns of it: of one that is not there nobody would ask.
    expect(await next.leader('p')).toEqual({ host: 'c', failed: true });
  });
});
