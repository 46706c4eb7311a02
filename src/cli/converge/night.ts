/** One nightly run: check mode first, then, as far as the policy lets it, the mending. */
import { ConvergeGate } from '../../run/converge/gate.ts';
import { decideByFindings, decideByTime, verdictOn, type Decision } from '../../run/converge/decide.ts';
import { Findings } from '../../run/converge/findings.ts';
import type { Policy } from '../../run/converge/policy.ts';
import type { RunEvent } from '../../run/events.ts';
import type { Left } from '../../run/held.ts';
import type { Loaded } from '../../run/load.ts';
import { takeLocks } from '../../run/locks.ts';
import type { RunOptions } from '../../run/options.ts';
import { runLoaded } from '../../run/run.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { withReporter } from '../actions/run.ts';
import { plural } from '../reporters/counts.ts';
import { combineReporters, type CliReporter } from '../reporters/cli-reporter.ts';
import { Collector } from '../report/collect.ts';
import type { ChangeGroup, RunReport } from '../report/model.ts';

type PhaseOption = 'holds' | 'onHostLost' | 'onOwed' | 'onLeft';

export interface NightOptions {
  readonly loaded: Loaded;
  readonly policy: Policy;
  /** Without what the night decides itself. */
  readonly run: Omit<RunOptions, 'mode' | 'reporter' | 'gate' | 'held' | PhaseOption>;
  /** The readers of one of its runs: terminal and history. */
  readonly reporters: () => readonly CliReporter[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told of each run's report when it has ended, so that something is known of a night that ends by an error. */
  readonly progress: (report: RunReport) => void;
}

export interface Night {
  readonly report: RunReport;
  readonly status: ExitStatus;
  /** Ids in the run history. */
  readonly runs: readonly string[];
  /** Why nothing, or not all, was mended; empty when there was no reason not to. */
  readonly restraint: string;
  readonly mended: number;
  readonly left: readonly ChangeGroup[];
}

interface Phase {
  readonly status: ExitStatus;
  readonly report: RunReport;
}

/** @param say a warning of the run, put behind its beginning, so that the history has it */
async function phase(options: NightOptions, more: Pick<RunOptions, 'mode' | 'gate' | 'held' | PhaseOption>, say: string | undefined): Promise<Phase> {
  const collector = new Collector();
  const begun = performance.now();
  const readers = combineReporters([
    ...options.reporters(),
    {
      event: (event: RunEvent) => { collector.event(event, (performance.now() - begun) / 1000); },
      aborted: (error: unknown, status: ExitStatus) => { collector.aborted(error, status); },
      close: () => Promise.resolve(),
    },
  ]);
  const event = (one: RunEvent): void => {
    readers.event(one);
    if (one.type === 'start' && say !== undefined) readers.event({ type: 'warning', message: say });
  };
  try {
    const status = await withReporter(readers, () => runLoaded(options.loaded, { ...options.run, ...more, reporter: { event, close: () => Promise.resolve() } }));
    return { status, report: collector.report() };
  } finally {
    options.progress(collector.report());
  }
}

/** Hosts that a run has lost. */
function lostHosts(report: RunReport): readonly string[] {
  return report.hosts.filter((host) => host.state === 'failed' || host.state === 'unreachable').map((host) => host.name);
}

const reasonOf = (decision: Decision): string => (decision.mend ? '' : decision.because);

/** @throws Diagnostic as a run does: bad input, a lock */
export async function night(options: NightOptions): Promise<Night> {
  const { policy, now } = options;
  const holds: RunOptions['holds'] = (task) => verdictOn(policy, task) === 'report';
  const byTime = decideByTime(policy, now());
  // From the look to the last change nobody else may work on the inventory.
  const held = byTime.mend ? await takeLocks({ ...options.run, mode: 'apply', reporter: { event: () => undefined, close: () => Promise.resolve() } }, `converge ${options.run.inventory.join(' ')}`) : undefined;
  try {
    const findings = new Findings();
    // That a policy only reports is what somebody has chosen, and no warning.
    const say = byTime.mend || byTime.why === 'mode' ? undefined : `nothing is mended, since ${byTime.because}`;
    const looked = await phase(options, { mode: 'check', gate: findings, holds, onOwed: () => { findings.owe(); }, ...(held === undefined ? {} : { held }) }, say);
    const lost = lostHosts(looked.report);
    const decision: Decision = byTime.mend ? decideByFindings(policy, { hosts: looked.report.hosts.length, lost: lost.length, changes: findings.changes }) : byTime;
    // A handler that a run that was cut off still owes is no change of a task, and is what the next run has to do.
    const found = findings.changes > 0 || findings.owed > 0 || looked.report.total.unknown > 0;
    if (!decision.mend || !found || options.run.stop.aborted) return reportedOnly(looked, findings, decision);
    const gate = new ConvergeGate({ policy, hosts: looked.report.hosts.length, lost, now });
    const more = new Collector();
    const onLeft = ({ change, ...of }: Left): void => { more.event({ type: 'change', ...of, resource: change.resource, what: change.what, handler: false, ...(change.diff === undefined ? {} : { diff: change.diff }), ...(change.unknown ? { unknown: true } : {}), ...(change.seen === undefined ? {} : { seen: change.seen }) }); };
    const mending = await phase(options, { mode: 'apply', gate, holds, onLeft, onHostLost: (host) => { gate.hostLost(host); }, ...(held === undefined ? {} : { held }) }, undefined);
    return mended(looked, mending, leftOver(looked.report.changes.filter((change) => findings.holds(change)), more.report().changes), gate);
  } finally {
    await held?.release();
  }
}

function reportedOnly(looked: Phase, findings: Findings, decision: Decision): Night {
  const { report, status } = looked;
  const held = report.changes.filter((change) => findings.holds(change));
  const because = reasonOf(decision);
  const drifted = report.total.changed > 0 || report.total.unknown > 0;
  const notes = !drifted ? [] : because !== '' ? [`Nothing was mended, since ${because}.`] : held.length > 0 ? [`Nothing was mended, since ${onlyReported(held.length)}.`] : [];
  // When the next window opens is said anew each night; that none is open is the same reason.
  const standing = !decision.mend && decision.why === 'window' ? { standing: decision.why } : {};
  return { report: { ...report, policy: { notes, left: [], ...standing } }, status, runs: [report.run], restraint: drifted ? because || (held.length > 0 ? onlyReported(held.length) : '') : '', mended: 0, left: report.changes };
}

function onlyReported(count: number): string {
  return `the policy only reports ${String(count)} of the changes (unattended)`;
}

/**
 * What was left as it is: what check mode has found, and what only the mending could tell, since it depends on what was mended.
 * @param seen of held tasks, handlers included
 */
function leftOver(seen: readonly ChangeGroup[], mending: readonly ChangeGroup[]): readonly ChangeGroup[] {
  const same = (a: ChangeGroup, b: ChangeGroup): boolean => a.role === b.role && a.task === b.task && a.resource === b.resource && a.what === b.what;
  return [...seen, ...mending.filter((one) => !seen.some((other) => same(one, other) && other.hosts.count >= one.hosts.count))];
}

function mended(looked: Phase, mending: Phase, left: readonly ChangeGroup[], gate: ConvergeGate): Night {
  const stopped = gate.stopped === undefined ? '' : gate.stopped.because;
  const notes = [
    ...(stopped === '' ? [] : [`The mending was stopped, since ${stopped}.`]),
    ...(left.length === 0 ? [] : [`${plural(left.length, 'change')} ${left.length === 1 ? 'was left as it is' : 'were left as they are'}: the policy only reports ${left.length === 1 ? 'it' : 'them'} (unattended).`]),
  ];
  // What is left, and what could not be told, is drift as in check mode; so is what the gate kept back where a failure is ignored or rescued.
  const status = mending.status === ExitStatus.ok && (left.length > 0 || stopped !== '' || mending.report.total.unknown > 0) ? ExitStatus.drift : mending.status;
  return {
    report: { ...mending.report, status, policy: { notes, left } },
    status,
    runs: [looked.report.run, mending.report.run],
    restraint: [stopped, ...(left.length === 0 ? [] : [onlyReported(left.length)])].filter((text) => text !== '').join('; '),
    mended: gate.made,
    left,
  };
}
