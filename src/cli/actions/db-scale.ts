/** `db scale`: looks at the load, decides by the inventory's policy, shows why; with --act (or mode act) changes the inventory and applies it. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterCa, observer } from '../../operations/postgres/observe.ts';
import { decideScaling, type Decision, type Sample } from '../../operations/postgres/scaling/decide.ts';
import { afterwards, readScalingInventory, type ScalingInventory } from '../../operations/postgres/scaling/inventory.ts';
import { takeSample } from '../../operations/postgres/scaling/measure.ts';
import { restoreScaling, writeScaling } from '../../operations/postgres/scaling/membership.ts';
import { acquireInventoryLock } from '../../state/inventory-lock.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { safeLines } from '../../support/terminal-text.ts';
import type { DbScaleFlags } from '../commands/db.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { processInterruption } from '../terminal/signals.ts';
import { clusterOf } from './db.ts';
import { runAction } from './run.ts';
import { accessTo } from './on-cluster.ts';

interface Decided {
  readonly scaling: ScalingInventory;
  readonly samples: readonly Sample[];
  readonly decision: Decision;
  /** The state file's text before; undefined when there was none. Only when it was changed. */
  readonly before: string | undefined;
}

/** Looks, decides and, when told to, changes the state file: all under the inventory's lock, so that no run reads it half way. */
async function decide(context: CliContext, inventory: string, flags: DbScaleFlags): Promise<Decided> {
  const cluster = await clusterOf(context, inventory, flags);
  const request = { inventory: [inventory, ...flags.inventory], extraVars: parseExtraVars(flags.extraVars, context.cwd) };
  const interrupted = processInterruption(context);
  const hosts = accessTo(context);
  const lock = await acquireInventoryLock({ inventories: cluster.inventories, command: `db scale ${inventory}`, waitSeconds: 0, signal: interrupted.stop });
  try {
    const scaling = readScalingInventory(request);
    const seen = observer(cluster, hosts, await clusterCa(cluster, hosts));
    const samples: Sample[] = [];
    for (let i = 0; i < scaling.policy.samples; i += 1) {
      if (i > 0) await sleep(scaling.policy.interval_seconds * 1000, undefined, { signal: interrupted.stop });
      samples.push(await takeSample(cluster, hosts, seen));
    }
    const now = new Date();
    const decision = decideScaling(scaling.policy, samples, scaling.membership, now.getTime() / 1000);
    const before = existsSync(scaling.file) ? readFileSync(scaling.file, 'utf8') : undefined;
    if (acts(flags, scaling) && decision.action.type !== 'none') writeScaling(scaling.file, afterwards(scaling.content, decision.action, now));
    return { scaling, samples, decision, before };
  } finally {
    lock.release();
    await hosts.close();
    interrupted.dispose();
  }
}

function acts(flags: DbScaleFlags, scaling: ScalingInventory): boolean {
  return flags.act === true || scaling.policy.mode === 'act';
}

function show(context: CliContext, flags: DbScaleFlags, { scaling, samples, decision }: Decided): void {
  const { action } = decision;
  if (flags.output === 'json') {
    context.stdout.write(`${JSON.stringify({ action, reasons: decision.reasons, mode: acts(flags, scaling) ? 'act' : 'advise', policy: scaling.policy, membership: scaling.membership, samples }, undefined, 2)}\n`);
    return;
  }
  const words = action.type === 'none' ? 'no change' : `${action.type} ${action.host}`;
  context.stdout.write(`${safeLines(decision.reasons.map((r) => `- ${r}`).join('\n'))}\n${context.paint(action.type === 'none' ? 'green' : 'yellow', words)}\n`);
  if (action.type !== 'none' && !acts(flags, scaling)) context.stdout.write(`Nothing was done (mode advise). To do it: add --act, or postgres_scaling_policy.mode: act\n`);
}

/**
 * @returns ok when there is nothing to do or it was done, drift when it was only advised; a run's status when that failed
 */
export async function dbScaleAction(context: CliContext, inventory: string, flags: DbScaleFlags): Promise<ExitStatus> {
  const decided = await decide(context, inventory, flags);
  show(context, flags, decided);
  const { action } = decided.decision;
  if (action.type === 'none') return ExitStatus.ok;
  if (!acts(flags, decided.scaling)) return ExitStatus.drift;
  const status = await runAction(context, {
    mode: 'apply',
    inventory,
    playbooks: flags.playbook,
    flags: { ...flags, playbook: [], tags: [], skipTags: [], forks: 30, lockWait: 60, verbose: 0 },
  });
  if (status === ExitStatus.ok) return status;
  if (action.type === 'add') {
    // A host that could not be made a member must not hold up the others' runs. One that was to leave stays out: the next run goes on.
    restoreScaling(decided.scaling.file, decided.before);
    context.stderr.write(`${context.paintError('yellow', 'warning:')} ${action.host} could not be made a member; ${decided.scaling.file} is as it was\n`);
  } else {
    context.stderr.write(`${context.paintError('yellow', 'warning:')} ${action.host} has left the inventory's group, and the run has failed: run apply again\n`);
  }
  return status;
}
