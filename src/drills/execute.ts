/**
 * One run of a drill, from the guard to the judged result. Whatever happens in between, also Ctrl-C, what was broken is
 * healed, and who must finish it by hand is told how.
 */
import { clusterCa, observer as makeObserver } from '../operations/postgres/observe.ts';
import type { Cluster, ClusterHost } from '../operations/postgres/cluster.ts';
import type { HostAccess } from '../operations/postgres/hosts.ts';
import { adminSql, type AdminSql } from '../operations/postgres/sql.ts';
import type { ClusterView } from '../operations/postgres/view.ts';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import type { Drill, Injury, Scene } from './drill.ts';
import { refuseUnhealthy, refuseUnhealthyEtcd, refuseUnmarked, refuseWithoutPower, etcdTrouble, troubleOf } from './guard.ts';
import { startMonitor, type Monitor } from './monitor.ts';
import type { Power } from './power.ts';
import type { DrillEvent, Figure, GivenUp } from './record.ts';
import type { ValueMap } from '../support/value.ts';
import { judge, type DrillResult } from './result.ts';
import { clearStage, countRows, setStage, type Stage } from './stage.ts';
import { pause, waitUntil } from './wait.ts';
import { DROP_BY_HAND } from './watch/schema.ts';

export interface DrillRun {
  readonly drill: Drill;
  readonly cluster: Cluster;
  readonly hosts: HostAccess;
  readonly power: Power;
  readonly extraVars: ValueMap;
  /**
   * Seconds that the cluster may take to come to rest before it is called unhealthy: 0 for a first drill. After another one
   * Patroni counts its synchronous replicas anew, and for a loop or two there are none.
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

/** Milliseconds of undisturbed writing before and after, so that a report shows what normal is. */
const CALM_MS = 3000;
/** A client that had a row confirmed within this time can write. */
const WRITES_AGAIN_MS = 500;
/** Seconds to wait for a leader when the drill is over and its rows are to be counted. */
const LEADER_SECONDS = 60;
const HEAL_TRIES = 4;
const HEAL_PAUSE_MS = 3000;

/**
 * @throws Diagnostic when it was refused (nothing was touched), or interrupted (all is healed), or something it needs failed
 */
export async function executeDrill(run: DrillRun): Promise<DrillResult> {
  const { drill, cluster, hosts } = run;
  refuseUnmarked(cluster);
  await refuseWithoutPower(drill, cluster.members, (host) => run.power.check(host));
  const ca = await clusterCa(cluster, hosts);
  const observer = makeObserver(cluster, hosts, ca);
  const before = await settled(run, () => observer.look());
  refuseUnhealthy(cluster, before);
  await refuseUnhealthyEtcd(cluster, hosts);
  const leader = memberOf(cluster, before.leader);

  const startedAt = new Date().toISOString();
  // Times are told from the first row on, whatever the setting up takes.
  let start = performance.now();
  const now = (): number => Math.round((performance.now() - start) * 10) / 10;
  const events: DrillEvent[] = [];
  const note: Scene['note'] = (kind, what) => {
    const event = { atMs: now(), kind, what };
    events.push(event);
    run.event(event);
  };
  const sql = adminSql(hosts, cluster.port);
  let stage: Stage | undefined;
  let monitor: Monitor | undefined;
  let leading = (): ClusterHost => leader;
  try {
    const prepared = await setStage(cluster, leader, sql, ca, run.signal);
    start = performance.now();
    const set = prepared.begin(now);
    stage = set;
    const watching = startMonitor(cluster, observer, before, ({ kind, what }) => { note(kind, what); });
    monitor = watching;
    leading = () => cluster.members.find((m) => m.name === watching.view().leader) ?? leader;
    const scene: Scene = {
      cluster, hosts, observer, sql, power: run.power, before, leader, note, now, signal: run.signal, readers: prepared.readers, unlocked: run.unlocked, extraVars: run.extraVars,
      replicas: cluster.members.filter((m) => m.name !== leader.name),
      rows: () => [...set.writer.recording().acknowledged, ...set.prober.recording().acknowledged],
    };
    note('phase', `watching; ${leader.name} is the leader; writing ${prepared.way.description}`);
    await pause(CALM_MS, run.signal);
    const injury = await drill.begin(scene);
    const writes = (): boolean => (set.writer.recording().acknowledged.at(-1)?.atMs ?? 0) > now() - WRITES_AGAIN_MS;
    const course = await injure(run, scene, injury, watching, writes);
    await pause(CALM_MS, run.signal);
    const endMs = now();
    const recorded = await stage.stop();
    await waitUntil(() => (watching.view().leader === undefined ? 'no leader' : undefined), LEADER_SECONDS, run.signal);
    const counted = await countRows(leading(), sql);
    if (counted.why !== undefined) note('trouble', counted.why);
    return judge({
      drill: drill.name, summary: drill.summary, cluster: cluster.name, target: drill.target, startedAt, what: injury.what, way: prepared.way.description, events, ...recorded, endMs, found: counted.found, ...course,
    });
  } finally {
    await stage?.stop();
    await clear(leading, monitor, sql, run);
    await monitor?.stop();
  }
}

/** Looks until nothing is wrong, or the time is over. */
async function settled(run: DrillRun, look: () => Promise<ClusterView>): Promise<ClusterView> {
  let view = await look();
  await waitUntil(async () => {
    const [trouble] = troubleOf(run.cluster, view);
    if (trouble !== undefined) view = await look();
    return trouble;
  }, run.settleSeconds, run.signal);
  return view;
}

function memberOf(cluster: Cluster, name: string | undefined): ClusterHost {
  const found = cluster.members.find((m) => m.name === name);
  if (found === undefined) throw failure('no-leader', 'the cluster has no leader', { detail: name === undefined ? undefined : `${name} leads, and the inventory does not know it` });
  return found;
}

/** Drops the drill's database on whoever leads, once somebody does. Not ended by Ctrl-C, but bounded. */
async function clear(leading: () => ClusterHost, monitor: Monitor | undefined, sql: AdminSql, run: DrillRun): Promise<void> {
  try {
    await waitUntil(() => (monitor === undefined || monitor.view().leader !== undefined ? undefined : 'no leader'), LEADER_SECONDS, new AbortController().signal);
    await clearStage(leading(), sql);
  } catch (error) {
    if (!(error instanceof Diagnostic)) throw error;
    run.byHand(`the drill's database could not be dropped (${error.message}); ${DROP_BY_HAND}`);
  }
}

interface Course {
  readonly brokenAtMs: number;
  readonly healedAtMs: number;
  readonly backAtMs: number | undefined;
  readonly findings: readonly string[];
  readonly figures: readonly Figure[];
  readonly givenUp: GivenUp | undefined;
}

/** Breaks, waits for the effect, heals, waits until all is as before. */
async function injure(run: DrillRun, scene: Scene, injury: Injury, monitor: Monitor, writes: () => boolean): Promise<Course> {
  const { note } = scene;
  const findings: string[] = [];
  const brokenAtMs = scene.now();
  let healedAtMs = brokenAtMs;
  try {
    note('break', injury.what);
    await injury.break();
    const { effect } = injury;
    if (effect !== undefined) {
      const missing = await waitUntil(() => effect(monitor.view()), injury.effectSeconds ?? 90, run.signal);
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
  const missing = await waitUntil(async () => (await notBack(scene, injury, monitor.view())) ?? (writes() ? undefined : 'the client can not write yet'), injury.backSeconds, run.signal);
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
async function heal(injury: Injury, note: Scene['note']): Promise<string | undefined> {
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

async function notBack(scene: Scene, injury: Injury, view: ClusterView): Promise<string | undefined> {
  const [problem] = troubleOf(scene.cluster, view);
  if (problem !== undefined) return problem;
  try {
    return (await injury.back?.(view)) ?? (await etcdTrouble(scene.cluster.etcd, scene.hosts));
  } catch (error) {
    // A host that boots refuses a login or two.
    if (error instanceof Diagnostic) return error.message;
    throw error;
  }
}
