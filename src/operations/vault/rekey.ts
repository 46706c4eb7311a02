/**
 * `vault rekey`: new key shares for the holders that the inventory names now. Holders give their old shares one after another; who
 * completes them gets the new ones, writes each for its holder, and proves to the cluster that they can be read back: only then do
 * they count (the API's `require_verification`). Whatever is cut off before leaves the old shares in force.
 */
import { z } from 'zod';
import { failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import type { VaultClient } from '../../services/vault/client.ts';
import { refusesShares, VaultTrouble } from '../../services/vault/trouble.ts';
import type { VaultCluster } from './cluster.ts';
import { sharesOf, type Holders } from './holders.ts';
import type { VaultObserver } from './observe.ts';
import { adoptShares, markCounting, setNextAside, unmarkCounting } from './adoption.ts';
import { rehearseShares, writeShares, type ShareList } from './shares.ts';

const Progress = z.object({ started: z.boolean().default(false), nonce: z.string().default(''), t: z.int().default(0), n: z.int().default(0), progress: z.int().default(0), required: z.int().default(0), verification_required: z.boolean().default(false) });
const Given = z.object({
  complete: z.boolean().default(false), progress: z.int().default(0), required: z.int().default(0),
  keys_base64: z.array(z.string()).default([]), verification_nonce: z.string().default(''),
});
const Verified = z.object({ complete: z.boolean().default(false) });

export type Rekeyed =
  | { readonly type: 'done'; readonly list: ShareList }
  | { readonly type: 'more'; readonly progress: number; readonly required: number };

/** OpenBao asks for a token on its paths (`sys/rotate`, from 2.4); Vault has only those that anybody may ask. */
function pathOf(cluster: VaultCluster): string {
  const own = cluster.seal !== 'shamir';
  if (cluster.flavor === 'openbao') return own ? 'sys/rotate/recovery' : 'sys/rotate/root';
  return own ? 'sys/rekey-recovery-key' : 'sys/rekey';
}

/** Ends a rekey that was begun; the shares stay what they are. @throws VaultTrouble */
export async function cancelRekey(cluster: VaultCluster, operator: VaultClient, observer: VaultObserver): Promise<void> {
  await operator.remove(`${pathOf(cluster)}/init`, observer.limits);
}

export interface RekeyOptions {
  readonly cluster: VaultCluster;
  /** As the operator, at the leader. */
  readonly operator: VaultClient;
  readonly observer: VaultObserver;
  readonly holders: Holders;
  readonly clusterId: string;
  /** Old ones. */
  readonly shares: readonly Secret[];
  readonly now: Date;
  /** Called once the cluster has taken the old ones. */
  readonly accepted?: () => void;
}

/** @throws Diagnostic `wrong-share`, `other-rekey`, `not-verified`, `shares-not-known`; VaultTrouble */
export async function rekey(options: RekeyOptions): Promise<Rekeyed> {
  const { cluster, operator, observer, holders, shares, now } = options;
  const path = pathOf(cluster);
  const limits = { ...observer.limits, timeoutSeconds: 60 };
  await rehearseShares(cluster.shareDirectory, holders);
  const wanted = { secret_shares: sharesOf(holders.holders), secret_threshold: holders.threshold };
  let begun = Progress.parse((await operator.read(`${path}/init`, limits)) ?? {});
  if (begun.started && (begun.n !== wanted.secret_shares || begun.t !== wanted.secret_threshold || !begun.verification_required)) {
    throw failure('other-rekey', `a rekey to ${String(begun.n)} shares, ${String(begun.t)} of which open the cluster, is under way, and the inventory wants ${String(wanted.secret_shares)} and ${String(wanted.secret_threshold)}`, { remedy: 'care-provision vault rekey INVENTORY --cancel ends it; the shares stay what they are' });
  }
  if (!begun.started) {
    const answer = Progress.parse(await operator.write(`${path}/init`, { ...wanted, require_verification: true }, limits));
    begun = answer.started ? answer : Progress.parse((await operator.read(`${path}/init`, limits)) ?? {});
  }
  let given: z.output<typeof Given> = { complete: false, progress: begun.progress, required: begun.required, keys_base64: [], verification_nonce: '' };
  for (const share of shares) {
    given = await give(operator, `${path}/update`, share, begun.nonce, limits);
    if (given.complete) break;
  }
  if (!given.complete) return { type: 'more', progress: given.progress, required: given.required };
  options.accepted?.();
  setNextAside(cluster.shareDirectory, now);
  const fresh = given.keys_base64.map((key) => new Secret(key));
  const list = await writeShares(cluster.shareDirectory, holders, { cluster: cluster.name, clusterId: options.clusterId, kind: cluster.seal === 'shamir' ? 'unseal' : 'recovery', shares: fresh, now });
  let complete = false;
  markCounting(cluster.shareDirectory);
  try {
    // Not to be interrupted: who does not hear the last answer does not know which shares count.
    const whole = { signal: uninterrupted(), timeoutSeconds: 60 };
    for (const share of fresh.slice(0, holders.threshold)) complete = Verified.parse(await operator.write(`${path}/verify`, { key: share.reveal(), nonce: given.verification_nonce }, whole)).complete;
  } catch (error) {
    if (!(error instanceof VaultTrouble)) throw error;
    // An error of the server itself (5xx) may have come after it changed its keys, and says nothing of which count.
    if (error.trouble.kind === 'refused' && (error.trouble.status ?? 0) < 500) {
      unmarkCounting(cluster.shareDirectory);
      throw error;
    }
    throw failure('shares-not-known', `it is not known whether the new shares count: ${error.trouble.msg}`, {
      detail: `the new ones are in ${cluster.shareDirectory}/next, the old ones in ${cluster.shareDirectory}; keep both`,
      remedy: 'the next vault unseal, rekey or access finds it out: it tries the new ones first, and the old ones when the cluster refuses those',
      cause: error,
    });
  }
  if (!complete) {
    unmarkCounting(cluster.shareDirectory);
    throw failure('not-verified', 'the cluster has not taken the new shares: the old ones are in force', { remedy: 'care-provision vault rekey INVENTORY --cancel, then begin anew' });
  }
  adoptShares(cluster.shareDirectory, now);
  return { type: 'done', list };
}

async function give(operator: VaultClient, path: string, share: Secret, nonce: string, limits: VaultObserver['limits']): Promise<z.output<typeof Given>> {
  try {
    return Given.parse(await operator.write(path, { key: share.reveal(), nonce }, limits));
  } catch (error) {
    if (!(error instanceof VaultTrouble)) throw error;
    // Somebody has completed it, and was cut off before the new shares were shown to the cluster.
    if (/verification must be performed/.test(error.trouble.msg)) throw failure('not-verified', `a rekey was cut off before its new shares counted: ${error.trouble.msg}`, { detail: 'the old shares are in force', remedy: 'care-provision vault rekey INVENTORY --cancel, then begin anew', cause: error });
    if (!refusesShares(error.trouble)) throw error;
    throw failure('wrong-share', `the shares do not allow a rekey: ${error.trouble.msg}`, { detail: 'the old shares are in force, and the cluster has forgotten those that were given', remedy: 'all holders give theirs again', cause: error });
  }
}
