/** `vault status|init|unseal`. */
import type { HostAccess } from '../../operations/hosts.ts';
import { readVaultInventory, type VaultCluster } from '../../operations/vault/cluster.ts';
import { initCluster, initRefusals } from '../../operations/vault/init.ts';
import { vaultCa, vaultObserver, type VaultObserver } from '../../operations/vault/observe.ts';
import { vaultView } from '../../operations/vault/status.ts';
import { tryShares } from '../../operations/vault/adoption.ts';
import { sealedMembers, unsealMembers, untilServing, type UnsealOutcome } from '../../operations/vault/unseal.ts';
import { problemsOf } from '../../operations/vault/view.ts';
import { isOpen, type MemberSeen } from '../../services/vault/status.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import { acquireInventoryLock } from '../../state/inventory-lock.ts';
import { badInput, Diagnostic, DiagnosticList, ExitStatus, failure } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { safeLine, safeLines } from '../../support/terminal-text.ts';
import type { VaultFlags, VaultShareFlags, VaultWaitFlags } from '../commands/vault.ts';
import type { CliContext } from '../context.ts';
import { statusJson, statusText } from '../reporters/vault-status.ts';
import { processInterruption } from '../terminal/signals.ts';
import { confirm } from './db.ts';
import { sharesAtHand } from './vault-shares.ts';
import { accessTo, clusterRequest } from './on-cluster.ts';

export interface Work {
  readonly cluster: VaultCluster;
  readonly observer: VaultObserver;
  /** The way to the hosts. */
  readonly hosts: HostAccess;
  readonly say: (message: string) => void;
}

/**
 * Reads the inventory, reaches the members, works and lets go of them.
 *
 * @param locked the command's words when nobody else may run on the inventory meanwhile
 */
export async function withVault<T>(context: CliContext, inventory: string, flags: VaultFlags, locked: string | undefined, work: (at: Work) => Promise<T>): Promise<T> {
  const cluster = readVaultInventory(await clusterRequest(context, inventory, flags));
  const interrupted = processInterruption(context);
  const hosts = accessTo(context);
  try {
    const lock = locked === undefined ? undefined : await acquireInventoryLock({ inventories: cluster.inventories, command: locked, waitSeconds: 0, signal: interrupted.stop });
    try {
      const observer = vaultObserver(cluster, hosts, await vaultCa(cluster, hosts), interrupted.stop);
      return await work({ cluster, observer, hosts, say: (message) => { context.stderr.write(`${safeLines(message)}\n`); } });
    } finally {
      lock?.release();
    }
  } catch (error) {
    if (error instanceof VaultTrouble) throw failure('vault-trouble', error.trouble.msg, { remedy: error.trouble.remedy, cause: error });
    throw error;
  } finally {
    await hosts.close();
    interrupted.dispose();
  }
}

export function writeResult(context: CliContext, flags: VaultFlags, json: unknown, text: string): void {
  context.stdout.write(flags.output === 'json' ? `${JSON.stringify(json, undefined, 2)}\n` : `${text}\n`);
}

/** @returns 0 when healthy, 3 when not */
export async function vaultStatusAction(context: CliContext, inventory: string, flags: VaultFlags): Promise<ExitStatus> {
  return withVault(context, inventory, flags, undefined, async ({ cluster, observer }) => {
    const view = await vaultView(cluster, observer);
    const problems = problemsOf(cluster, view);
    writeResult(context, flags, statusJson(cluster, view, problems), statusText(cluster, view, problems, context.paint));
    return problems.length === 0 ? ExitStatus.ok : ExitStatus.failed;
  });
}

export async function vaultInitAction(context: CliContext, inventory: string, flags: VaultWaitFlags): Promise<ExitStatus> {
  return withVault(context, inventory, flags, `vault init ${inventory}`, async ({ cluster, observer, say }) => {
    const holders = cluster.holders();
    cluster.operatorAuthority();
    const refusals = initRefusals(cluster, await observer.look());
    if (refusals.length > 0) throw failure('refused', 'init is refused, and nothing was done', { detail: refusals.map((r) => `- ${r}`).join('\n'), remedy: 'care-provision vault status shows the cluster' });
    const people = holders.holders.map((h) => (h.shares === 1 ? h.name : `${h.name} (${String(h.shares)} shares)`)).join(', ');
    await confirm(context, `A new cluster ${cluster.name} of ${cluster.members.map((m) => m.name).join(', ')}, whose keys are held by ${people}; any ${String(holders.threshold)} shares ${cluster.seal === 'shamir' ? 'open it' : 'recover it'}.`, flags.yes);
    const list = await initCluster({ cluster, observer, holders, now: new Date(), seconds: flags.timeout, say });
    const files = list.shares.map((share) => ({ holder: share.holder, file: `${cluster.shareDirectory}/${share.file}` }));
    writeResult(context, flags, { cluster: cluster.name, kind: list.kind, threshold: list.threshold, shares: files }, [
      `${context.paint('green', 'initialised')} cluster ${safeLine(cluster.name)}; no root token is left`,
      ...files.map(({ holder, file }) => `  share of ${holder}: ${safeLine(file)}`),
      'Back up this folder; each holder keeps a copy of the own file. Then apply playbooks/vault.yml once more.',
    ].join('\n'));
    return ExitStatus.ok;
  });
}

function chosen(cluster: VaultCluster, names: readonly string[]): (name: string) => boolean {
  const known = cluster.members.map((m) => m.name);
  for (const name of names) if (!known.includes(name)) throw badInput('unknown-member', `${name} is no member of the cluster`, { remedy: suggestion(name, known) ?? `members are ${known.join(', ')}` });
  return (name) => names.length === 0 || names.includes(name);
}

function outcomeLine(context: CliContext, each: UnsealOutcome): string {
  if (each.open) return `${each.name}: ${context.paint('green', 'open')}`;
  if ('trouble' in each) return `${each.name}: ${context.paint('red', 'not opened')}`;
  return `${each.name}: ${context.paint('yellow', `${String(each.progress)} of ${String(each.threshold)} shares`)}; ${String(each.threshold - each.progress)} more, by other holders`;
}

/** Waits for those that were opened; that one does not serve is told after what was done with all of them. */
async function served(cluster: VaultCluster, observer: VaultObserver, seen: readonly MemberSeen[], done: readonly UnsealOutcome[], seconds: number): Promise<{ readonly after: readonly MemberSeen[]; readonly late: Diagnostic | undefined }> {
  const opened = done.filter((each) => each.open).map((each) => each.name);
  if (opened.length === 0) return { after: seen, late: undefined };
  try {
    return { after: await untilServing(cluster, observer, opened, seconds), late: undefined };
  } catch (error) {
    if (!(error instanceof Diagnostic) || error.kind === 'interrupted') throw error;
    return { after: await observer.look(), late: error };
  }
}

/** @returns 0 when all members are open, 3 while more shares are needed or a member does not answer */
export async function vaultUnsealAction(context: CliContext, inventory: string, flags: VaultShareFlags): Promise<ExitStatus> {
  // Holders give their shares at the same time, each from a place of their own: nothing is locked.
  return withVault(context, inventory, flags, undefined, async ({ cluster, observer, say }) => {
    const isChosen = chosen(cluster, flags.member);
    const seen = await observer.look();
    const silent = seen.filter((m) => m.seal === undefined && isChosen(m.name));
    for (const member of silent) say(`${member.name} does not answer: ${member.trouble ?? ''}`);
    if (seen.some((m) => m.seal !== undefined) && seen.every((m) => m.seal?.initialized !== true)) throw failure('not-initialised', 'the cluster is not initialised: there is nothing to unseal', { remedy: `care-provision vault init ${inventory}` });
    const sealed = sealedMembers(cluster, seen).filter((host) => isChosen(host.name));
    const sets = sealed.length === 0 ? [] : await sharesAtHand(context, cluster, flags);
    const done = sets.length === 0 ? [] : await tryShares(cluster.shareDirectory, sets, new Date(), async ({ shares, last, accepted }) => {
      const outcomes = await unsealMembers(observer, sealed, shares);
      if (outcomes.some((each) => each.open)) accepted();
      const refused = outcomes.flatMap((each) => ('trouble' in each && each.trouble.code === 'wrong-share' ? [each.trouble] : []))[0];
      if (refused !== undefined && !last && !outcomes.some((each) => each.open)) throw refused;
      return outcomes;
    });
    const { after, late } = await served(cluster, observer, seen, done, flags.timeout);
    const troubles = done.flatMap((each) => ('trouble' in each ? [each.trouble] : []));
    const lines = [
      ...seen.filter((m) => isOpen(m) && isChosen(m.name)).map((m) => `${m.name}: was open`),
      ...done.map((each) => outcomeLine(context, each)),
    ];
    writeResult(context, flags, { cluster: cluster.name, shares_given: sets.reduce((sum, set) => sum + set.shares.length, 0), members: after.map((m) => ({ name: m.name, open: isOpen(m), progress: m.seal?.progress ?? null, threshold: m.seal?.t ?? null, error: done.flatMap((each) => (each.name === m.name && 'trouble' in each ? [each.trouble.message] : []))[0] ?? null })) }, lines.join('\n'));
    const [trouble, ...more] = [...troubles, ...(late === undefined ? [] : [late])];
    if (trouble !== undefined) throw more.length === 0 ? trouble : new DiagnosticList([trouble, ...more]);
    return silent.length === 0 && done.every((each) => each.open) ? ExitStatus.ok : ExitStatus.failed;
  });
}
