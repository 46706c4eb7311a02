/** Leases where the server, the clock or the other controller does what they may; against a server see test/integration/store-postgresql.test.ts. */
import { expect, test } from 'vitest';
import { acquireLease, type Lease } from '../../../src/state/lease.ts';
import type { Row } from '../../../src/state/rows.ts';
import type { SqlDatabase, SqlValue } from '../../../src/state/sql.ts';
import { SqlStore } from '../../../src/state/sql-store.ts';

/** One table of leases by the statements that leases are made of; the server's clock stands still. */
class Table implements SqlDatabase {
  readonly rows = new Map<string, { holder: string; expires: number }>();
  readonly asked: { readonly sql: string; readonly values: readonly SqlValue[] }[] = [];
  now = 0;

  all(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    this.asked.push({ sql, values });
    const row = (name: string, { holder, expires }: { holder: string; expires: number }): Row => ({ name, token: 1, holder, command: `apply by ${holder}`, user_name: 'u', controller: 'c', pid: 1, since: 's', seconds_left: expires - this.now });
    if (sql.startsWith('insert into leases')) {
      const name = String(values[0]);
      const holder = String(values[sql.includes('values ($1, 1,') ? 1 : 2]);
      const known = this.rows.get(name);
      const free = known === undefined || known.holder === holder || (sql.includes('leases.expires_at <=') && known.expires <= this.now);
      if (!free) return Promise.resolve([]);
      this.rows.set(name, { holder, expires: this.now + 30 });
      return Promise.resolve([row(name, { holder, expires: this.now + 30 })]);
    }
    if (sql.startsWith('update leases')) {
      const own = [...this.rows].filter(([, each]) => each.holder === values[0]);
      for (const [, each] of own) each.expires = sql.includes('expires_at = 0') ? 0 : this.now + 30;
      return Promise.resolve(own.map(([name, each]) => row(name, each)));
    }
    const found = this.rows.get(String(values[0]));
    return Promise.resolve(found === undefined ? [] : [row(String(values[0]), found)]);
  }

  script(): Promise<void> { return Promise.resolve(); }
  transaction<T>(work: (session: SqlDatabase) => Promise<T>): Promise<T> { return work(this); }
  usedBytes(): Promise<undefined> { return Promise.resolve(undefined); }
  serverTime(): Promise<number> { return Promise.resolve(Date.parse('2026-11-26T00:00:00Z')); }
  close(): Promise<void> { return Promise.resolve(); }
}

async function lease(table: Table, clock: { now: number }): Promise<{ readonly lease: Lease; readonly troubles: string[] }> {
  const troubles: string[] = [];
  const taken = await acquireLease(table, { names: ['inventory/lab'], command: 'apply', waitSeconds: 0, onTrouble: (error) => troubles.push(String(error)), now: () => clock.now });
  return { lease: taken, troubles };
}

test('a machine that has slept for longer than its lease asks before it changes anything, and changes nothing when somebody else has it', async () => {
  const table = new Table();
  const clock = { now: 0 };
  const { lease: held } = await lease(table, clock);
  await held.check();
  table.now = 100;
  table.rows.set('inventory/lab', { holder: 'other', expires: 130 });
  clock.now = 100_000;
  await expect(held.check()).rejects.toMatchObject({ code: 'lease-lost', message: expect.stringContaining('apply by other') as string });
  await held.release();
});

test('a lease that a failover has lost is made anew: nobody else gets it meanwhile', async () => {
  const table = new Table();
  const clock = { now: 0 };
  const { lease: held, troubles } = await lease(table, clock);
  table.rows.clear();
  clock.now = 31_000;
  await held.check();
  expect(troubles).toEqual([]);
  await expect(lease(table, clock)).rejects.toMatchObject({ code: 'inventory-leased' });
  await held.release();
});

test('of one that another run has had, and given back, nothing is made anew', async () => {
  const table = new Table();
  const clock = { now: 0 };
  const { lease: held } = await lease(table, clock);
  table.rows.set('inventory/lab', { holder: 'other', expires: 0 });
  clock.now = 31_000;
  await expect(held.check()).rejects.toMatchObject({ code: 'lease-lost' });
  await held.release();
});

test('days of a shared history are counted by the server, whatever the clock of this controller says', async () => {
  const table = new Table();
  await new SqlStore(table).prune({ runs: 5, days: 10, bytes: 1 });
  expect(table.asked.find(({ sql }) => sql.startsWith('delete'))?.values).toEqual([5, '2026-11-16T00:00:00.000Z']);
});
