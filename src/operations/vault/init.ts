/** `vault init`: once in the life of a cluster. The shares are on the controller's disk, encrypted, before anything else is done with them. */
import { z } from 'zod';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { enableAudit, setUpAccess } from '../../services/vault/access.ts';
import type { VaultClient } from '../../services/vault/client.ts';
import { isOpen, type MemberSeen } from '../../services/vault/status.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import type { ClusterHost } from '../inventory.ts';
import type { VaultCluster } from './cluster.ts';
import { sharesOf, type Holders } from './holders.ts';
import type { VaultObserver } from './observe.ts';
import { adoptShares, markCounting, setNextAside } from './adoption.ts';
import { rehearseShares, writeShares, type ShareList } from './shares.ts';
import { unsealMember, untilServing } from './unseal.ts';
import { waitUntil } from './wait.ts';

/** Reasons against it now; empty when a new cluster may be made. Pure. */
export function initRefusals(cluster: Pick<VaultCluster, 'members'>, seen: readonly MemberSeen[]): readonly string[] {
  const refusals: string[] = [];
  const names = (list: readonly MemberSeen[]): string => list.map((m) => m.name).join(', ');
  const count = cluster.members.length;
  if (count % 2 === 0) refusals.push(`${String(count)} members: an odd number is wanted, since one more than an odd number bears no more losses; put three or five hosts into the group vault`);
  const made = seen.filter((m) => m.seal?.initialized === true);
  if (made.length > 0) refusals.push(`${names(made)} is initialised already: a cluster is made once (unseal it: vault unseal; lost its keys: restore a snapshot)`);
  const silent = seen.filter((m) => m.seal === undefined);
  if (silent.length > 0) refusals.push(`${names(silent)} does not answer, and may be a member of a cluster that there is: apply playbooks/vault.yml, and see journalctl -u care-vault there`);
  return refusals;
}

const Initialised = z.object({ keys_base64: z.array(z.string()).nullish(), recovery_keys_base64: z.array(z.string()).nullish(), root_token: z.string() });

export interface InitOptions {
  readonly cluster: VaultCluster;
  readonly observer: VaultObserver;
  readonly holders: Holders;
  readonly now: Date;
  /** Seconds for all members to serve. */
  readonly seconds: number;
  readonly say: (message: string) => void;
}

/** Long enough for the hash functions and the first election of a small machine. */
const INIT_SECONDS = 120;

/**
 * Initialises the first member, writes the shares, opens all members, sets up the operators' access and gives the root token back.
 *
 * @throws Diagnostic; what was done by then is told, and stays: with the shares the rest can be done by `vault unseal` and `vault access`
 */
export async function initCluster(options: InitOptions): Promise<ShareList> {
  const { cluster, observer, holders, now, say } = options;
  const [first] = cluster.members;
  if (first === undefined) throw new Error('a cluster without members');
  // Before anything that can't be made undone: the CA, the recipients and the folder are good.
  const authority = cluster.operatorAuthority();
  await rehearseShares(cluster.shareDirectory, holders);
  setNextAside(cluster.shareDirectory, now);
  // What is written there from here on is in force, whoever is cut off.
  markCounting(cluster.shareDirectory);
  const ownSeal = cluster.seal !== 'shamir';
  const made = await askForKeys(observer, first, holders, ownSeal);
  const shares = ((ownSeal ? made.recovery_keys_base64 : made.keys_base64) ?? []).map((key) => new Secret(key));
  const root = new Secret(made.root_token);
  // Nothing is asked of anybody before they are on the disk. (A cluster that was never open has no id yet.)
  const list = await writeShares(cluster.shareDirectory, holders, { cluster: cluster.name, clusterId: '', kind: ownSeal ? 'recovery' : 'unseal', shares, now });
  adoptShares(cluster.shareDirectory, now);
  say(`${String(list.shares.length)} key shares are in ${cluster.shareDirectory}, each encrypted to its holder`);
  const client = observer.client(first, { type: 'token', token: root });
  await withRoot(client, async () => {
    await openAll(options, first, ownSeal ? [] : shares);
    try {
      const limits = { ...observer.limits, timeoutSeconds: 60 };
      if (cluster.audit !== undefined) await enableAudit(client, cluster.audit, limits);
      await setUpAccess(client, authority, Math.floor(now.getTime() / 1000), limits);
      await tryOperator(observer, first);
    } catch (error) {
      throw failure('no-access', 'the cluster is made and open, but the operators’ access could not be set up', { detail: error instanceof Error ? error.message : String(error), remedy: 'care-provision vault access INVENTORY sets it up with the key shares', cause: error });
    }
  });
  return list;
}

/** Not to be interrupted: who does not hear the answer has lost the keys. @throws Diagnostic `keys-lost` */
async function askForKeys(observer: VaultObserver, first: ClusterHost, holders: Holders, ownSeal: boolean): Promise<z.output<typeof Initialised>> {
  const client = observer.client(first, { type: 'none' });
  const shares = sharesOf(holders.holders);
  try {
    const wish = ownSeal ? { recovery_shares: shares, recovery_threshold: holders.threshold } : { secret_shares: shares, secret_threshold: holders.threshold };
    return Initialised.parse(await client.write('sys/init', wish, { signal: uninterrupted(), timeoutSeconds: INIT_SECONDS, requestSeconds: INIT_SECONDS }));
  } catch (error) {
    if (!(error instanceof VaultTrouble) || error.trouble.kind !== 'lost') throw error;
    throw failure('keys-lost', `the answer of ${first.name} did not come: ${error.trouble.msg}`, {
      detail: 'if it was initialised all the same, its keys were in that answer and nobody has them; nothing is in the cluster yet',
      remedy: `care-provision vault status: when ${first.name} is initialised, stop care-vault there, empty the directory of its data, start it, and init again`,
      cause: error,
    });
  } finally {
    await client.close();
  }
}

/** The first member opens; the others hear of it by themselves (`retry_join`), and are opened then. */
async function openAll(options: InitOptions, first: ClusterHost, shares: readonly Secret[]): Promise<void> {
  const { cluster, observer, seconds, say } = options;
  if (shares.length > 0) await unsealMember(observer, first, shares);
  await waitUntil(seconds, observer.limits.signal, async () => {
    const seen = await observer.member(first);
    return { seen, missing: seen.active ? undefined : `${first.name} does not lead` };
  });
  say(`${first.name} leads`);
  for (const host of cluster.members.slice(1)) {
    await waitUntil(seconds, observer.limits.signal, async () => {
      const seen = await observer.member(host);
      return { seen, missing: seen.seal?.initialized === true ? undefined : `${host.name} has not found the leader${seen.trouble === undefined ? '' : ` (${seen.trouble})`}` };
    });
    if (shares.length > 0) await unsealMember(observer, host, shares);
    await waitUntil(seconds, observer.limits.signal, async () => {
      const seen = await observer.member(host);
      return { seen, missing: isOpen(seen) && seen.leader !== '' ? undefined : `${host.name} does not follow ${first.name}` };
    });
    say(`${host.name} has joined`);
  }
  await untilServing(cluster, observer, cluster.members.map((m) => m.name), seconds);
}

/** A new way in counts once somebody has gone it. */
export async function tryOperator(observer: VaultObserver, host: ClusterHost): Promise<void> {
  const operator = observer.operator(host);
  try {
    await operator.read('sys/storage/raft/configuration', { ...observer.limits, timeoutSeconds: 30 });
  } finally {
    await operator.close();
  }
}

/** Giving a root token back is done after an interruption, too. */
const FAREWELL_SECONDS = 30;

async function giveBack(root: VaultClient): Promise<void> {
  try {
    await root.write('auth/token/revoke-self', {}, { signal: uninterrupted(), timeoutSeconds: FAREWELL_SECONDS });
  } finally {
    await root.close();
  }
}

function leftOver(wrong: unknown, why: unknown): Diagnostic {
  const words = (of: unknown): string => (of instanceof Error ? of.message : String(of));
  return failure('root-token-left', wrong === undefined ? 'all is done, but the root token could not be given back' : words(wrong), {
    detail: `the root token could not be given back: ${words(why)}. It was in the memory of this program alone, and nobody has it`,
    remedy: `${wrong instanceof Diagnostic && wrong.remedy !== undefined ? `${wrong.remedy}; then ` : ''}once the cluster is open, revoke it by its accessor (auth/token/accessors)`,
    cause: wrong ?? why,
  });
}

/**
 * Works with a root token, which ends whatever comes of the work.
 *
 * @throws what the work throws; Diagnostic `root-token-left` when the token could not be given back, which is told beside what went wrong before
 */
export async function withRoot(root: VaultClient, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await giveBack(root).catch((why: unknown) => { throw leftOver(error, why); });
    throw error;
  }
  await giveBack(root).catch((why: unknown) => { throw leftOver(undefined, why); });
}
