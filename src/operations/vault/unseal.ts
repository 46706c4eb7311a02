/** Unsealing: shares go to each sealed member, as every member keeps its own progress. */
import { z } from 'zod';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import { isOpen, type MemberSeen } from '../../services/vault/status.ts';
import { refusesShares, VaultTrouble } from '../../services/vault/trouble.ts';
import type { ClusterHost } from '../inventory.ts';
import type { VaultCluster } from './cluster.ts';
import type { VaultObserver } from './observe.ts';
import { waitUntil } from './wait.ts';

const Progress = z.object({ sealed: z.boolean(), t: z.int(), progress: z.int() });

/** Seconds in which a new member, whose shares are complete, fetches the state from the leader. */
const JOIN_SECONDS = 60;

export interface Unsealed {
  readonly name: string;
  /** Whether it is open now; else how many shares it has of how many. */
  readonly open: boolean;
  readonly progress: number;
  readonly threshold: number;
}

/**
 * Gives the shares to one member, as many as it takes.
 *
 * @throws Diagnostic `wrong-share` when together they open nothing: the member has then forgotten them all, and nothing else has happened
 */
export async function unsealMember(observer: VaultObserver, host: ClusterHost, shares: readonly Secret[]): Promise<Unsealed> {
  const client = observer.client(host, { type: 'none' });
  let last: z.output<typeof Progress> | undefined;
  try {
    for (const share of shares) {
      last = Progress.parse(await client.write('sys/unseal', { key: share.reveal() }, { ...observer.limits, timeoutSeconds: 30 }));
      // None counted behind one that was given: they are complete. A further one would begin anew.
      if (!last.sealed || last.progress === 0) break;
    }
  } catch (error) {
    if (!(error instanceof VaultTrouble) || !refusesShares(error.trouble)) throw error;
    throw failure('wrong-share', `${host.name}: the shares do not open it: ${error.trouble.msg}`, {
      detail: 'one of the shares that were given, here or by others before, is wrong or of before a rekey; the member has forgotten all of them, and nothing is lost',
      remedy: 'all holders give their shares again; those that the list of shares knows are checked before they are sent',
      cause: error,
    });
  } finally {
    await client.close();
  }
  // Complete, and still sealed: it is joining, and opens once it has the state.
  const joining = last?.sealed === true && last.progress === 0 && shares.length > 0;
  const open = joining ? await untilJoined(observer, host) : last?.sealed === false;
  return { name: host.name, open, progress: open ? 0 : (last?.progress ?? 0), threshold: last?.t ?? 0 };
}

/** What became of one member; `trouble`: it took none, or forgot them. */
export type UnsealOutcome = Unsealed | { readonly name: string; readonly open: false; readonly trouble: Diagnostic };

function isTrouble(error: unknown): error is Diagnostic | VaultTrouble {
  return error instanceof VaultTrouble || (error instanceof Diagnostic && error.kind !== 'interrupted');
}

/**
 * Gives the shares to every member, one after another. One that fails keeps nobody else shut: in such a night each member that opens counts.
 *
 * @throws Diagnostic when interrupted
 */
export async function unsealMembers(observer: VaultObserver, hosts: readonly ClusterHost[], shares: readonly Secret[]): Promise<readonly UnsealOutcome[]> {
  const done: UnsealOutcome[] = [];
  for (const host of hosts) {
    try {
      done.push(await unsealMember(observer, host, shares));
    } catch (error) {
      if (!isTrouble(error) || observer.limits.signal.aborted) throw error;
      done.push({ name: host.name, open: false, trouble: error instanceof Diagnostic ? error : failure('vault-trouble', `${host.name}: ${error.trouble.msg}`, { remedy: error.trouble.remedy, cause: error }) });
    }
  }
  return done;
}

/** @throws Diagnostic when it has not opened in time */
async function untilJoined(observer: VaultObserver, host: ClusterHost): Promise<boolean> {
  return waitUntil(JOIN_SECONDS, observer.limits.signal, async () => {
    const open = isOpen(await observer.member(host));
    return { seen: open, missing: open ? undefined : `${host.name} has its shares and does not open: journalctl -u care-vault there says why (it can't reach the leader, or the shares are of another cluster)` };
  });
}

/** Members that wait for shares. */
export function sealedMembers(cluster: VaultCluster, seen: readonly MemberSeen[]): readonly ClusterHost[] {
  return cluster.members.filter(({ name }) => seen.some((m) => m.name === name && m.seal?.initialized === true && m.seal.sealed));
}

/**
 * Waits until a member that was given its shares serves: it must still hear the leader, or win the election.
 *
 * @throws Diagnostic when it does not within so many seconds
 */
export async function untilServing(cluster: VaultCluster, observer: VaultObserver, names: readonly string[], seconds: number): Promise<readonly MemberSeen[]> {
  return waitUntil(seconds, observer.limits.signal, async () => {
    const seen = await observer.look();
    const late = seen.filter((m) => names.includes(m.name) && (!isOpen(m) || m.leader === ''));
    const open = seen.filter(isOpen).length;
    // Without a quorum nobody can lead, and that is not theirs to mend.
    if (open * 2 <= cluster.members.length) return { seen, missing: undefined };
    return { seen, missing: late.length === 0 ? undefined : `${late.map((m) => m.name).join(', ')} does not follow a leader` };
  });
}
