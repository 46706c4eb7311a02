/** The read endpoint as a client sees it: to which server a connection there leads. */
import type { Cluster } from '../../../operations/postgres/cluster.ts';
import { waitUntil } from '../../wait.ts';
import { dial, WriteError, type Endpoint } from './connection.ts';
import type { DrillLogin } from './login.ts';

export interface ReadPort {
  /**
   * One connection through each proxy.
   *
   * @returns when the server behind each was started (`STARTED_SQL`); a proxy that led nowhere is left out
   */
  ask(): Promise<readonly string[]>;
}

const PATIENCE = { connectMs: 2000, statementMs: 2000 };
/** A database made a moment ago must reach the replicas, and a pooler that looked for it too early tries again after a second. */
const OPEN_SECONDS = 15;

export type FoundReadPort = { readonly port: ReadPort } | { readonly port: undefined; readonly why: string };

/** @returns the read port, or why no proxy lets readers in */
export async function openReadPort(cluster: Cluster, login: DrillLogin, ca: string, signal: AbortSignal): Promise<FoundReadPort> {
  const endpoints = cluster.proxies.map((host): Endpoint => ({ label: host.name, host: host.address, port: cluster.readPort, names: [host.name, host.address], member: false }));
  if (endpoints.length === 0) return { port: undefined, why: 'the inventory has no proxies' };
  const one = async (endpoint: Endpoint): Promise<string | WriteError> => {
    try {
      const connection = await dial(endpoint, login, ca, PATIENCE);
      try {
        return await connection.startedAt();
      } finally {
        connection.destroy();
      }
    } catch (error) {
      if (error instanceof WriteError) return error;
      throw error;
    }
  };
  const missing = await waitUntil(async () => {
    const answers = await Promise.all(endpoints.map(one));
    if (answers.some((answer) => typeof answer === 'string')) return undefined;
    return answers.map((answer, i) => `${endpoints[i]?.label ?? ''}: ${answer instanceof WriteError ? answer.message : ''}`).join('; ');
  }, OPEN_SECONDS, signal);
  if (missing !== undefined) return { port: undefined, why: missing };
  return {
    port: {
      async ask() {
        return (await Promise.all(endpoints.map(one))).filter((answer) => typeof answer === 'string');
      },
    },
  };
}
