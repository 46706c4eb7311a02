/** What was seen of the members, as one thing; and what is wrong with it. Pure. */
import { isOpen, quorum, type MemberSeen, type RaftPeer } from '../../services/vault/status.ts';
import type { VaultCluster } from './cluster.ts';

export interface VaultView {
  readonly members: readonly MemberSeen[];
  /** As the leader has them; undefined when nobody could be asked as an operator. */
  readonly peers: readonly RaftPeer[] | undefined;
  /** Why not. */
  readonly peersTrouble: string | undefined;
}

export function activeOf(members: readonly MemberSeen[]): MemberSeen | undefined {
  return members.find((member) => member.active);
}

function ofMembers(members: readonly MemberSeen[]): readonly string[] {
  const names = (list: readonly MemberSeen[]): string => list.map((m) => m.name).join(', ');
  const problems: string[] = [];
  for (const silent of members.filter((m) => m.seal === undefined)) problems.push(`${silent.name} does not answer: ${silent.trouble ?? ''}`);
  const answering = members.filter((m) => m.seal !== undefined);
  if (answering.length > 0 && answering.every((m) => m.seal?.initialized === false)) return [...problems, 'the cluster is not initialised: care-provision vault init'];
  const outside = answering.filter((m) => m.seal?.initialized === false);
  if (outside.length > 0) problems.push(`${names(outside)} has not joined the cluster yet: journalctl -u care-vault there`);
  const sealed = answering.filter((m) => m.seal?.initialized === true && m.seal.sealed);
  if (sealed.length > 0) problems.push(`${names(sealed)} is sealed: care-provision vault unseal`);
  const open = members.filter(isOpen);
  if (open.length < quorum(members.length)) problems.push(`only ${String(open.length)} of ${String(members.length)} members are open, and ${String(quorum(members.length))} are needed for a quorum: ${sealed.length > 0 ? 'unseal more of them' : 'bring back the others'}; nothing is lost meanwhile`);
  else if (activeOf(members) === undefined) problems.push('no member leads: an election is under way, or members cannot reach one another (cluster port)');
  const clusters = new Set(open.map((m) => m.seal?.cluster_id).filter((id) => id !== undefined && id !== ''));
  if (clusters.size > 1) problems.push(`there is more than one cluster: ${open.map((m) => `${m.name} is of ${m.seal?.cluster_id ?? ''}`).join(', ')}`);
  const leaders = new Set(open.map((m) => m.leader));
  if (clusters.size < 2 && leaders.size > 1) problems.push(`members follow different leaders: ${open.map((m) => `${m.name} → ${m.leader === '' ? 'nobody' : m.leader}`).join(', ')}`);
  return problems;
}

/** What is wrong, each in words for people; empty when all is well. */
export function problemsOf(cluster: Pick<VaultCluster, 'members'>, view: VaultView): readonly string[] {
  const problems = [...ofMembers(view.members)];
  const versions = [...new Set(view.members.flatMap((m) => (m.seal === undefined ? [] : [m.seal.version])))];
  if (versions.length > 1) problems.push(`members run different versions: ${versions.join(', ')}; an upgrade is under way or was broken off: apply the playbook`);
  if (view.peers === undefined) return problems;
  const listed = new Set(cluster.members.map((m) => m.name));
  for (const peer of view.peers.filter((p) => !listed.has(p.node_id))) problems.push(`${peer.node_id} (${peer.address}) is a peer and not in the inventory: apply the playbook, which removes it`);
  for (const { name } of cluster.members) {
    const peer = view.peers.find((p) => p.node_id === name);
    if (peer === undefined) problems.push(`${name} is no raft peer: it has not joined`);
    else if (!peer.voter) problems.push(`${name} does not vote yet`);
  }
  return problems;
}
