/** The read endpoint as a client sees it: whether a connection there leads to a replica that does not replay. */
import type { Cluster } from '../../operations/postgres/cluster.ts';
import { dial, WriteError, type Endpoint } from './connection.ts';
import type { DrillLogin } from './login.ts';

export interface ReadPort {
  /**
   * One connection through each proxy.
   *
   * @returns how many led to a server whose replay is paused, to another one, and to none
   */
  ask(): Promise<{ readonly paused: number; readonly others: number; readonly none: number }>;
}

const PATIENCE = { connectMs: 2000, statementMs: 2000 };

export async function openReadPort(cluster: Cluster, login: DrillLogin, ca: string): Promise<ReadPort | undefined> {
  const endpoints = cluster.proxies.map((host): Endpoint => ({ label: host.name, host: host.address, port: cluster.readPort, names: [host.name, host.address], member: false }));
  const one = async (endpoint: Endpoint): Promise<boolean | undefined> => {
    try {
      const connection = await dial(endpoint, login, ca, PATIENCE);
      try {
        return await connection.replayPaused();
      } finally {
        connection.destroy();
      }
    } catch (error) {
      if (error instanceof WriteError) return undefined;
      throw error;
    }
  };
  const port: ReadPort = {
    async ask() {
      const answers = await Promise.all(endpoints.map(one));
      const count = (wanted: boolean | undefined): number => answers.filter((a) => a === wanted).length;
      return { paused: count(true), others: count(false), none: count(undefined) };
    },
  };
  return (await port.ask()).others > 0 ? port : undefined;
}
