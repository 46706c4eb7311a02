/** A cluster of three, as an inventory and as it answers when all is well. */
import type { ClusterHost } from '../../../src/operations/inventory.ts';
import type { Cluster } from '../../../src/operations/postgres/cluster.ts';
import type { ClusterView, MemberView } from '../../../src/operations/postgres/view.ts';

function host(name: string, i: number): ClusterHost {
  const address = `172.30.0.${String(10 + i)}`;
  return {
    name, address, site: 'kochi', drillsAllowed: true, labAddress: address, become: { user: 'root', password: undefined },
    target: { name, connection: 'ssh', address, port: 22, user: 'care', privateKeyFile: undefined, password: undefined, sshArgs: [], connectTimeoutSeconds: 10, knownHostsFiles: undefined },
  };
}

export function cluster(names: readonly string[] = ['a1', 'a2', 'b1']): Cluster {
  const members = names.map(host);
  return { name: 'care', inventories: ['inventory/lab'], members, etcd: members, proxies: members, backups: [], port: 5432, restPort: 8008, writePort: 5000, readPort: 5001, readMaxLagBytes: 104_857_600, pkiDirectory: '/etc/postgresql/pki', caFile: '/etc/postgresql/pki/ca.crt' };
}

export function member(name: string, more: Partial<MemberView> = {}): MemberView {
  return { name, role: 'quorum', state: 'streaming', startedAt: '2026-11-26 06:44:59.990848+00:00', timeline: 1, lagBytes: 0, replayPaused: false, pendingRestart: false, failsafeActive: false, tags: {}, reachable: true, trouble: undefined, ...more };
}

export function healthy(): ClusterView {
  return {
    members: [member('a1', { role: 'leader', state: 'running', lagBytes: undefined }), member('a2'), member('b1')],
    leader: 'a1', primaries: ['a1'], paused: false, scheduledSwitchover: undefined,
    config: { ttl: 20, loopWait: 5, retryTimeout: 5, maximumLagOnFailover: 1_048_576, synchronousMode: 'quorum', failsafe: true },
  };
}
