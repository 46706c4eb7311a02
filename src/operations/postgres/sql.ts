/** Statements as the superuser on a member, through its own psql over SSH: peer authentication, no password anywhere. */
import { attach, sh } from '../../support/shell.ts';
import { failure } from '../../support/diagnostic.ts';
import type { ClusterHost } from '../inventory.ts';
import type { HostAccess } from '../hosts.ts';

export interface AdminSql {
  /**
   * Runs statements one after another, each in a transaction of its own, and stops at the first that fails.
   *
   * @throws Diagnostic with the server's message
   */
  run(host: ClusterHost, database: string, statements: readonly string[], timeoutSeconds?: number): Promise<void>;
  /** The rows of one query, each as its columns' texts; NULL is ''. */
  rows(host: ClusterHost, database: string, query: string, timeoutSeconds?: number): Promise<readonly (readonly string[])[]>;
}

/** Between columns and between rows: control characters that no identifier and no number holds. */
const COLUMN = '\u001f';
const ROW = '\u001e';

/** @param port TCP port, which names the socket's file too */
export function adminSql(hosts: HostAccess, port: number): AdminSql {
  const psql = async (host: ClusterHost, database: string, text: string, timeoutSeconds: number): Promise<string> => {
    const input = attach(text);
    const outcome = await hosts.run(host, sh`cd / && PGCONNECT_TIMEOUT=5 exec runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -F ${COLUMN} -R ${ROW} -p ${port} -d ${database} -f - <${input}`, timeoutSeconds);
    if (outcome.state === 'done' && outcome.status === 0) return outcome.stdout.toString('utf8');
    const why = outcome.state === 'timed-out' ? `no answer within ${String(timeoutSeconds)} s` : outcome.stderr.toString('utf8').trim();
    throw failure('sql-failed', `${host.name}: PostgreSQL did not do as told (database ${database})`, { detail: why.slice(0, 1500) });
  };
  return {
    async run(host, database, statements, timeoutSeconds = 30) {
      await psql(host, database, statements.map((statement) => `${statement};\n`).join(''), timeoutSeconds);
    },
    async rows(host, database, query, timeoutSeconds = 30) {
      const out = await psql(host, database, `${query};\n`, timeoutSeconds);
      return out.trimEnd() === '' ? [] : out.replace(/\n$/, '').split(ROW).map((row) => row.split(COLUMN));
    },
  };
}
