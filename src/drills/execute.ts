/**
 * One run of a drill, from the guard to the judged result, whatever the service. Whatever happens in between, also Ctrl-C, what was
 * broken is healed, and who must finish it by hand is told how.
 */
import type { HostAccess } from '../operations/hosts.ts';
import { Diagnostic } from '../support/diagnostic.ts';
import type { ValueMap } from '../support/value.ts';
import { uninterrupted } from '../support/uninterrupted.ts';
import type { BaseScene, Drill, Injury } from './drill.ts';
import { refuseUnhealthy, refuseUnmarked, refuseWithoutPower } from './guard.ts';
import type { Power } from './power.ts';
import type { DrillEvent, Figure, GivenUp } from './record.ts';
import { judge, type DrillResult, type Words } from './result.ts';
import type { Bench, Installation, Monitor, Stage } from './service.ts';
import { pause, waitUntil } from './wait.ts';

export interface DrillRun {
  readonly hosts: HostAccess;
  readonly power: Power;
  readonly extraVars: ValueMap;
  /**
   * Seconds that the installation may take to come to rest before it is called unhealthy: 0 for a first drill. After another
   * one Patroni counts its synchronous replicas anew, and for a loop or two there are none.
   */
  readonly settleSeconds: number;
  /** Runs something while the inventory's lock is given back. */
  readonly unlocked: <T>(work: () => Promise<T>) => Promise<T>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Told everything as it happens. */
  event(event: DrillEvent): void;
  /** Told what a person has to finish by hand. */
  byHand(text: string): void;
}

/** A drill of one service, with what it is run on. */
export interface Course<S extends BaseScene, V> {
  readonly run: DrillRun;
  readonly drill: Drill<S, V>;
  readonly installation: Installation;
  readonly words: Words;
  open(): Promise<Bench<S, V>>;
}

/** Milliseconds of undisturbed writing before and after, so that a report shows what normal is. */
const CALM_MS = 3000;
/** A client that had a row confirmed within this time can write; slow clients have longer. */
const WRITES_AGAIN_MS = 500;
/** Seconds to wait for an answer when the drill is over and its rows are to be counted. */
const ANSWER_SECONDS = 60;
const HEAL_TRIES = 4;
const HEAL_PAUSE_MS = 3000;

/**
 * @throws Diagnostic when it was refused (nothing was touched), or interrupted (all is healed), or something it needs failed
 */
export async function executeDrill<S extends BaseScene, V>(course: Course<S, V>): Promise<DrillResult> {
  const { run, drill, installation } = course;
  refuseUnmarked(installation);
  await refuseWithoutPower(drill, installation.powered, (host) => run.power.check(host));
  const bench = await course.open();
  try {
    return await onBench(course, bench);
  } finally {
    await bench.close();
  }
}

async function onBench<S extends BaseScene, V>({ run, drill, installation, words }: Course<S, V>, bench: Bench<S, V>): Promise<DrillResult> {
  const before = await settled(run, bench);
  refuseUnhealthy(bench.trouble(before), bench.mend);
  const further = await bench.further();
  refuseUnhealthy(further === undefined ? [] : [further], bench.mend);

  const startedAt = new Date().toISOString();
  // Times are told from the first row on, whatever the setting up takes.
  let start = performance.now();
  const now = (): number => Math.round((performance.now() - start) * 10) / 10;
  const events: DrillEvent[] = [];
  const note: BaseScene['note'] = (kind, what) => {
    const event = { atMs: now(), kind, what };
    events.push(event);
    run.event(event);
  };
  let stage: Stage | undefined;
  let monitor: Monitor<V> | undefined;
  const view = (): V => monitor?.view() ?? before;
  try {
    const prepared = await bench.prepare(before, run.signal);
    start = performance.now();
    const set = prepared.begin(now);
    stage = set;
    monitor = bench.watch(before, ({ kind, what }) => { note(kind, what); });
    const scene = bench.scene({
      hosts: run.hosts, power: run.power, note, now, signal: run.signal, unlocked: run.unlocked, extraVars: run.extraVars,
      rows: () => [...set.writer().acknowledged, ...set.prober().acknowledged],
    }, before);
    note('phase', `watching; ${bench.introduce(before)}; writing ${prepared.way}`);
    await pause(CALM_MS, run.signal);
    const injury = await drill.begin(scene);
    const writes = (): boolean => (set.writer().acknowledged.at(-1)?.atMs ?? 0) > now() - (words.writesAgainMs ?? WRITES_AGAIN_MS);
    const seen = await injure(run, scene, injury, { bench, view, writes });
    await pause(CALM_MS, run.signal);
    const endMs = now();
    const recorded = await stage.stop();
    await waitUntil(() => bench.answering(view()), ANSWER_SECONDS, run.signal);
    const counted = await bench.count(view());
    if (counted.why !== undefined) note('trouble', counted.why);
    return judge({
      drill: drill.name, summary: drill.summary, cluster: installation.name, target: drill.target, words, startedAt, what: injury.what, way: prepared.way, events, ...recorded, endMs, found: counted.found, ...seen,
    });
  } finally {
    await stage?.stop();
    await clear(bench, view, run);
    await monitor?.stop();
  }
}

/** Looks until nothing is wrong, or the time is over. */
async function settled<S extends BaseScene, V>(run: DrillRun, bench: Bench<S, V>): Promise<V> {
  let view = await bench.look();
  await waitUntil(async () => {
    const [trouble] = bench.trouble(view);
    if (trouble !== undefined) view = await bench.look();
    return trouble;
  }, run.settleSeconds, run.signal);
  return view;
}

/** Takes away what was made for the drill, once somebody answers. Not ended by Ctrl-C, but bounded. */
async function clear<S extends BaseScene, V>(bench: Bench<S, V>, view: () => V, run: DrillRun): Promise<void> {
  try {
    await waitUntil(() => bench.answering(view()), ANSWER_SECONDS, uninterrupted());
    await bench.clear(view());
  } catch (error) {
    if (!(error instanceof Diagnostic)) throw error;
    run.byHand(`${error.message}\n${bench.clearByHand}`);
  }
}

interface Seen {
  readonly brokenAtMs: number;
  readonly healedAtMs: number;
  readonly backAtMs: number | undefined;
  readonly findings: readonly string[];
  readonly figures: readonly Figure[];
  readonly givenUp: GivenUp | undefined;
}

interface Watching<S extends BaseScene, V> {
  readonly bench: Bench<S, V>;
  readonly view: () => V;
  readonly writes: () => boolean;
}

/** Breaks, waits for the effect, heals, waits until all is as before. */
async function injure<S extends BaseScene, V>(run: DrillRun, scene: S, injury: Injury<V>, { bench, view, writes }: Watching<S, V>): Promise<Seen> {
  const { note } = scene;
  const findings: string[] = [];
  const brokenAtMs = scene.now();
  let healedAtMs = brokenAtMs;
  try {
    note('break', injury.what);
    await injury.break();
    const { effect } = injury;
    if (effect !== undefined) {
      const missing = await waitUntil(() => effect(view()), injury.effectSeconds ?? 90, run.signal);
      if (missing !== undefined) findings.push(`it did not have its effect within ${String(injury.effectSeconds ?? 90)} s: ${missing}`);
    }
    await pause((injury.holdSeconds ?? 0) * 1000, run.signal);
  } finally {
    healedAtMs = scene.now();
    const trouble = await heal(injury, note);
    if (trouble !== undefined) {
      findings.push(`it could not be healed: ${trouble}`);
      run.byHand(`${trouble}\nby hand: ${injury.byHand}`);
    }
  }
  if (injury.healsItself === true) healedAtMs = brokenAtMs;
  const missing = await waitUntil(async () => (await notBack(bench, injury, view())) ?? (writes() ? undefined : 'the client can not write yet'), injury.backSeconds, run.signal);
  if (missing !== undefined) {
    findings.push(`after ${String(injury.backSeconds)} s: ${missing}`);
    run.byHand(`the cluster is not as before: ${missing}\nby hand: ${injury.byHand}`);
  }
  const backAtMs = missing === undefined ? scene.now() : undefined;
  if (backAtMs !== undefined) note('phase', 'all is as before');
  findings.push(...((await injury.findings?.()) ?? []));
  return { brokenAtMs, healedAtMs, backAtMs, findings, figures: injury.figures?.() ?? [], givenUp: injury.givenUp?.() };
}

/** @returns undefined when healed */
async function heal<V>(injury: Injury<V>, note: BaseScene['note']): Promise<string | undefined> {
  note('heal', 'healing');
  for (let attempt = 1; ; attempt += 1) {
    try {
      await injury.heal();
      return undefined;
    } catch (error) {
      if (!(error instanceof Diagnostic)) throw error;
      note('trouble', error.message);
      if (attempt === HEAL_TRIES) return error.format();
      // Not ended by Ctrl-C: healing comes first.
      await new Promise((resolve) => setTimeout(resolve, HEAL_PAUSE_MS));
    }
  }
}

async function notBack<S extends BaseScene, V>(bench: Bench<S, V>, injury: Injury<V>, view: V): Promise<string | undefined> {
  const [problem] = bench.trouble(view);
  if (problem !== undefined) return problem;
  try {
    return (await injury.back?.(view)) ?? (await bench.further());
  } catch (error) {
    // A host that boots refuses a login or two.
    if (error instanceof Diagnostic) return error.message;
    throw error;
  }
}
