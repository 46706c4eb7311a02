/**
 * What to do next about a member, from what the cluster and the host say. Pure. One step is decided at a time, from fresh facts, so a
 * run that was cut off anywhere is gone on with.
 *
 * Rules (OpenBao's and HashiCorp's documents on integrated storage and upgrades): members change one at a time, only while a
 * majority of the others is open; standbys before the leader, which hands over first; a member that has lost its data is removed
 * as a peer before it joins again, for it may have voted for what it no longer knows.
 */
import { isOpen, quorum, stateOf, type MemberSeen } from '../../services/vault/status.ts';
import type { VaultClusterFact } from '../common/vault/cluster.ts';
import type { VaultHostFact } from './query.ts';
import type { VaultMemberArgs } from './schema.ts';

export interface Facts {
  readonly cluster: VaultClusterFact;
  readonly host: VaultHostFact;
}

export type Step =
  | { readonly type: 'done'; readonly state: string; readonly msg?: string }
  /** `passing`: it may come right by itself in a moment. */
  | { readonly type: 'refuse'; readonly msg: string; readonly remedy: string; readonly passing?: true }
  | { readonly type: 'start' }
  /** It is a member with a vote: from now on a loss of its data is noticed. */
  | { readonly type: 'note' }
  /** A peer goes; `own` when it is what this host was before it was wiped. */
  | { readonly type: 'remove'; readonly peer: string; readonly own: boolean }
  /** @see addressOfPeer */
  | { readonly type: 'step-down'; readonly leader: string; readonly address: string }
  | { readonly type: 'restart' };

const refuse = (msg: string, remedy: string): Step => ({ type: 'refuse', msg, remedy });
const wait = (msg: string, remedy: string): Step => ({ type: 'refuse', msg, remedy, passing: true });
const STATUS = 'care-provision vault status shows the members';

function ownOf(args: VaultMemberArgs, facts: Facts): MemberSeen | undefined {
  return facts.cluster.members.find((m) => m.name === args.name);
}

/** A peer's address without its cluster port; clients come to the same address. */
function addressOfPeer(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** Open, and hears a leader. */
function isWell(member: MemberSeen): boolean {
  return isOpen(member) && member.leader !== '';
}

/** Why a peer must not be removed; undefined when it may be. */
export function mayNotRemove(peer: string, cluster: VaultClusterFact): string | undefined {
  const target = cluster.peers?.find((p) => p.node_id === peer);
  if (target?.voter === false) return undefined;
  const rest = (cluster.peers ?? []).filter((p) => p.node_id !== peer && p.voter);
  const well = rest.filter((p) => cluster.members.some((m) => m.name === p.node_id && isWell(m))).length;
  if (rest.length === 0) return 'it is the last one with a vote';
  if (well < quorum(rest.length)) return `only ${String(well)} of the ${String(rest.length)} others are open, and ${String(quorum(rest.length))} are needed`;
  return undefined;
}

/** Whether all is lost. One that says nothing may have everything: it counts as empty only when its own host was looked into. */
function abandoned(args: VaultMemberArgs, cluster: VaultClusterFact): Step {
  const others = cluster.members.filter((m) => m.name !== args.name);
  if (others.some((m) => m.seal?.initialized === true)) return refuse('the cluster is not lost: a member of it has data', 'name the host that was wiped in place of all');
  const silent = others.filter((m) => m.seal === undefined && !args.empty.includes(m.name));
  if (silent.length > 0) return refuse(`it is not known that the cluster is lost: ${silent.map((m) => m.name).join(', ')} does not answer, and nobody has seen that it has no data`, 'bring it back, or apply to all members at once; a host that is gone for good is taken out of the group first');
  return { type: 'remove', peer: '', own: true };
}

function lost(args: VaultMemberArgs, facts: Facts): Step {
  if (!args.replace) return refuse(`this host was a member and has lost its data`, `if it was wiped on purpose: --extra-vars vault_replace=${args.name}; else bring back ${args.data_dir}`);
  const { cluster } = facts;
  if (args.abandon && cluster.peers === undefined) return abandoned(args, cluster);
  if (cluster.peers === undefined) return wait(`the leader can't be asked for its peers: ${cluster.peersTrouble}`, STATUS);
  if (!cluster.peers.some((p) => p.node_id === args.name)) return { type: 'remove', peer: '', own: true };
  const why = mayNotRemove(args.name, cluster);
  return why === undefined ? { type: 'remove', peer: args.name, own: true } : refuse(`the peer that ${args.name} was can't be removed: ${why}`, 'open or bring back the others first');
}

/** Runs and answers. */
function running(args: VaultMemberArgs, facts: Facts, own: MemberSeen): Step {
  const { cluster } = facts;
  const others = cluster.members.filter((m) => m.name !== args.name);
  if (own.seal?.initialized !== true) {
    const made = others.filter((m) => m.seal?.initialized === true);
    if (made.length === 0) return { type: 'done', state: 'uninitialized', msg: 'the cluster is not initialised: care-provision vault init' };
    return wait(`it has not found the leader (${made.map((m) => `${m.name} is ${stateOf(m)}`).join(', ')})`, `is a firewall between them? On this host: journalctl -u ${args.unit}; a leader must be open to be joined`);
  }
  if (own.seal.sealed) return args.own_seal ? wait('it does not open by itself', `journalctl -u ${args.unit} on this host: is the key of the seal right, or the other cluster away?`) : { type: 'done', state: 'sealed', msg: 'it is sealed: care-provision vault unseal' };
  const stranger = others.find((m) => isOpen(m) && m.seal?.cluster_id !== '' && own.seal?.cluster_id !== '' && m.seal?.cluster_id !== own.seal?.cluster_id);
  if (stranger !== undefined) return refuse(`${args.name} and ${stranger.name} are members of different clusters`, `decide which one is right; on the hosts of the other stop ${args.unit} and move ${args.data_dir}/raft away`);
  if (own.leader === '') return wait('it hears no leader', STATUS);
  if (cluster.peers === undefined && cluster.peersPassing) return wait(`the leader can't be asked for its peers: ${cluster.peersTrouble}`, STATUS);
  if (cluster.peers === undefined) return { type: 'done', state: 'open', msg: `the operators’ access does not work: ${cluster.peersTrouble}; care-provision vault access sets it up anew` };
  const peer = cluster.peers.find((p) => p.node_id === args.name);
  if (peer === undefined) return wait('the leader does not know it as a peer', STATUS);
  // Autopilot gives the vote after ten steady seconds.
  if (!peer.voter) return wait('it has no vote yet', STATUS);
  return facts.host.wasMember ? { type: 'done', state: 'open' } : { type: 'note' };
}

/** The next step for `present`. */
export function decidePresent(args: VaultMemberArgs, facts: Facts): Step {
  const { host } = facts;
  if (host.wasMember && !host.data) return lost(args, facts);
  if (host.active !== 'active' && host.active !== 'activating' && host.active !== 'reloading') return { type: 'start' };
  const own = ownOf(args, facts);
  if (own?.seal === undefined) return wait(`it does not answer: ${own?.trouble ?? ''}`, `journalctl -u ${args.unit} on this host`);
  return running(args, facts, own);
}

/** Whether this member may be restarted now. @param made whether this action has restarted it already */
export function decideRestart(args: VaultMemberArgs, facts: Facts, made: boolean, outdated: boolean): Step {
  const own = ownOf(args, facts);
  if (made) {
    if (own !== undefined && isWell(own)) return { type: 'done', state: 'open' };
    if (own?.seal?.initialized === false) return { type: 'done', state: 'uninitialized' };
    if (own?.seal?.sealed === true && !args.own_seal && args.unseal_wait === 0) return { type: 'done', state: 'sealed', msg: 'it was restarted and is sealed now: care-provision vault unseal' };
    return wait(own?.seal?.sealed === true && !args.own_seal ? `nobody has unsealed it within ${String(args.unseal_wait)} s` : `it does not follow a leader after the restart${own?.trouble === undefined ? '' : `: ${own.trouble}`}`, own?.seal?.sealed === true ? 'care-provision vault unseal, then apply again' : `journalctl -u ${args.unit} on this host`);
  }
  if (!outdated || facts.host.active === 'inactive' || facts.host.active === 'failed') return { type: 'done', state: 'as it was' };
  // One that serves nobody takes nothing from the others.
  if (own === undefined || !isOpen(own)) return { type: 'restart' };
  if (own.active && !args.leader) return { type: 'done', state: 'leads' };
  const others = facts.cluster.members.filter((m) => m.name !== args.name);
  const ill = others.filter((m) => !isWell(m));
  if (ill.length > 0) return wait(`${ill.map((m) => `${m.name} is ${stateOf(m)}`).join(', ')}, so ${args.name} is not restarted now`, ill.some((m) => m.seal?.sealed === true) ? 'unseal it first: care-provision vault unseal; then apply again' : 'mend that first; then apply again');
  const voters = facts.cluster.peers?.filter((p) => p.voter) ?? [];
  const strangers = voters.filter((p) => !args.members.some((m) => m.name === p.node_id));
  // Nobody has looked at them, and hosts are often shut down before they are taken out of the inventory.
  if (strangers.length > 0 && others.length < quorum(voters.length)) return wait(`${strangers.map((p) => p.node_id).join(', ')} still vote${strangers.length === 1 ? 's' : ''}, though not listed, and may be away, so ${args.name} is not restarted now`, 'they leave when enough of the others are open: care-provision vault status; then apply again');
  if (own.active && others.length > 0) return { type: 'step-down', leader: args.name, address: args.members.find((m) => m.name === args.name)?.address ?? '' };
  return { type: 'restart' };
}

/**
 * The next peer to remove because it is not listed.
 *
 * @param begun whether a step was made already. Who is asked right after a leader has handed over may find that nobody leads yet: the peers that
 *   are still to be removed must not be forgotten for that. The same goes for an election after the restarts before.
 */
export function decideOnly(args: VaultMemberArgs, facts: Facts, begun: boolean): Step {
  const { cluster } = facts;
  if (cluster.peers === undefined && (begun || cluster.peersPassing)) return wait(`the leader can't be asked for its peers: ${cluster.peersTrouble}`, STATUS);
  if (cluster.peers === undefined) return { type: 'done', state: 'not known', msg: cluster.peersTrouble };
  const listed = new Set(args.members.map((m) => m.name));
  const extra = cluster.peers.find((p) => !listed.has(p.node_id));
  if (extra === undefined) return { type: 'done', state: 'as listed' };
  const voters = cluster.peers.filter((p) => p.voter);
  const kept = voters.filter((p) => listed.has(p.node_id)).length;
  if (kept * 2 < voters.length) return refuse(`the inventory lists only ${String(kept)} of the ${String(voters.length)} peers with a vote, so it is not taken as a wish to remove the others`, 'check the group in the inventory; let new hosts join before, and take old ones out a few at a time');
  const why = mayNotRemove(extra.node_id, cluster);
  if (why !== undefined) return wait(`peer ${extra.node_id} can't be removed: ${why}`, 'open or bring back the others first');
  if (extra.leader) return { type: 'step-down', leader: extra.node_id, address: addressOfPeer(extra.address) };
  return { type: 'remove', peer: extra.node_id, own: false };
}
