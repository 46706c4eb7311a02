/** Asks the members of a cluster what they are, all at once, each within a bound. */
import { Diagnostic } from '../../support/diagnostic.ts';
import { patroniClient, type PatroniClient } from '../../services/patroni/client.ts';
import type { ClusterAnswer, ConfigAnswer } from '../../services/patroni/answers.ts';
import type { ClusterHost } from '../inventory.ts';
import type { Cluster } from './cluster.ts';
import { fileOfFirst, type HostAccess } from '../hosts.ts';
import { clusterView, type ClusterView, type MemberSeen } from './view.ts';

export interface Observer {
  /** One member's own answer, or why there is none. */
  member(host: ClusterHost): Promise<MemberSeen>;
  /** What the first of these members that answers says of the whole. */
  shared(members: readonly ClusterHost[]): Promise<Shared>;
  /** A look at all members. Never throws for what a member does not answer: that is in the view. */
  look(): Promise<ClusterView>;
  client(host: ClusterHost): PatroniClient;
}

export interface Shared {
  readonly cluster: ClusterAnswer | undefined;
  readonly config: ConfigAnswer | undefined;
}

/** Milliseconds for one question, a new TLS handshake included. */
const ASK_MS = 4000;

/**
 * The CA bundle that the cluster's servers are verified with, as a member has it.
 *
 * @throws Diagnostic when no member can be reached or none has it
 */
export async function clusterCa(cluster: Cluster, hosts: HostAccess): Promise<string> {
  return (await fileOfFirst(hosts, cluster.members, cluster.caFile)).text;
}

export function observer(cluster: Cluster, hosts: HostAccess, ca: string, timeoutMs = ASK_MS): Observer {
  const client = (host: ClusterHost): PatroniClient =>
    patroniClient({ host: host.name, open: () => hosts.forward(host, host.address, cluster.restPort), serverName: host.name, ca, timeoutMs });
  const member = async (host: ClusterHost): Promise<MemberSeen> => {
    try {
      return { name: host.name, answer: await client(host).member(), trouble: undefined };
    } catch (error) {
      return { name: host.name, answer: undefined, trouble: troubleOf(error) };
    }
  };
  const shared = async (members: readonly ClusterHost[]): Promise<Shared> => {
    for (const host of members) {
      // One after another: the configuration store may be away for some.
      const [known, config] = await Promise.allSettled([client(host).cluster(), client(host).config()]);
      if (known.status === 'fulfilled') return { cluster: known.value, config: config.status === 'fulfilled' ? config.value : undefined };
    }
    return { cluster: undefined, config: undefined };
  };
  return {
    client,
    member,
    shared,
    async look() {
      const seen = await Promise.all(cluster.members.map(member));
      const known = await shared(cluster.members.filter((host) => seen.some((s) => s.name === host.name && s.answer !== undefined)));
      return clusterView(seen, known.cluster, known.config);
    },
  };
}

function troubleOf(error: unknown): string {
  if (error instanceof Diagnostic) return error.message;
  throw error;
}
