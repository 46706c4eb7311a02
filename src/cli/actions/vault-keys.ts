/** `vault rekey|access`: what is done with key shares, besides unsealing. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import { renewAccess } from '../../operations/vault/generate-root.ts';
import { tryShares } from '../../operations/vault/adoption.ts';
import { cancelRekey, rekey } from '../../operations/vault/rekey.ts';
import { activeOf } from '../../operations/vault/view.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import type { MemberSeen } from '../../services/vault/status.ts';
import { ExitStatus, failure } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { VaultShareFlags } from '../commands/vault.ts';
import type { CliContext } from '../context.ts';
import { sharesAtHand } from './vault-shares.ts';
import { withVault, writeResult, type Work } from './vault.ts';

/** The member that leads. @throws Diagnostic `no-leader` */
export function leaderOf(cluster: VaultCluster, seen: readonly MemberSeen[]): { readonly host: ClusterHost; readonly clusterId: string } {
  const active = activeOf(seen);
  const host = cluster.members.find((m) => m.name === active?.name);
  if (host === undefined) throw failure('no-leader', 'no member leads', { remedy: 'care-provision vault status shows the members; unseal a majority of them' });
  return { host, clusterId: active?.seal?.cluster_id ?? '' };
}

/** As the operator at the leader; refusals of the server become errors for people. */
export async function asOperator<T>({ observer }: Work, host: ClusterHost, work: (operator: ReturnType<Work['observer']['operator']>) => Promise<T>): Promise<T> {
  const operator = observer.operator(host);
  try {
    return await work(operator);
  } catch (error) {
    if (error instanceof VaultTrouble) throw failure('vault-trouble', `${host.name}: ${error.trouble.msg}`, { remedy: error.trouble.remedy, cause: error });
    throw error;
  } finally {
    await operator.close();
  }
}

/** @returns 0 when the new shares are in force, 3 while more old ones are needed */
export async function vaultRekeyAction(context: CliContext, inventory: string, flags: VaultShareFlags & { readonly cancel?: boolean }): Promise<ExitStatus> {
  // Who completes it writes the new shares beside the inventory: one at a time.
  return withVault(context, inventory, flags, `vault rekey ${inventory}`, async (at) => {
    const { cluster, observer } = at;
    const { host, clusterId } = leaderOf(cluster, await observer.look());
    if (flags.cancel === true) {
      await asOperator(at, host, async (operator) => { await cancelRekey(cluster, operator, observer); });
      writeResult(context, flags, { cluster: cluster.name, cancelled: true }, 'no rekey is under way any more; the shares are what they were');
      return ExitStatus.ok;
    }
    const holders = cluster.holders();
    const sets = await sharesAtHand(context, cluster, flags);
    const result = await asOperator(at, host, (operator) => tryShares(cluster.shareDirectory, sets, new Date(), ({ shares, accepted }) => rekey({ cluster, operator, observer, holders, clusterId, shares, accepted, now: new Date() })));
    if (result.type === 'more') {
      writeResult(context, flags, { cluster: cluster.name, complete: false, progress: result.progress, required: result.required }, `${String(result.progress)} of ${String(result.required)} old shares; ${String(result.required - result.progress)} more, by other holders. The old shares are in force`);
      return ExitStatus.failed;
    }
    const files = result.list.shares.map((share) => ({ holder: share.holder, file: `${cluster.shareDirectory}/${share.file}` }));
    writeResult(context, flags, { cluster: cluster.name, complete: true, threshold: result.list.threshold, shares: files }, [
      `${context.paint('green', 'rekeyed')}: the shares of before open nothing any more (they are kept aside, for snapshots of before)`,
      ...files.map(({ holder, file }) => `  share of ${holder}: ${safeLine(file)}`),
    ].join('\n'));
    return ExitStatus.ok;
  });
}

export async function vaultAccessAction(context: CliContext, inventory: string, flags: VaultShareFlags): Promise<ExitStatus> {
  return withVault(context, inventory, flags, `vault access ${inventory}`, async ({ cluster, observer }) => {
    const { host } = leaderOf(cluster, await observer.look());
    const sets = await sharesAtHand(context, cluster, flags);
    const others = await tryShares(cluster.shareDirectory, sets, new Date(), ({ shares, accepted }) => renewAccess({ cluster, observer, host, shares, accepted, now: new Date() }));
    writeResult(context, flags, { cluster: cluster.name, access: true, other_root_tokens: others }, [
      `${context.paint('green', 'done')}: operators get in with certificates of vault_operator_authority; the root token was given back`,
      ...others.map(({ accessor, created }) => `${context.paint('yellow', 'warning:')} there is another root token, made ${created}: revoke it unless somebody needs it (auth/token/revoke-accessor, accessor ${safeLine(accessor)})`),
    ].join('\n'));
    return ExitStatus.ok;
  });
}
