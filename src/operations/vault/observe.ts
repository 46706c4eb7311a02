/** Asks the members of a cluster what they are, all at once, each within a bound. What needs no token is asked of each by itself. */
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { OPERATOR } from '../../services/vault/access.ts';
import { VaultClient, type Limits } from '../../services/vault/client.ts';
import type { VaultAuth } from '../../services/vault/login.ts';
import { lookAtMember, type MemberSeen } from '../../services/vault/status.ts';
import type { ClusterHost } from '../inventory.ts';
import type { HostAccess } from '../hosts.ts';
import type { VaultCluster } from './cluster.ts';

/** Seconds for one question, the connection included. */
const ASK_SECONDS = 8;

export interface VaultObserver {
  member(host: ClusterHost): Promise<MemberSeen>;
  /** All members. Never throws for what a member does not answer: that is in what was seen. */
  look(): Promise<readonly MemberSeen[]>;
  /** A client of one member; it must be closed. */
  client(host: ClusterHost, auth: VaultAuth): VaultClient;
  /** The same as the operator. @throws Diagnostic when the controller has no CA for that */
  operator(host: ClusterHost): VaultClient;
  readonly limits: Limits;
}

/** The CA bundle that the members' certificates are verified with, as one of them has it. @throws Diagnostic when none can be reached or has it */
export async function vaultCa(cluster: VaultCluster, hosts: HostAccess): Promise<string> {
  let last: unknown;
  for (const member of cluster.members) {
    try {
      return await hosts.text(member, sh`cat ${cluster.caFile}`);
    } catch (error) {
      if (!(error instanceof Diagnostic) || (error.kind !== 'unreachable' && error.kind !== 'failed')) throw error;
      last = error.kind === 'unreachable' ? error : failure('no-vault-there', `${member.name} has no ${cluster.caFile}`, { remedy: 'apply playbooks/vault.yml first', cause: error });
    }
  }
  throw last;
}

export function vaultObserver(cluster: VaultCluster, hosts: HostAccess, ca: string, signal: AbortSignal): VaultObserver {
  const limits: Limits = { signal, timeoutSeconds: ASK_SECONDS };
  const client = (host: ClusterHost, auth: VaultAuth): VaultClient =>
    new VaultClient({ at: { host: host.address, port: cluster.port, ca }, auth, namespace: '' }, async () => Promise.resolve({ forward: (address, port) => hosts.forward(host, address, port) }));
  const member = async (host: ClusterHost): Promise<MemberSeen> => {
    const asking = client(host, { type: 'none' });
    try {
      return await lookAtMember(host.name, asking, limits);
    } finally {
      await asking.close();
    }
  };
  return {
    limits, member, client,
    look: () => Promise.all(cluster.members.map(member)),
    operator: (host) => client(host, { type: 'certificate', authority: cluster.operatorAuthority(), ...OPERATOR }),
  };
}
