/** One play: its hosts in batches, each batch section by section, failure policy, handlers owed from before. */
import type { PendingNote } from '../state/pending-handlers.ts';
import { baseFacts } from '../host/base-facts.ts';
import type { Identity } from '../host/identity.ts';
import type { AnyQuery } from '../host/query.ts';
import { PENDING_DIRECTORY, pendingHandlers } from '../host/kinds/pending-handlers.ts';
import type { Play, Task } from '../language/playbook/model.ts';
import { readMapFile } from '../language/playbook/role.ts';
import { Diagnostic } from '../support/diagnostic.ts';
import { maskSecrets } from '../support/secret.ts';
import type { ValueMap } from '../support/value.ts';
import { formatPlace } from '../support/source.ts';
import type { FileCache } from './controller-files.ts';
import type { HostState, PlayState, RunContext } from './context.ts';
import { distinctHandlers, finishesStopped, refusesRoot, takeUpOwed } from './handlers.ts';
import { HostRun } from './host-run.ts';
import type { Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { Rendezvous, type Position } from './rendezvous.ts';
import { HostEnded, TaskFailed } from './task-result.ts';
import type { BatchStanding } from './together.ts';
import { BatchWatch } from './batch-watch.ts';
import { playVariables } from './variables.ts';
import { errorText } from './task-item.ts';

/** Cuts hosts into batches as `serial` says; the last size repeats. */
export function serialBatches(hosts: readonly string[], serial: readonly (number | string)[]): readonly (readonly string[])[] {
  if (serial.length === 0) return hosts.length === 0 ? [] : [hosts];
  const batches: string[][] = [];
  let at = 0;
  for (let i = 0; at < hosts.length; i += 1) {
    const size = serial[Math.min(i, serial.length - 1)] ?? hosts.length;
    // As Ansible: a percentage is of all hosts of the play, rounded down, at least one.
    const count = typeof size === 'number' ? size : Math.max(1, Math.floor((Number.parseFloat(size) / 100) * hosts.length));
    batches.push(hosts.slice(at, at + count));
    at += count;
  }
  return batches;
}

/** The hosts that a run begins with: of the first play that has any, its first batch, as many as are begun with at once. */
export function firstHosts(loaded: Pick<Loaded, 'inventory' | 'playbooks'>, options: Pick<RunOptions, 'limit' | 'forks'>): readonly string[] {
  for (const play of loaded.playbooks.flatMap((p) => p.plays)) {
    const hosts = [...loaded.inventory.select(play.hosts, options.limit)];
    if (hosts.length > 0) return (serialBatches(hosts, play.serial)[0] ?? []).slice(0, options.forks);
  }
  return [];
}

/** Runs a play on the hosts that are still taking part. @returns false when the play ended the run */
export async function runPlay(ctx: RunContext, play: Play, cache: FileCache, number: number): Promise<boolean> {
  const { together } = ctx.options;
  const chosen = ctx.inventory.select(play.hosts, ctx.options.limit).map((name) => ctx.host(name));
  const lost = (h: HostState): boolean => h.condition === 'failed' || h.condition === 'unreachable';
  const gone = (): readonly string[] => ctx.known().filter((h) => lost(h) && together?.owns(h.name) === true).map((h) => h.name);
  const decided = together === undefined ? undefined : new Set(await together.enterPlay(number, gone()));
  if (decided !== undefined) for (const host of chosen.filter((h) => decided.has(h.name) && !lost(h))) leftOut(ctx, play, host);
  // What was decided for all holds, also where a host fares otherwise since: batches are cut from the same hosts everywhere.
  const hosts = chosen.filter((h) => (decided === undefined ? !lost(h) : !decided.has(h.name)));
  for (const host of hosts) if (!lost(host)) host.condition = 'active';
  if (hosts.length === 0) return true;
  ctx.emit({ type: 'play', play: play.name, hosts: hosts.map((h) => h.name) });
  const varsFiles = play.varsFiles.map((f) => {
    ctx.options.onInput?.(f.path);
    return readMapFile(f.path, 'strict');
  });
  const names = hosts.map((h) => h.name);
  const batches = serialBatches(names, play.serial);
  for (const [i, batch] of batches.entries()) {
    const later = batches.slice(i + 1).flat();
    const members = batch.filter((n) => together?.owns(n) !== false).map((n) => ctx.host(n)).filter((h) => h.condition === 'active');
    if (together !== undefined && members.length === 0) continue;
    const at = { play: number, batch: i };
    if (endedElsewhere(ctx, play, (await together?.enterBatch(at, gone())) ?? [], batches)) return cutShort(ctx, [...batch, ...later]);
    const shared = together === undefined ? undefined : new BatchWatch(together, at, members.length, batch.length, play.maxFailPercentage);
    const state = playState(ctx, play, varsFiles, { all: names, batch }, shared);
    const tags = { tags: ctx.options.tags, skipTags: ctx.options.skipTags };
    await Promise.all(members.map((host) => hostThroughPlay(ctx, state, host, new HostRun({ ctx, play: state, host, cache, tags }))));
    await shared?.close(members.filter(lost).length);
    if (ctx.options.stop.aborted) return cutShort(ctx, later);
    // A batch of which every host has failed ends the run, as in Ansible: the next batch would fail as well.
    if (state.stopped !== undefined || (together === undefined && members.every(lost) && members.length > 0 && batches.length > 1)) {
      ctx.emit({ type: 'warning', message: `play ${play.name} is ended: ${state.stopped ?? 'every host of the batch has failed'}` });
      return cutShort(ctx, later);
    }
  }
  const all = (await together?.enterBatch({ play: number, batch: batches.length }, gone())) ?? [];
  return endedElsewhere(ctx, play, all, batches) ? cutShort(ctx, []) : true;
}

/**
 * A host that has failed for another worker before the play began. One of ours is told of: the worker that had it before has died, and without that
 * its failure would be in nobody's summary.
 */
function leftOut(ctx: RunContext, play: Play, host: HostState): void {
  host.condition = 'failed';
  if (ctx.options.together?.owns(host.name) !== true) return;
  const msg = 'it had failed for the worker that had it before, so the others have begun the play without it';
  host.reports.open().ready(() => {
    ctx.emit({ type: 'task', host: host.name, play: play.name, role: '', task: 'the play', module: '', status: 'failed', seconds: 0, at: formatPlace(play.span), handler: false, msg, error: `${msg}; run again` });
    ctx.tally.count(host.name, '', 'the play', 'failed', 0);
  });
}

/** Whether the play has been ended for everybody by what became of earlier batches, here or on other workers. */
function endedElsewhere(ctx: RunContext, play: Play, earlier: readonly BatchStanding[], batches: readonly (readonly string[])[]): boolean {
  const stopped = earlier.find((batch) => batch.stopped !== undefined)?.stopped;
  // A batch of which every host has failed ends the run, as in Ansible.
  const all = batches.length > 1 && earlier.some((batch) => batch.hosts > 0 && batch.failed === batch.hosts);
  if (stopped === undefined && !all) return false;
  ctx.emit({ type: 'warning', message: `play ${play.name} is ended: ${stopped ?? 'every host of the batch has failed'}` });
  return true;
}

/** Hosts whose turn does not come any more. @returns false, which ends the run */
function cutShort(ctx: RunContext, hosts: readonly string[]): false {
  for (const name of hosts) ctx.host(name).cutShort = true;
  return false;
}

function playState(ctx: RunContext, play: Play, varsFiles: readonly ValueMap[], { all, batch }: { readonly all: readonly string[]; readonly batch: readonly string[] }, shared: BatchWatch | undefined): PlayState {
  const handlers: Task[] = [...distinctHandlers(play.handlers)];
  const failed = new Set<string>();
  const state: PlayState = {
    play,
    variables: playVariables(play, varsFiles, {
      all,
      batch,
      present: () => all.filter((n) => ctx.host(n).condition === 'active'),
      changes: () => ctx.conditionChanges(),
    }),
    rendezvous: shared === undefined ? new Rendezvous(batch) : new Rendezvous(batch.filter((name) => shared.together.owns(name)), (position, first, once) => meet(ctx, shared, position, first, once)),
    shared,
    once: new Map(),
    stopped: undefined,
    ended: false,
    handlers: () => handlers,
    addHandlers: (more) => {
      for (const handler of more) if (!handlers.some((h) => h.id === handler.id)) handlers.push(handler);
    },
    hostFailed: (host, fatal) => {
      failed.add(host.name);
      const stop = (why: string): void => { state.stopped ??= why; };
      if (shared !== undefined) {
        shared.failed(failed.size, fatal ? `a task failed on ${host.name} and any_errors_fatal is set` : undefined, stop);
        return;
      }
      const share = (failed.size / batch.length) * 100;
      if (fatal) state.stopped = `a task failed on ${host.name} and any_errors_fatal is set`;
      else if (play.maxFailPercentage !== undefined && share > play.maxFailPercentage) state.stopped = `${String(failed.size)} of ${String(batch.length)} hosts have failed, more than ${String(play.maxFailPercentage)} %`;
    },
  };
  shared?.watch((why) => { state.stopped ??= why; });
  return state;
}

/** All hosts of all workers come to a place. At the beginning of a play they learn each other's base facts. */
async function meet(ctx: RunContext, { together, at }: BatchWatch, position: Position, first: string, once: boolean): Promise<string | undefined> {
  const atStart = position.length === 1 && position[0] === -1;
  if (atStart) await together.tellFacts(new Map(ctx.known().filter((host) => together.owns(host.name) && host.session.started).map((host) => [host.name, host.session.base])));
  if (once) return together.meetOnce(at, position, first);
  await together.meet(at, position);
  if (atStart) for (const [name, base] of await together.foreignFacts()) ctx.variables.learnFacts(name, base);
  return undefined;
}

async function hostThroughPlay(ctx: RunContext, state: PlayState, host: HostState, run: HostRun): Promise<void> {
  try {
    await ctx.starting(() => start(ctx, state, host, run));
    await state.rendezvous.arrive(host.name, [-1]);
    for (const [i, section] of state.play.sections.entries()) await run.section(section.nodes, [i]);
  } catch (error) {
    await ended(ctx, state, host, run, error);
  } finally {
    state.rendezvous.leave(host.name);
  }
  if (host.condition !== 'unreachable') await writeDown(ctx, host, run);
}

/** Connects, learns the base facts and, in the same round trip, what the first section will ask. */
async function start(ctx: RunContext, state: PlayState, host: HostState, run: HostRun): Promise<void> {
  const identity = run.playIdentity();
  const first = state.play.sections[0]?.nodes ?? [];
  const keeper = ctx.options.mode === 'verify' || host.owed !== undefined || (ctx.options.notesHandlers === true && state.handlers().length === 0) ? undefined : identity.user === 'root' ? identity : state.handlers().length === 0 ? undefined : run.notesIdentity();
  const asked = [pendingHandlers(PENDING_DIRECTORY)];
  const queries = [...(keeper === identity ? asked : []), ...run.firstQueries(first)];
  // Base facts are looked at again when something has run since that may have changed them.
  if (host.session.started) await host.session.observe(identity, [baseFacts(null), ...queries]);
  else await host.session.start(identity, queries);
  if (!ctx.variables.knowsFacts(host.name)) reportSystem(ctx, host);
  ctx.variables.learnFacts(host.name, host.session.base);
  // Once a run: in later plays the notes are this run's own.
  if (keeper !== undefined) host.owed = await readNotes(host, keeper, asked);
  if (host.owed !== undefined) takeUpOwed(ctx, host, state.handlers());
}

/** The version of the host's system, once a run. */
function reportSystem(ctx: RunContext, host: HostState): void {
  const { distribution, distribution_version: version } = host.session.base;
  if (version !== '') ctx.emit({ type: 'observation', host: host.name, subject: 'version', name: distribution.toLowerCase(), version });
}

/** @returns undefined when the host lets nobody become root */
async function readNotes(host: HostState, keeper: Identity, asked: readonly AnyQuery[]): Promise<Set<string> | undefined> {
  try {
    await host.session.observe(keeper, asked);
  } catch (error) {
    if (refusesRoot(error)) return undefined;
    throw error;
  }
  // Sound: the kind's parser returns notes.
  const notes = host.session.store(keeper).value(pendingHandlers(PENDING_DIRECTORY)) as readonly PendingNote[];
  return new Set(notes.map((note) => note.id));
}

/** What became of the host when it left the play before its end. */
async function ended(ctx: RunContext, state: PlayState, host: HostState, run: HostRun, error: unknown): Promise<void> {
  if (error instanceof HostEnded) {
    host.condition = 'ended';
    if (error.wholePlay) state.ended = true;
    if (state.stopped === undefined) return;
    // For a failure elsewhere, not by a word of the playbook.
    host.cutShort = true;
    if (finishesStopped(ctx, state, host)) await afterFailure(ctx, host, () => run.runHandlers([Number.MAX_SAFE_INTEGER]));
    return;
  }
  if (error instanceof TaskFailed) {
    host.condition = 'failed';
    state.hostFailed(host, error.fatal);
    if (state.play.forceHandlers || ctx.options.gate?.finishes?.(host.name, 'failed') === true) await forceHandlers(ctx, host, run);
    else await afterFailure(ctx, host, () => run.strikeOffStray());
    return;
  }
  if (error instanceof Diagnostic && error.kind === 'interrupted') {
    host.condition = 'ended';
    host.cutShort = true;
    return;
  }
  const unreachable = error instanceof Diagnostic && error.kind === 'unreachable';
  const locked = error instanceof Diagnostic && error.kind === 'locked';
  if (locked) ctx.tally.lockedOut(host.name);
  // Before any task of the play: it is left out of this play, and the next one tries again.
  const ignored = unreachable && !run.hasReported(error) && state.play.attributes.ignoreUnreachable === true;
  if (!(error instanceof Diagnostic) && !(error instanceof Error && (error.name === 'DiagnosticList' || error.name === 'ChangeFailed' || error.name === 'UnknownValue'))) throw error;
  host.condition = ignored ? 'ended' : unreachable ? 'unreachable' : 'failed';
  if (ignored) await host.session.disconnect();
  else state.hostFailed(host, state.play.anyErrorsFatal);
  if (run.hasReported(error)) return;
  const text = maskSecrets(errorText(error));
  const status = ignored ? 'ignored' : unreachable ? 'unreachable' : 'failed';
  host.reports.open().ready(() => {
    ctx.emit({ type: 'task', host: host.name, play: state.play.name, role: '', task: 'the connection', module: '', status, seconds: 0, at: formatPlace(state.play.span), handler: false, msg: text.split('\n')[0] ?? '', error: text });
    ctx.tally.count(host.name, '', 'the connection', status, 0);
  });
}

/** Of changes that are out of reach of a rollback, as far as no later change has taken the note along. */
async function writeDown(ctx: RunContext, host: HostState, run: HostRun): Promise<void> {
  try {
    await host.session.writeDown(() => run.notesIdentity());
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    ctx.emit({ type: 'warning', host: host.name, message: `what of this run is out of reach of a rollback cannot be noted on the host: ${maskSecrets(errorText(error))}` });
  }
}

/** What a failed host was notified of, each once: one that fails keeps no other from being run, as in Ansible. */
async function forceHandlers(ctx: RunContext, host: HostState, run: HostRun): Promise<void> {
  let before: number;
  do {
    before = host.broken.size;
    await afterFailure(ctx, host, () => run.runHandlers([Number.MAX_SAFE_INTEGER]));
  } while (host.broken.size > before);
}

async function afterFailure(ctx: RunContext, host: HostState, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    ctx.emit({ type: 'warning', host: host.name, message: `handlers after the failure: ${maskSecrets(errorText(error))}` });
  }
}
