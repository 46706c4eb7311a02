/** A whole run: inventory and playbooks in, checks, locks, plays, summary out. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import pLimit from 'p-limit';
import { HostSession } from '../host/host-session.ts';
import { SharedEntries } from '../host/shared-entries.ts';
import type { Inventory } from '../language/inventory/index.ts';
import type { Play, Playbook } from '../language/playbook/model.ts';
import { throwProblems } from '../language/playbook/role-spec.ts';
import { acquireHostLock } from '../state/host-lock.ts';
import { badInput, type Diagnostic, ExitStatus } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import { loginOrigin, userName } from '../support/process.ts';
import { packageVersion } from '../support/package-root.ts';
import type { Script } from '../support/shell.ts';
import { createConnector } from '../transport/index.ts';
import { artifactNeeds, knownArtifacts } from './artifact-needs.ts';
import { mayBeSkipped, playId, sortOut, type SkippedPlay } from './artifact-skips.ts';
import { artifactsReady } from './artifacts-ready.ts';
import { earlyRefusals } from './early-refusals.ts';
import { connectionTarget } from './connection-target.ts';
import type { HostState, RunContext } from './context.ts';
import { FileCache } from './controller-files.ts';
import { Tally } from './counts.ts';
import type { RunEvent } from './events.ts';
import { takeLocks, type HeldLocks } from './locks.ts';
import type { RunOptions } from './options.ts';
import { firstHosts, runPlay } from './play-run.ts';
import { loadProject, type Loaded } from './load.ts';
import { ReportQueue } from './report-queue.ts';
import { revisionsOf, type Input } from './revisions.ts';
import { checkStartAtTask, validateLoaded } from './validate.ts';
import { Variables } from './variables.ts';
import { vaultUses } from './vault-uses.ts';
import { fetchVaultValues } from './vault-values.ts';

/**
 * Sortable and unique: time and randomness. Of two runs of one second the earlier must sort first as well (a converged run takes a
 * quarter of one, and hosts tell by the names which run was the later one), so the last word begins with its milliseconds.
 */
export function newRunId(now = new Date()): string {
  const second = now.toISOString().replaceAll(/[-:]|\.\d+Z$/g, '').replace('T', '-');
  return `${second}-${now.getMilliseconds().toString(16).padStart(3, '0')}${randomBytes(3).toString('hex').slice(1)}`;
}

/**
 * Runs playbooks against an inventory and reports through `options.reporter`.
 *
 * @returns the exit status that the results promise
 * @throws Diagnostic or DiagnosticList for bad input (before any host is touched) and for locks
 */
export async function run(options: RunOptions): Promise<ExitStatus> {
  return runLoaded(loadProject(options), options);
}

/** What an `apply` of the same would leave out: what was not installed can't be verified. Nothing is fetched. */
async function skippedByApply(loaded: Loaded, options: RunOptions, may: (play: Play) => boolean): Promise<readonly SkippedPlay[]> {
  const plays = loaded.playbooks.flatMap((p) => p.plays);
  if (!plays.some(may)) return [];
  const applied = loadProject({ ...options, mode: 'apply' });
  const { needs, lacking } = artifactNeeds(applied, options);
  const missing = await artifactsReady(needs.map((need) => ({ ...need, url: undefined })), { mode: 'check', stop: options.stop, notice: () => undefined });
  return sortOut([...lacking, ...missing], plays, may).skipped;
}

/** Values that are in a vault are had before any host is touched. @throws Diagnostic or DiagnosticList */
async function askVault(loaded: Loaded, options: RunOptions, cache: FileCache): Promise<void> {
  const { inventory, playbooks, secrets } = loaded;
  const hosts = selectHosts(inventory, playbooks, options);
  const scope = new Variables({ inventory, extraVars: options.extraVars, mode: options.mode, diff: options.diff, decrypt: secrets.decrypt }).hostScope('localhost');
  await fetchVaultValues({ inventory, hosts, sources: options.inventory, references: vaultUses(loaded, options, hosts, cache) }, scope, options.stop, secrets.provide);
}

/** Runs what was loaded already. */
export async function runLoaded(loaded: Loaded, options: RunOptions): Promise<ExitStatus> {
  const started = performance.now();
  const cache = new FileCache(knownArtifacts(loaded, options.extraVars));
  // Git works while the rest is made ready.
  const revisions = revisionsOf(inputsOf(loaded, options));
  const problems = validateLoaded(loaded, options, cache);
  const everyPlay = loaded.playbooks.flatMap((p) => p.plays);
  // Workers of one run count plays alike, whatever each of them has in its cache.
  const may = options.together === undefined ? mayBeSkipped(loaded, options) : () => false;
  const skipped = new Map<string, SkippedPlay>();
  const skip = (plays: readonly SkippedPlay[]): void => { for (const each of plays) skipped.set(playId(each.play), skipped.get(playId(each.play)) ?? each); };
  const { needs: everyNeed, lacking } = artifactNeeds(loaded, options);
  const refused = sortOut(lacking, everyPlay, may);
  skip(refused.skipped);
  if (options.mode === 'verify') skip(await skippedByApply(loaded, options, may));
  const needs = everyNeed.filter((need) => need.plays.some((play) => !skipped.has(playId(play))));
  problems.add(...refused.remaining, ...earlyRefusals(loaded, options));
  problems.throwIfAny();
  await askVault(loaded, options, cache);
  checkStartAtTask(loaded, options.startAtTask);
  const { together } = options;
  const runId = together?.run ?? newRunId();
  const locks = options.held ?? (options.mode === 'apply' ? await takeLocks(options, `apply ${options.inventory.join(' ')}`) : undefined);
  const context = makeContext(options, runId, loaded, locks);
  try {
    const warnings: string[] = [...loaded.remarks];
    const hosts = selectHosts(loaded.inventory, loaded.playbooks, options, (message) => warnings.push(message));
    const own = together === undefined ? hosts : hosts.filter(together.owns);
    for (const name of own) context.ctx.tally.know(name);
    // All input is known to be good, and the inventory is ours: while hosts shake hands, the rest is made ready. Not where
    // something is still to be had, or agreed to, before a host is touched.
    if (needs.length === 0 && options.begun === undefined) for (const name of firstHosts(loaded, options)) if (own.includes(name)) context.ctx.host(name).session.connectAhead();
    context.ctx.emit(await startEvent(loaded, options, runId, hosts, revisions));
    await options.begun?.();
    for (const message of new Set(warnings)) context.ctx.emit({ type: 'warning', message });
    locks?.tell((message) => { context.ctx.emit({ type: 'warning', message }); });
    const missing = sortOut(await artifactsReady(needs, { mode: options.mode, stop: options.stop, notice: (message) => { context.ctx.emit({ type: 'warning', message }); } }), everyPlay, may);
    throwProblems(missing.remaining);
    skip(missing.skipped);
    for (const { play, because } of skipped.values()) context.ctx.emit({ type: 'warning', message: `play ${play.name} is skipped: ${because}` });
    const plays = everyPlay.filter((play) => !skipped.has(playId(play)));
    const ended = await firstFalse(plays, (play, i) => runPlay(context.ctx, play, cache, i));
    for (const play of plays.slice(ended + 1)) for (const name of loaded.inventory.select(play.hosts, options.limit)) context.ctx.host(name).cutShort = true;
    const neverBegan = own.filter((name) => !context.ctx.host(name).startReached);
    if (options.startAtTask !== undefined && neverBegan.length > 0) context.ctx.emit({ type: 'warning', message: `the task of --start-at-task, ${options.startAtTask}, was not reached on ${neverBegan.join(', ')}: nothing was run there` });
    for (const host of own.filter((name) => ['active', 'ended'].includes(context.ctx.host(name).condition))) {
      for (const message of options.gate?.remarks?.(host) ?? []) context.ctx.emit({ type: 'warning', host, message });
    }
    const unfinished = own.map((name) => context.ctx.host(name)).filter((host) => ['active', 'ended'].includes(host.condition) && (host.cutShort || !host.startReached)).map((host) => host.name);
    const interrupted = options.stop.aborted;
    const status = interrupted ? ExitStatus.interrupted : context.ctx.tally.exitStatus(options.mode);
    const { tally } = context.ctx;
    context.ctx.emit({ type: 'summary', run: runId, time: new Date().toISOString(), status, seconds: (performance.now() - started) / 1000, total: tally.total, hosts: tally.hosts(), ...(unfinished.length === 0 ? {} : { unfinished }), ...(skipped.size === 0 ? {} : { skipped_plays: [...skipped.values()].map(({ play }) => play.name) }), roles: tally.roles(), slowest: tally.slowest() });
    return status;
  } finally {
    await context.close();
    if (options.held === undefined) await locks?.release();
  }
}

/** The event that a run begins with. */
export async function startEvent(loaded: Loaded, options: RunOptions, run: string, hosts: readonly string[], revisions = revisionsOf(inputsOf(loaded, options))): Promise<Extract<RunEvent, { type: 'start' }>> {
  const origin = loginOrigin();
  return {
    type: 'start', run, time: new Date().toISOString(), mode: options.mode, inventory: options.inventory.join(','), playbook: loaded.playbooks.map((p) => p.path).join(','),
    hosts, version: packageVersion(), controller: hostname(), user: userName(),
    ...(origin === undefined ? {} : { origin }), arguments: options.arguments ?? [], revisions: await revisions,
  };
}

/** Does the work for one after the other. @returns the index of the first for which it said false, else that of the last */
async function firstFalse<T>(items: readonly T[], work: (item: T, index: number) => Promise<boolean>): Promise<number> {
  for (const [i, item] of items.entries()) if (!(await work(item, i))) return i;
  return items.length - 1;
}

/** What a run reads and people keep under git. A host list (`a,b,`) and the text of an ad-hoc command are no files. */
function inputsOf({ playbooks }: Loaded, options: RunOptions): readonly Input[] {
  const roles = new Set(playbooks.flatMap((p) => p.plays).flatMap((play) => play.roles.map((r) => path.dirname(r.role.directory))));
  return [
    ...options.inventory.map((file): Input => ({ of: 'inventory', path: file })),
    ...playbooks.map((p): Input => ({ of: 'playbook', path: p.path })),
    ...[...roles].map((directory): Input => ({ of: 'roles', path: directory })),
  ].filter((input) => existsSync(input.path));
}

/**
 * All hosts that some play works on. A play may name a group that this inventory has not; when that leaves nobody at
 * all, it is a misspelling, and "nothing to do" would be a lie.
 *
 * @param warn is told of names that are in no inventory
 * @throws Diagnostic when `--limit`, or all that the plays name, matches nothing
 */
export function selectHosts(inventory: Inventory, playbooks: readonly Playbook[], options: Pick<RunOptions, 'limit'>, warn: (message: string) => void = () => undefined): readonly string[] {
  const unknown: { readonly play: Play; readonly problem: Diagnostic }[] = [];
  const wanted = new Set(playbooks.flatMap((p) => p.plays).flatMap((play) => [...inventory.select(play.hosts, options.limit, (problem) => unknown.push({ play, problem }))]));
  const [first] = unknown;
  if (wanted.size === 0 && first !== undefined) throw badInput('no-hosts', `play ${first.play.name}: ${first.problem.message}, so there is nobody to work on`, { span: first.play.span, remedy: first.problem.remedy });
  for (const { play, problem } of unknown) warn(`play ${play.name}: ${problem.message}${problem.remedy === undefined ? '' : `; ${problem.remedy}`}`);
  if (wanted.size === 0 && options.limit !== undefined) {
    throw badInput('limit-matches-nothing', `--limit ${options.limit} leaves no host to work on`, { remedy: suggestion(options.limit, [...inventory.hosts, ...inventory.groups()]) });
  }
  return inventory.hosts.filter((h) => wanted.has(h));
}

function makeContext(options: RunOptions, runId: string, loaded: Loaded, locks: HeldLocks | undefined): { readonly ctx: RunContext; close(): Promise<void> } {
  const { inventory } = loaded;
  const connector = createConnector({});
  const hosts = new Map<string, HostState>();
  const delegates = new Map<string, { session: HostSession; exclusively<T>(work: () => Promise<T>): Promise<T> }>();
  const entries = new SharedEntries();
  const throttles = new Map<string, <T>(work: () => Promise<T>) => Promise<T>>();
  const limit = pLimit(options.forks);
  const starting = pLimit(options.forks);
  const tally = new Tally();
  let conditionChanges = 0;
  const variables = new Variables({ inventory, extraVars: options.extraVars, mode: options.mode, diff: options.diff, decrypt: loaded.secrets.decrypt, elsewhere: options.together });

  function session(name: string, sharing: HostSession | undefined): HostSession {
    return new HostSession({
      name,
      checkMode: options.mode === 'check',
      connect: () => sharing === undefined ? connector.connect(connectionTarget(name, variables.hostScope(name)), options.kill) : sharing.connection(),
      kill: options.kill,
      // The time-out leaves the script room to say who holds the lock.
      opening: options.mode === 'apply' && name !== 'localhost' ? { script: hostLock(options, runId), timeoutSeconds: options.lockWaitSeconds + 60, impatience: options.lockWaitSeconds > 0 ? options.stop : undefined } : undefined,
      sharing: options.mode === 'check' ? sharing : undefined,
      entries,
      keep: options.keep === undefined || options.mode !== 'apply' ? undefined : { ...options.keep, run: runId },
      limit: (work) => limit(work),
    });
  }

  function known(name: string): void {
    if (inventory.hosts.includes(name) || name === 'localhost') return;
    throw badInput('unknown-host', `there is no host ${name} in the inventory`, { remedy: suggestion(name, inventory.hosts) });
  }

  const ctx: RunContext = {
    options,
    run: runId,
    inventory,
    project: loaded.project,
    variables,
    tally,
    admit: async () => locks?.check(),
    emit: (event) => {
      options.reporter.event(event);
    },
    host: (name) => {
      let state = hosts.get(name);
      if (state === undefined) {
        known(name);
        let condition: HostState['condition'] = 'active';
        state = {
          name,
          session: session(name, undefined),
          reports: new ReportQueue(),
          get condition() { return condition; },
          set condition(next) {
            if (next !== condition) conditionChanges += 1;
            if (next !== condition && (next === 'failed' || next === 'unreachable')) options.onHostLost?.(name);
            condition = next;
          },
          notified: new Map(), broken: new Set(), owed: undefined, noted: new Set(), stray: new Set(), startReached: options.startAtTask === undefined, cutShort: false,
        };
        hosts.set(name, state);
      }
      return state;
    },
    known: () => [...hosts.values()],
    conditionChanges: () => conditionChanges,
    starting: (work) => starting(work),
    delegate: (name) => {
      let delegate = delegates.get(name);
      if (delegate === undefined) {
        known(name);
        const one = pLimit(1);
        delegate = { session: session(name, ctx.host(name).session), exclusively: (work) => one(work) };
        delegates.set(name, delegate);
      }
      return delegate;
    },
    throttle: (taskId, hostsAtOnce) => {
      let bounded = throttles.get(taskId);
      if (bounded === undefined) {
        const one = pLimit(hostsAtOnce);
        bounded = (work) => one(work);
        throttles.set(taskId, bounded);
      }
      return bounded;
    },
  };
  return {
    ctx,
    async close() {
      await Promise.all([...hosts.values(), ...delegates.values()].map((h) => h.session.close()));
      await connector.close();
    },
  };
}

function hostLock(options: RunOptions, runId: string): Script {
  return acquireHostLock({
    run: options.together?.lockName ?? runId,
    description: `${userName()}@${hostname()}: apply ${options.inventory.map((i) => path.basename(i)).join(',')}`,
    since: new Date().toISOString(),
    waitSeconds: options.lockWaitSeconds,
    ...(options.hostLockDirectory === undefined ? {} : { directory: options.hostLockDirectory }),
  });
}
