/** `drill`: one or all drills, some times, with their reports. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chooseDrills, DRILLS, SERVICES } from '../../drills/catalogue.ts';
import type { DrillInfo } from '../../drills/drill.ts';
import { refuseUnmarked, refuseUnnamed } from '../../drills/guard.ts';
import { powerBy } from '../../drills/power.ts';
import { fillTable } from '../../drills/report/docs.ts';
import { reportHtml } from '../../drills/report/html.ts';
import type { DrillResult } from '../../drills/result.ts';
import type { Drillable } from '../../drills/service.ts';
import type { ClusterRequest } from '../../operations/inventory.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { acquireInventoryLock, type InventoryLock } from '../../state/inventory-lock.ts';
import { badInput, Diagnostic, ExitStatus, failure } from '../../support/diagnostic.ts';
import { packageVersion } from '../../support/package-root.ts';
import { maskSecrets } from '../../support/secret.ts';
import { safeLines } from '../../support/terminal-text.ts';
import type { DrillFlags } from '../commands/drill.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { statusOf } from '../reporters/cli-reporter.ts';
import { drillJson, drillReaders, drillText, type DrillReporter } from '../reporters/drill.ts';
import { fileOutput } from '../terminal/output.ts';
import { interruption, type Interruption } from '../terminal/signals.ts';
import { accessTo, clusterRequest } from './on-cluster.ts';

function readers(context: CliContext, flags: DrillFlags): DrillReporter {
  if (flags.output === 'json' && flags.outputFile === undefined) return drillJson(context.stdout);
  const text = drillText(context.stdout, context.paint);
  return flags.outputFile === undefined ? text : drillReaders([drillJson(fileOutput(path.resolve(context.cwd, flags.outputFile))), text]);
}

/** Writes a file beside the working directory. @throws Diagnostic */
function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw failure('report-write', `cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function writeReports(context: CliContext, flags: DrillFlags, results: readonly DrillResult[]): void {
  if (results.length === 0) return;
  if (flags.report !== undefined) writeText(path.resolve(context.cwd, flags.report), reportHtml(results, packageVersion()));
  if (flags.docs !== undefined) {
    const file = path.resolve(context.cwd, flags.docs);
    writeText(file, maskSecrets(fillTable(readFileSync(file, 'utf8'), DRILLS, results, { version: packageVersion(), date: new Date().toISOString().slice(0, 10) })));
  }
}

/**
 * @returns 0 when every run has met its target with nothing lost, 3 otherwise
 * @throws Diagnostic, told to the readers of the output first
 */
export async function drillAction(context: CliContext, name: string, inventory: string, flags: DrillFlags): Promise<ExitStatus> {
  const reporter = readers(context, flags);
  const results: DrillResult[] = [];
  let drills: readonly DrillInfo[] = [];
  let error: unknown;
  let status: ExitStatus = ExitStatus.internal;
  const interrupted = drillInterruption(context);
  try {
    drills = chooseDrills(name, flags.destroy !== undefined);
    if (flags.docs !== undefined && !existsSync(path.resolve(context.cwd, flags.docs))) throw new Diagnostic({ kind: 'usage', code: 'no-docs', summary: `there is no file ${flags.docs} to fill` });
    const found = drillables(drills, name === 'all', await clusterRequest(context, inventory, flags));
    drills = found.map(({ drill }) => drill);
    for (const { drillable } of found) refuseUnmarked(drillable.installation);
    for (const { drill, drillable } of found) refuseUnnamed(drill, drillable.installation, flags.destroy);
    await runAll(context, { found, flags, reporter, stop: interrupted.stop, results });
    status = results.every((r) => r.met) ? ExitStatus.ok : ExitStatus.failed;
  } catch (caught) {
    error = caught;
    status = statusOf(caught);
  }
  try {
    writeReports(context, flags, results);
  } catch (caught) {
    error ??= caught;
    if (status === ExitStatus.ok) status = statusOf(caught);
  }
  interrupted.dispose();
  reporter.summary({ name, drills, results, wanted: drills.length * flags.runs, status, error });
  if (flags.outputFile !== undefined || flags.output === 'json') reporter.close();
  if (error instanceof Error) throw error;
  return status;
}

interface Found {
  readonly drill: DrillInfo;
  readonly drillable: Drillable;
}

/**
 * Each drill with what the inventory has of its service.
 *
 * @param all whether services that the inventory has not are left out instead of refused
 * @throws Diagnostic (bad input) when it has not what a drill is of
 */
function drillables(drills: readonly DrillInfo[], all: boolean, request: ClusterRequest): readonly Found[] {
  const found = SERVICES.flatMap((service) => {
    const own = drills.filter((drill) => drill.service === service.name);
    const drillable = own.length === 0 ? undefined : all ? service.readIfThere(request) : service.read(request);
    return drillable === undefined ? [] : own.map((drill) => ({ drill, drillable }));
  });
  const named = drills.flatMap((drill) => found.find((f) => f.drill.name === drill.name) ?? []);
  if (named.length === 0) throw badInput('nothing-to-drill', 'this inventory has nothing that drills are for', { remedy: `they are for the groups ${SERVICES.map((s) => s.name).join(', ')}` });
  return named;
}

/** Seconds for the cluster to come to rest after the drill before. */
const SETTLE_SECONDS = 60;
/** Somebody else may have begun a run while the lock was given back. */
const LOCK_AGAIN_SECONDS = 3600;

/** Ctrl-C: what was broken is healed first; only the third leaves it as it is. */
function drillInterruption(context: CliContext): Interruption {
  const words = ['interrupted: healing what was broken, then leaving.', 'healing goes on. Press Ctrl-C once more to leave at once, with what is broken as it is.'];
  return interruption(process, () => { context.stderr.write(`\n${words.shift() ?? ''}\n`); }, (status) => process.exit(status));
}

interface Batch {
  readonly found: readonly Found[];
  readonly flags: DrillFlags;
  readonly reporter: DrillReporter;
  readonly stop: AbortSignal;
  /** Filled as runs end, so that what was seen before an error is reported all the same. */
  readonly results: DrillResult[];
}

async function runAll(context: CliContext, batch: Batch): Promise<void> {
  const { found, flags, reporter, stop, results } = batch;
  const inventories = found[0]?.drillable.installation.inventories ?? [];
  const say = (text: string): void => { context.stderr.write(`${context.paintError('yellow', 'by hand:')} ${safeLines(text)}\n`); };
  const acquire = (waitSeconds: number): Promise<InventoryLock> => acquireInventoryLock({ inventories, command: `drill ${inventories.join(' ')}`, waitSeconds });
  let lock = await acquire(0);
  const unlocked = async <T>(work: () => Promise<T>): Promise<T> => {
    lock.release();
    try {
      return await work();
    } finally {
      lock = await acquire(LOCK_AGAIN_SECONDS);
    }
  };
  const hosts: HostAccess = accessTo(context);
  try {
    const power = powerBy(flags.power, hosts);
    for (const { drill, drillable } of found) {
      for (let run = 1; run <= flags.runs; run += 1) {
        reporter.begin(drill, run, flags.runs);
        const result = await drillable.execute(drill, { hosts, power, signal: stop, unlocked, extraVars: parseExtraVars(flags.extraVars, context.cwd), settleSeconds: results.length === 0 ? 0 : SETTLE_SECONDS, event: (event) => { reporter.event(drill, run, event); }, byHand: say });
        results.push(result);
        reporter.result(run, result);
      }
    }
  } finally {
    await hosts.close();
    lock.release();
  }
}
