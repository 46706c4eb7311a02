/** With key shares in people's hands members stay sealed after a start: then a drill needs enough of them at hand, or it would leave the cluster shut. */
import { readIdentities } from '../../language/secrets/identity.ts';
import { shareSets } from '../../operations/vault/adoption.ts';
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import type { VaultObserver } from '../../operations/vault/observe.ts';
import { openShares } from '../../operations/vault/shares.ts';
import { sealedMembers, unsealMembers } from '../../operations/vault/unseal.ts';
import { waitUntil } from '../../operations/vault/wait.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';

function sharesAtHand(cluster: VaultCluster): { readonly shares: readonly Secret[]; readonly threshold: number } {
  const [set, ...more] = shareSets(cluster.shareDirectory);
  if (set?.list === undefined || more.length > 0) return { shares: [], threshold: 1 };
  try {
    return { shares: openShares(set.directory, set.list, readIdentities({}), () => undefined).map((s) => s.share), threshold: set.list.threshold };
  } catch (error) {
    // No identity at all is no share.
    if (error instanceof Diagnostic && error.kind === 'bad-input') return { shares: [], threshold: set.list.threshold };
    throw error;
  }
}

/** @throws Diagnostic when members would stay sealed after the drill */
export function needShares(cluster: VaultCluster): void {
  if (cluster.seal !== 'shamir') return;
  const { shares, threshold } = sharesAtHand(cluster);
  if (shares.length >= threshold) return;
  throw failure('no-shares', `members of ${cluster.name} are opened by people, and this drill has ${String(shares.length)} of the ${String(threshold)} key shares that it takes`, { remedy: 'run it where CARE_IDENTITY_FILE opens enough of them, as on a lab; or with vault_seal static or transit' });
}

/** Seconds for hosts to boot and members to answer. */
const ANSWER_SECONDS = 90;

/** Waits until all members answer, and opens what is sealed; nothing where members open by themselves. @throws Diagnostic */
export async function unsealAll(cluster: VaultCluster, observer: VaultObserver): Promise<void> {
  if (cluster.seal !== 'shamir') return;
  await waitUntil(ANSWER_SECONDS, observer.limits.signal, async () => {
    const seen = await observer.look();
    const silent = seen.filter((m) => m.seal === undefined).map((m) => m.name);
    return { seen, missing: silent.length === 0 ? undefined : `${silent.join(', ')} does not answer` };
  });
  const { shares } = sharesAtHand(cluster);
  const outcomes = await unsealMembers(observer, sealedMembers(cluster, await observer.look()), shares);
  for (const outcome of outcomes) if ('trouble' in outcome) throw outcome.trouble;
}
