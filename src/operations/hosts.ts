/** Connections to the hosts of a cluster: made when first needed, made anew when lost, commands as root, everything bounded. */
import type { Duplex } from 'node:stream';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { safeLine } from '../support/terminal-text.ts';
import { sh, type Script } from '../support/shell.ts';
import { createConnector } from '../transport/index.ts';
import type { Connection, Outcome } from '../transport/types.ts';
import type { ClusterHost } from './inventory.ts';

export interface HostAccess {
  /**
   * Runs a script as root, whatever its exit status.
   *
   * @param timeoutSeconds the script is ended after this; default 30
   * @throws Diagnostic `unreachable` when the host cannot be reached
   */
  run(host: ClusterHost, script: Script, timeoutSeconds?: number): Promise<Outcome>;
  /** Its output. @throws Diagnostic `failed` with its errors when it ends with another status than 0 */
  text(host: ClusterHost, script: Script, timeoutSeconds?: number): Promise<string>;
  /** A stream to a port as seen from the host. */
  forward(host: ClusterHost, address: string, port: number): Promise<Duplex>;
  /** Drops what is known of a host that is going away, so that nobody waits for its answers. */
  drop(host: ClusterHost): void;
  close(): Promise<void>;
}

/** Seconds between keep-alives; a dead host is noticed after three. */
const KEEPALIVE_SECONDS = 3;

export function hostAccess(warn: (message: string) => void = () => undefined): HostAccess {
  const connector = createConnector({ keepaliveSeconds: KEEPALIVE_SECONDS, log: warn });
  const connections = new Map<string, Promise<Connection>>();

  const connection = (host: ClusterHost): Promise<Connection> => {
    const known = connections.get(host.name);
    if (known !== undefined) return known;
    const made = connector.connect(host.target);
    connections.set(host.name, made);
    made.catch(() => { if (connections.get(host.name) === made) connections.delete(host.name); });
    return made;
  };
  const forget = (host: ClusterHost): void => {
    const old = connections.get(host.name);
    connections.delete(host.name);
    // Whoever waits on it hears of its end; a connection that failed has nothing to close.
    void old?.then((c) => c.close(), () => undefined);
  };
  /** One more try on a connection that turns out to be lost: the host may have come back since. */
  const withConnection = async <T>(host: ClusterHost, work: (c: Connection) => Promise<T>): Promise<T> => {
    const had = connections.has(host.name);
    try {
      return await work(await connection(host));
    } catch (error) {
      if (!(error instanceof Diagnostic) || error.kind !== 'unreachable') throw error;
      forget(host);
      // Only what surely has not begun is tried again: a script that was cut off may have done its work.
      if (!had || error.code !== 'connection-lost' || !error.message.includes('between scripts')) throw error;
      return work(await connection(host));
    }
  };
  const run = (host: ClusterHost, script: Script, timeoutSeconds = 30): Promise<Outcome> =>
    withConnection(host, async (c) => (await c.runner(host.become)).run({ script, timeoutSeconds }));
  return {
    run,
    async text(host, script, timeoutSeconds = 30) {
      const outcome = await run(host, script, timeoutSeconds);
      if (outcome.state === 'done' && outcome.status === 0) return outcome.stdout.toString('utf8');
      const detail = [outcome.stderr, outcome.stdout].map((out) => out.toString('utf8').trim()).filter((out) => out !== '').join('\n').slice(-1500);
      const how = outcome.state === 'timed-out' ? `did not end within ${String(timeoutSeconds)} s` : `ended with status ${String(outcome.status)}`;
      throw failure('command-failed', `${host.name}: a command ${how}: ${safeLine(script.text).slice(0, 120)}`, { detail });
    },
    forward: (host, address, port) => withConnection(host, (c) => c.forward(address, port)),
    drop: forget,
    async close() {
      const all = [...connections.values()];
      connections.clear();
      await Promise.all(all.map((each) => each.then((c) => c.close(), () => undefined)));
      await connector.close();
    },
  };
}

/**
 * A file as the first host has it that can be reached and has it, with that host.
 *
 * @throws Diagnostic of the last that was asked
 */
export async function fileOfFirst(access: HostAccess, hosts: readonly ClusterHost[], file: string): Promise<{ readonly host: ClusterHost; readonly text: string }> {
  let last: unknown;
  for (const host of hosts) {
    try {
      return { host, text: await access.text(host, sh`cat ${file}`) };
    } catch (error) {
      if (!(error instanceof Diagnostic) || (error.kind !== 'unreachable' && error.kind !== 'failed')) throw error;
      last = error;
    }
  }
  throw last;
}
