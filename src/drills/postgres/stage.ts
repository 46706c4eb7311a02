/** What is set up around one drill: the drill's database and its clients, taken away again whatever happens. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { Cluster } from '../../operations/postgres/cluster.ts';
import type { AdminSql } from '../../operations/postgres/sql.ts';
import { verifierFor } from '../../services/postgres/scram.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { Counted, PreparedStage } from '../service.ts';
import { chooseWay, memberEndpoints } from './watch/endpoints.ts';
import type { Patience } from './watch/connection.ts';
import { DRILL_DATABASE, newLogin, type DrillLogin } from './watch/login.ts';
import { openReadPort, type FoundReadPort } from './watch/reader.ts';
import { startProber } from './watch/prober.ts';
import { DROP_DATABASE_SQL, FOUND_SQL, makeDatabaseSql, MAKE_TABLE_SQL } from './watch/schema.ts';
import { startWriter } from './watch/writer.ts';

/** Milliseconds: what a client of a hospital's application would have, or a little less. */
const PATIENCE: Patience = { connectMs: 1500, statementMs: 2000 };
const WRITE_EVERY_MS = 20;
const PROBE_EVERY_MS = 100;
const WRITER = 'writer';

export interface PreparedRows extends PreparedStage {
  readonly readers: FoundReadPort;
}

/** Makes database, table and login on the leader, and finds out where the client can write. @throws Diagnostic */
export async function setStage(cluster: Cluster, leader: ClusterHost, sql: AdminSql, ca: string, signal: AbortSignal): Promise<PreparedRows> {
  const login: DrillLogin = newLogin();
  await sql.run(leader, 'postgres', makeDatabaseSql(verifierFor(login.password.reveal())), 60);
  await sql.run(leader, DRILL_DATABASE, MAKE_TABLE_SQL);
  const way = await chooseWay(cluster, login, ca, { connectMs: 5000, statementMs: 5000 });
  return {
    way: way.description,
    readers: await openReadPort(cluster, login, ca, signal),
    begin(now) {
      const common = { login, ca, patience: PATIENCE, now };
      const writer = startWriter({ ...common, name: WRITER, endpoints: way.endpoints, everyMs: WRITE_EVERY_MS });
      const prober = startProber({ ...common, members: memberEndpoints(cluster), everyMs: PROBE_EVERY_MS });
      return {
        writer: () => writer.recording(),
        prober: () => prober.recording(),
        async stop() {
          const [written, probed] = await Promise.all([writer.stop(), prober.stop()]);
          return { writer: written, prober: probed, counts: [] };
        },
      };
    },
  };
}

/** The rows that are there now, on whichever member leads. @returns undefined, with the reason, when they can't be read */
export async function countRows(leader: ClusterHost, sql: AdminSql): Promise<Counted> {
  try {
    const rows = await sql.rows(leader, DRILL_DATABASE, FOUND_SQL, 120);
    return { found: rows.map(([client = '', from, to]) => ({ client, from: Number(from), to: Number(to) })), why: undefined };
  } catch (error) {
    if (!(error instanceof Diagnostic)) throw error;
    return { found: undefined, why: error.format() };
  }
}

/** @throws Diagnostic when it can't be dropped */
export async function clearStage(leader: ClusterHost, sql: AdminSql): Promise<void> {
  await sql.run(leader, 'postgres', DROP_DATABASE_SQL, 60);
}
