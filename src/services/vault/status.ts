/** What a member says of itself, and the leader of its peers. */
import { z } from 'zod';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { Limits, VaultClient } from './client.ts';
import { VaultTrouble } from './trouble.ts';

/** sys/seal-status, which anybody may ask. */
const SealStatus = z.object({
  type: z.string(), initialized: z.boolean(), sealed: z.boolean(), t: z.int(), n: z.int(), progress: z.int(), version: z.string(),
  cluster_id: z.string().default(''),
});
export type SealStatus = z.output<typeof SealStatus>;

/** sys/leader, likewise. */
const LeaderStatus = z.object({ is_self: z.boolean().default(false), leader_address: z.string().default(''), raft_applied_index: z.number().default(0) });

export interface MemberSeen {
  readonly name: string;
  readonly seal: SealStatus | undefined;
  /** Whether it is the active node. */
  readonly active: boolean;
  /** The URL of the active node, as this one knows it; empty for none. */
  readonly leader: string;
  readonly appliedIndex: number;
  /** Why there is no answer. */
  readonly trouble: string | undefined;
}

/** Asks one member. Never throws for what it does not answer: that is in what was seen. @throws Error for a defect */
export async function lookAtMember(name: string, client: VaultClient, limits: Limits): Promise<MemberSeen> {
  try {
    const seal = SealStatus.parse(await client.read('sys/seal-status', limits));
    const leader = seal.sealed || !seal.initialized ? undefined : await leaderOf(client, limits);
    return { name, seal, active: leader?.is_self ?? false, leader: leader?.leader_address ?? '', appliedIndex: leader?.raft_applied_index ?? 0, trouble: undefined };
  } catch (error) {
    return { name, seal: undefined, active: false, leader: '', appliedIndex: 0, trouble: troubleText(error) };
  }
}

async function leaderOf(client: VaultClient, limits: Limits): Promise<z.output<typeof LeaderStatus> | undefined> {
  try {
    return LeaderStatus.parse((await client.read('sys/leader', limits)) ?? {});
  } catch (error) {
    // It is being sealed or elected just now: that is told by what it says of its seal.
    if (error instanceof VaultTrouble) return undefined;
    throw error;
  }
}

/** What it is in words for a table; defects are thrown on. */
function troubleText(error: unknown): string {
  if (error instanceof Diagnostic) return error.message;
  if (error instanceof VaultTrouble) return error.trouble.msg;
  if (error instanceof z.ZodError) return 'it answers as no OpenBao or Vault does';
  throw error;
}

/** Answers, is initialised and unsealed. */
export function isOpen(member: MemberSeen): boolean {
  return member.seal !== undefined && member.seal.initialized && !member.seal.sealed;
}

/** A majority of so many. */
export function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** One word for a table. */
export function stateOf(member: MemberSeen): string {
  if (member.seal === undefined) return 'no answer';
  if (!member.seal.initialized) return 'not initialised';
  if (member.seal.sealed) return member.seal.progress > 0 ? `sealed, ${String(member.seal.progress)} of ${String(member.seal.t)} shares` : 'sealed';
  return member.active ? 'active' : 'standby';
}

const Configuration = z.object({ config: z.object({ servers: z.array(z.object({ node_id: z.string(), address: z.string(), leader: z.boolean(), voter: z.boolean() })) }) });
export type RaftPeer = z.output<typeof Configuration>['config']['servers'][number];

/** The peers as the leader has them. @param operator whoever may read sys/storage/raft/configuration @throws VaultTrouble */
export async function raftPeers(operator: VaultClient, limits: Limits): Promise<readonly RaftPeer[]> {
  return Configuration.parse(await operator.read('sys/storage/raft/configuration', limits)).config.servers;
}
