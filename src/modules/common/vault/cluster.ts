/** What an OpenBao or Vault cluster is: each member asked by itself over the host's connection, and the leader asked for its peers. */
import { defineServiceQuery } from '../../../host/define-query.ts';
import type { ServicePort } from '../../../services/port.ts';
import { OPERATOR } from '../../../services/vault/access.ts';
import { vault, type Limits } from '../../../services/vault/client.ts';
import type { VaultAddress, VaultAuth } from '../../../services/vault/login.ts';
import { isOpen, lookAtMember, raftPeers, type MemberSeen, type RaftPeer } from '../../../services/vault/status.ts';
import { VaultTrouble, type TroubleKind } from '../../../services/vault/trouble.ts';
import type { Authority } from '../../../support/x509/authority.ts';

export interface VaultClusterKey {
  readonly members: readonly { readonly name: string; readonly address: string }[];
  readonly port: number;
  /** PEM of the CAs that sign the members' certificates. */
  readonly ca: string;
  /** The operators' CA. */
  readonly operators: Authority;
}

export interface VaultClusterFact {
  readonly members: readonly MemberSeen[];
  /** Undefined when no member leads, or it does not let the operator in. */
  readonly peers: readonly RaftPeer[] | undefined;
  readonly peersTrouble: string;
  /** Whether asking again in a moment may be answered: members are open and elect, or connections broke. */
  readonly peersPassing: boolean;
}

/** What ends by itself; the others wait for people. */
const PASSING: ReadonlySet<TroubleKind> = new Set<TroubleKind>(['silent', 'no-leader', 'lost']);
/** Seconds for one question. */
const ASK_SECONDS = 5;

export function addressOf(key: VaultClusterKey, address: string): VaultAddress {
  return { host: address, port: key.port, ca: key.ca };
}

export function operatorAuth(key: VaultClusterKey): VaultAuth {
  return { type: 'certificate', authority: key.operators, ...OPERATOR };
}

function limitsOf(port: ServicePort, seconds: number): Limits {
  return { signal: port.signal, timeoutSeconds: Math.min(port.timeoutSeconds, seconds) };
}

/**
 * The member that the operator asks: the one that leads, or one that passes on to whoever does, for a leader need not be among those that are
 * listed (it may be leaving). Undefined when none does.
 */
export function memberToAsk(members: readonly MemberSeen[]): string | undefined {
  return (members.find((m) => m.active) ?? members.find((m) => isOpen(m) && m.leader !== ''))?.name;
}

/** Asks all members at once. @throws Diagnostic when the host is lost */
export async function lookAtCluster(key: VaultClusterKey, port: ServicePort): Promise<VaultClusterFact> {
  const limits = limitsOf(port, ASK_SECONDS);
  const members = await Promise.all(key.members.map((m) => lookAtMember(m.name, port.clients.get(vault, { at: addressOf(key, m.address), auth: { type: 'none' }, namespace: '' }), limits)));
  const asked = memberToAsk(members);
  const address = key.members.find((m) => m.name === asked)?.address;
  if (address === undefined) return { members, peers: undefined, peersTrouble: 'no member leads', peersPassing: members.some(isOpen) };
  try {
    return { members, peers: await raftPeers(port.clients.get(vault, { at: addressOf(key, address), auth: operatorAuth(key), namespace: '' }), limits), peersTrouble: '', peersPassing: false };
  } catch (error) {
    if (error instanceof VaultTrouble) return { members, peers: undefined, peersTrouble: error.trouble.msg, peersPassing: PASSING.has(error.trouble.kind) };
    throw error;
  }
}

/** What may be told of an index that moves by itself: whether there is one. */
function settled(fact: VaultClusterFact): unknown {
  return { ...fact, members: fact.members.map((m) => ({ ...m, appliedIndex: 0, seal: m.seal === undefined ? undefined : { ...m.seal, progress: 0 } })) };
}

export const vaultCluster = defineServiceQuery<VaultClusterKey, VaultClusterFact>({
  name: 'vault-cluster',
  id: (key) => `${key.members.map((m) => `${m.name}=${m.address}`).join(' ')} ${String(key.port)} ${key.operators.current.certificate.fingerprint.slice(0, 12)}`,
  describe: (key) => `the vault cluster of ${key.members.map((m) => m.name).join(', ')}`,
  answer: (keys, port) => Promise.all(keys.map((key) => lookAtCluster(key, port))),
  same: (a, b) => JSON.stringify(settled(a)) === JSON.stringify(settled(b)),
  show: (fact) => fact.members.map((m) => `${m.name} ${m.active ? 'leads' : isOpen(m) ? 'follows' : (m.trouble ?? 'is not open')}`).join(', '),
  after: ['unit'],
  // Elections, people with key shares: another moment, another answer.
  passing: () => true,
});
