/** `db switchover|failover|reinit|pause|resume`: look, refuse or say what will happen, ask, do, wait, show. */
import { readClusterInventory, type Cluster } from '../../operations/postgres/cluster.ts';
import { failoverRefusals, goodCandidates, pauseRefusals, reinitRefusals, resumeRefusals, switchoverRefusals, type GateRules, type Refusals } from '../../operations/postgres/gates.ts';
import { clusterCa, observer } from '../../operations/postgres/observe.ts';
import { failOver, reinitialize, setPaused, switchOver, type Operator } from '../../operations/postgres/operate.ts';
import type { ClusterView } from '../../operations/postgres/view.ts';
import { acquireInventoryLock } from '../../state/inventory-lock.ts';
import { Diagnostic, ExitStatus, failure } from '../../support/diagnostic.ts';
import { safeLines } from '../../support/terminal-text.ts';
import type { DbFlags, DbOperationFlags } from '../commands/db.ts';
import type { CliContext } from '../context.ts';
import { memberLines } from '../reporters/db-status.ts';
import { askOnTerminal } from '../terminal/prompt.ts';
import { processInterruption } from '../terminal/signals.ts';
import { accessTo, clusterRequest } from './on-cluster.ts';

/** Patroni's own default of maximum_lag_on_failover, in bytes. */
const LAG_ON_FAILOVER = 1024 * 1024;

/** The cluster of the inventory. @throws Diagnostic */
export async function clusterOf(context: CliContext, inventory: string, flags: DbFlags): Promise<Cluster> {
  return readClusterInventory(await clusterRequest(context, inventory, flags));
}

interface Operation {
  readonly name: string;
  /** Reasons against it now. */
  refusals(view: ClusterView, rules: GateRules, cluster: Cluster): Refusals;
  /** What will happen, for the person who is asked. */
  says(view: ClusterView, rules: GateRules): string;
  does(operator: Operator, view: ClusterView): Promise<ClusterView>;
}

/** Asks yes or no. @throws Diagnostic `not-confirmed`, or `no-terminal` with how to do without */
export async function confirm(context: CliContext, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  if (!context.interactive) throw new Diagnostic({ kind: 'usage', code: 'no-terminal', summary: 'there is nobody at a terminal to confirm this', detail: question, remedy: 'add --yes when it is meant' });
  const answer = await askOnTerminal(`${question} Type yes to go on`, false);
  if (answer.trim().toLowerCase() !== 'yes') throw new Diagnostic({ kind: 'interrupted', code: 'not-confirmed', summary: 'not confirmed: nothing was done' });
}

async function operate(context: CliContext, inventory: string, flags: DbOperationFlags, operation: Operation): Promise<ExitStatus> {
  const cluster = await clusterOf(context, inventory, flags);
  const interrupted = processInterruption(context);
  const hosts = accessTo(context);
  const lock = await acquireInventoryLock({ inventories: cluster.inventories, command: `db ${operation.name} ${inventory}`, waitSeconds: 0, signal: interrupted.stop });
  try {
    const seen = observer(cluster, hosts, await clusterCa(cluster, hosts));
    const before = await seen.look();
    const rules: GateRules = { members: cluster.members.map((m) => m.name), maximumLagBytes: before.config?.maximumLagOnFailover ?? LAG_ON_FAILOVER };
    const refusals = operation.refusals(before, rules, cluster);
    if (refusals.length > 0) throw failure('refused', `${operation.name} is refused, and nothing was done`, { detail: refusals.map((r) => `- ${r}`).join('\n'), remedy: 'care-provision db status shows the cluster' });
    const question = operation.says(before, rules);
    context.stderr.write(`${safeLines(memberLines(before).join('\n'))}\n${safeLines(question)}\n`);
    await confirm(context, question, flags.yes);
    const started = performance.now();
    const after = await operation.does({ cluster, hosts, observer: seen, signal: interrupted.stop }, before);
    const seconds = (performance.now() - started) / 1000;
    if (flags.output === 'json') context.stdout.write(`${JSON.stringify({ operation: operation.name, cluster: cluster.name, seconds: Math.round(seconds * 10) / 10, before, after }, undefined, 2)}\n`);
    else context.stdout.write(`${context.paint('green', 'done')} in ${seconds.toFixed(1)} s\n${safeLines(memberLines(after).join('\n'))}\n`);
    return ExitStatus.ok;
  } finally {
    lock.release();
    await hosts.close();
    interrupted.dispose();
  }
}

export function switchoverAction(context: CliContext, inventory: string, flags: DbOperationFlags): Promise<ExitStatus> {
  const { candidate, timeout } = flags;
  return operate(context, inventory, flags, {
    name: 'switchover',
    refusals: (view, rules) => switchoverRefusals(view, candidate, rules),
    says: (view, rules) => `${view.leader ?? ''} hands over to ${candidate ?? `the replica that Patroni chooses (${goodCandidates(view, rules).map((m) => m.name).join(' or ')})`}; clients are cut off and wait a few seconds.`,
    does: (operator, view) => switchOver(operator, view, candidate, timeout),
  });
}

export function failoverAction(context: CliContext, inventory: string, candidate: string, flags: DbOperationFlags): Promise<ExitStatus> {
  return operate(context, inventory, flags, {
    name: 'failover',
    refusals(view, rules, cluster) {
      const { always, unlessForced } = failoverRefusals(view, candidate, rules);
      if (flags.force === undefined) return unlessForced.length === 0 ? always : [...always, ...unlessForced, `--force ${cluster.name} does it all the same`];
      return flags.force === cluster.name ? always : [...always, `--force wants the cluster's name, ${cluster.name}, not ${flags.force}`];
    },
    says: (view) => `${candidate} becomes the leader${view.leader === undefined ? '' : ` in place of ${view.leader}`}; rows that it has not received are lost.`,
    does: (operator, view) => failOver(operator, view, candidate, flags.timeout),
  });
}

export function reinitAction(context: CliContext, inventory: string, member: string, flags: DbOperationFlags): Promise<ExitStatus> {
  return operate(context, inventory, flags, {
    name: 'reinit',
    refusals: (view) => reinitRefusals(view, member),
    says: (view) => `The data directory of ${member} is wiped and made anew from the cluster (leader ${view.leader ?? ''}).`,
    does: (operator, view) => reinitialize(operator, view, member, flags.timeout),
  });
}

export function pauseAction(context: CliContext, inventory: string, paused: boolean, flags: DbOperationFlags): Promise<ExitStatus> {
  return operate(context, inventory, flags, {
    name: paused ? 'pause' : 'resume',
    refusals: (view) => (paused ? pauseRefusals(view) : resumeRefusals(view)),
    says: () => (paused ? 'Patroni stops to act by itself: when the leader fails, nobody takes over until care-provision db resume.' : 'Patroni acts by itself again.'),
    does: (operator, view) => setPaused(operator, view, paused, flags.timeout),
  });
}
