/** Where a drill's client writes: the write endpoint as applications use it, or the members themselves where there is none. */
import type { ClusterHost } from '../../../operations/inventory.ts';
import type { Cluster } from '../../../operations/postgres/cluster.ts';
import { failure } from '../../../support/diagnostic.ts';
import { dial, WriteError, type Endpoint, type Patience } from './connection.ts';
import type { DrillLogin } from './login.ts';

export interface Way {
  readonly endpoints: readonly Endpoint[];
  /** For the report: how the client has written. */
  readonly description: string;
}

/** The members, each for itself. */
export function memberEndpoints(cluster: Cluster): readonly Endpoint[] {
  return cluster.members.map((host) => ({ label: host.name, host: host.address, port: cluster.port, names: namesOf(host), member: true }));
}

function namesOf(host: ClusterHost): readonly string[] {
  return [host.name, host.address];
}

export function proxyEndpoints(cluster: Cluster): readonly Endpoint[] {
  return cluster.proxies.map((host) => ({ label: `${host.name}:${String(cluster.writePort)}`, host: host.address, port: cluster.writePort, names: namesOf(host), member: false }));
}

/** Why nobody could be logged in to, one line an endpoint. */
async function tryAll(endpoints: readonly Endpoint[], login: DrillLogin, ca: string, patience: Patience): Promise<readonly (WriteError | undefined)[]> {
  return Promise.all(endpoints.map(async (endpoint) => {
    try {
      const connection = await dial(endpoint, login, ca, patience);
      try {
        await connection.inRecovery();
        return undefined;
      } finally {
        connection.destroy();
      }
    } catch (error) {
      if (error instanceof WriteError) return error;
      throw error;
    }
  }));
}

const WORDS = 'several hosts in turn';

/**
 * The write endpoint when at least one of the proxies lets the drill's login in; else the members directly.
 *
 * @throws Diagnostic when neither does, with each one's reason
 */
export async function chooseWay(cluster: Cluster, login: DrillLogin, ca: string, patience: Patience): Promise<Way> {
  const proxies = proxyEndpoints(cluster);
  const throughProxies = await tryAll(proxies, login, ca, patience);
  if (throughProxies.includes(undefined)) return { endpoints: proxies, description: `through the write endpoint, ${proxies.map((p) => p.label).join(', ')} (${WORDS}, TLS verified)` };
  const members = memberEndpoints(cluster);
  const direct = await tryAll(members, login, ca, patience);
  if (direct.includes(undefined)) {
    return { endpoints: members, description: `to the members directly, as with target_session_attrs=read-write (${WORDS}, TLS verified): no proxy lets us in on port ${String(cluster.writePort)} (${throughProxies[0]?.message ?? ''})` };
  }
  const reasons = [...proxies.map((p, i) => `${p.label}: ${throughProxies[i]?.message ?? ''}`), ...members.map((m, i) => `${m.label}:${String(m.port)}: ${direct[i]?.message ?? ''}`)];
  throw failure('no-way-to-write', 'the drill’s client can log in neither through a proxy nor to a member', {
    detail: reasons.join('\n'),
    remedy: 'the client runs on this machine: add its network to postgres_client_networks of the inventory and apply',
  });
}
