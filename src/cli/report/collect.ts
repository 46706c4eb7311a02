/**
 * Gathers a report from a run's events. What is the same on many hosts is kept once, and everything has a bound, so that 1,000
 * hosts with 100 changes each neither fill the memory nor the report; what goes beyond is counted and said.
 */
import type { Counts, RunEvent } from '../../run/events.ts';
import { maskSecrets } from '../../support/secret.ts';
import { NO_COUNTS, plural, type Summary } from '../reporters/counts.ts';
import { errorLines } from '../reporters/json.ts';
import { rescuedFailures } from '../reporters/rescued.ts';
import { HOST_STATES, hostState, type ChangeGroup, type HostReport, type Mark, type RunReport, type TroubleGroup } from './model.ts';
import { taskName } from '../../run/task-name.ts';

export const LIMITS = { changeGroups: 4000, hostsNamed: 100, diffsOfGroup: 3, diffCharacters: 8000, troubles: 5000, textCharacters: 4000, marksOfHost: 40, warnings: 200, observations: 20_000 } as const;
/** Seconds that a task without trouble must take for a mark of its own. */
const MARKED_SECONDS = 0.5;

type TaskEvent = Extract<RunEvent, { type: 'task' }>;
type ChangeEvent = Extract<RunEvent, { type: 'change' }>;
type StartEvent = Extract<RunEvent, { type: 'start' }>;

interface HostDraft {
  from: number | undefined;
  to: number | undefined;
  marks: Mark[];
}
interface ChangeDraft {
  readonly event: ChangeEvent;
  readonly named: Set<string>;
  /** Hosts; the items of a loop come one after the other, so that the last host is enough to count each once. */
  count: number;
  last: string;
  readonly diffs: Map<string, string>;
  moreDiffs: number;
}
interface Occurrence {
  readonly host: string;
  readonly status: TroubleGroup['status'];
  readonly event: TaskEvent;
  readonly text: string;
}

function clipped(text: string, most: number): string {
  const masked = maskSecrets(text);
  return masked.length <= most ? masked : `${masked.slice(0, most)}\n… (${String(masked.length - most)} more characters)`;
}

function isTrouble(status: TaskEvent['status']): status is TroubleGroup['status'] {
  return status !== 'ok' && status !== 'changed' && status !== 'skipped';
}

export class Collector {
  #start: StartEvent | undefined;
  #summary: Summary | undefined;
  #aborted: { readonly text: string; readonly status: RunReport['status'] } | undefined;
  readonly #hosts = new Map<string, HostDraft>();
  readonly #changes = new Map<string, ChangeDraft>();
  readonly #troubles: Occurrence[] = [];
  readonly #warnings: { readonly host: string | undefined; readonly message: string }[] = [];
  readonly #observations = new Map<string, RunReport['observations'][number]>();
  /** What was passed over, by what it is. */
  readonly #over = new Map<string, number>();

  #passOver(what: string): void {
    this.#over.set(what, (this.#over.get(what) ?? 0) + 1);
  }

  /** @param at seconds since the run began; undefined where nobody knows */
  event(event: RunEvent, at?: number): void {
    switch (event.type) {
      case 'start':
        this.#start = event;
        for (const host of event.hosts) this.#host(host);
        break;
      case 'task-start':
        if (at !== undefined) this.#host(event.host).from ??= at;
        break;
      case 'task':
        this.#task(event, at);
        break;
      case 'change':
        this.#change(event);
        break;
      case 'warning':
        if (this.#warnings.length < LIMITS.warnings) this.#warnings.push({ host: event.host, message: clipped(event.message, LIMITS.textCharacters) });
        else this.#passOver('warning');
        break;
      case 'observation': {
        const { type: _type, ...observation } = event;
        const key = JSON.stringify([event.host, event.subject, event.name]);
        if (this.#observations.has(key) || this.#observations.size < LIMITS.observations) this.#observations.set(key, observation);
        else this.#passOver('certificate, backup or version');
        break;
      }
      case 'summary':
        this.#summary = event;
        break;
      case 'play':
      case 'retry':
        break;
    }
  }

  /** The run ended by an error, before or without a summary. */
  aborted(error: unknown, status: RunReport['status']): void {
    const lines = errorLines(error).map((line) => [`${line.file === undefined ? '' : `${line.file}:${String(line.line ?? 1)}:${String(line.column ?? 1)}: `}${line.message}`, line.detail ?? '', line.remedy ?? ''].filter((text) => text !== '').join('\n'));
    this.#aborted = { text: clipped(lines.slice(0, 20).join('\n'), LIMITS.textCharacters), status };
  }

  #host(name: string): HostDraft {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      host = { from: undefined, to: undefined, marks: [] };
      this.#hosts.set(name, host);
    }
    return host;
  }

  #task(event: TaskEvent, at: number | undefined): void {
    const host = this.#host(event.host);
    if (at !== undefined) {
      host.from ??= Math.max(0, at - event.seconds);
      host.to = at;
      const telling = isTrouble(event.status) || event.status === 'changed';
      if (telling || event.seconds >= MARKED_SECONDS) {
        host.marks.push({ from: Math.max(0, at - event.seconds), to: at, status: event.status, title: clipped(taskName(event), 200) });
        if (host.marks.length > LIMITS.marksOfHost) {
          const least = host.marks.reduce((a, b) => (weight(b) < weight(a) ? b : a));
          host.marks = host.marks.filter((mark) => mark !== least);
        }
      }
    }
    if (!isTrouble(event.status)) return;
    if (this.#troubles.length < LIMITS.troubles) this.#troubles.push({ host: event.host, status: event.status, event: { ...event, result: '' }, text: clipped(event.error ?? event.msg ?? '', LIMITS.textCharacters) });
    else this.#passOver('task that failed or could not be told');
  }

  #change(event: ChangeEvent): void {
    const key = JSON.stringify([event.role, event.task, event.resource, event.what, event.unknown ?? false, event.handler]);
    let group = this.#changes.get(key);
    if (group === undefined) {
      if (this.#changes.size >= LIMITS.changeGroups) {
        this.#passOver('change');
        return;
      }
      const { diff: _diff, ...kept } = event;
      group = { event: kept, named: new Set(), count: 0, last: '', diffs: new Map(), moreDiffs: 0 };
      this.#changes.set(key, group);
    }
    if (!group.named.has(event.host) && group.last !== event.host) group.count += 1;
    group.last = event.host;
    if (group.named.size < LIMITS.hostsNamed) group.named.add(event.host);
    if (event.diff === undefined || event.diff === '') return;
    const diff = clipped(event.diff, LIMITS.diffCharacters);
    if (group.diffs.has(diff)) return;
    if (group.diffs.size < LIMITS.diffsOfGroup) group.diffs.set(diff, event.host);
    else group.moreDiffs += 1;
  }

  /** The report as far as it is known. @param now for a run without an end */
  report(): RunReport {
    const start = this.#start;
    const summary = this.#summary;
    const names = new Set([...this.#hosts.keys(), ...Object.keys(summary?.hosts ?? {})]);
    const hosts = [...names].map((name) => this.#hostReport(name, summary?.hosts[name], summary?.unfinished?.includes(name) === true));
    return {
      run: start?.run ?? '',
      recorded: false,
      mode: start?.mode ?? 'apply',
      inventory: start?.inventory ?? '',
      playbook: start?.playbook ?? '',
      version: start?.version ?? '',
      controller: start?.controller ?? '',
      user: start?.user ?? '',
      origin: start?.origin,
      arguments: start?.arguments ?? [],
      revisions: start?.revisions ?? [],
      startedAt: start?.time ?? '',
      endedAt: summary?.time,
      seconds: summary?.seconds,
      status: summary?.status ?? this.#aborted?.status,
      aborted: this.#aborted?.text,
      total: summary?.total ?? NO_COUNTS,
      roles: summary?.roles ?? {},
      hosts: hosts.sort((a, b) => HOST_STATES.indexOf(a.state) - HOST_STATES.indexOf(b.state) || (b.counts?.changed ?? 0) - (a.counts?.changed ?? 0) || (a.name < b.name ? -1 : 1)),
      changes: [...this.#changes.values()].map(changeGroup),
      troubles: troubleGroups(this.#troubles, summary),
      slowest: summary?.slowest ?? [],
      warnings: this.#warnings,
      observations: [...this.#observations.values()],
      leftOut: [...this.#over].map(([what, count]) => `${plural(count, `more ${what}`, `more ${what}s`)} ${count === 1 ? 'was' : 'were'} not kept`),
    };
  }

  #hostReport(name: string, counts: Counts | undefined, cutShort: boolean): HostReport {
    const draft = this.#hosts.get(name);
    const time = draft?.from === undefined || draft.to === undefined ? undefined : { from: draft.from, to: draft.to };
    return { name, state: hostState(counts, cutShort), counts, time, marks: draft?.marks ?? [] };
  }
}

/** Trouble first, then what took long. */
function weight(mark: Mark): number {
  const kind = mark.status === 'ok' || mark.status === 'skipped' ? 0 : mark.status === 'changed' ? 1e6 : 1e12;
  return kind + mark.to - mark.from;
}

function changeGroup(draft: ChangeDraft): ChangeGroup {
  const { host: first, role, task, resource, what, handler, unknown, seen } = draft.event;
  return {
    role, task, resource: maskSecrets(resource), what: maskSecrets(what), handler, unknown: unknown ?? false,
    hosts: { named: [...draft.named].sort(), count: draft.count },
    diffs: [...draft.diffs].map(([text, host]) => ({ host, text })),
    moreDiffs: draft.moreDiffs,
    seen: seen === undefined ? undefined : { host: first, modified: seen.modified, owner: seen.owner },
  };
}

/** The same trouble of many hosts as one. */
function troubleGroups(occurrences: readonly Occurrence[], summary: Summary | undefined): readonly TroubleGroup[] {
  const rescued = rescuedFailures(occurrences.filter((one) => one.status === 'failed'), (one) => one.host, (host) => (summary === undefined ? undefined : summary.hosts[host]?.failed ?? 0));
  const groups = new Map<string, { readonly first: Occurrence; readonly status: TroubleGroup['status']; readonly named: Set<string>; count: number }>();
  for (const occurrence of occurrences) {
    const { host, event } = occurrence;
    const status = rescued.has(occurrence) ? 'rescued' : occurrence.status;
    const key = JSON.stringify([status, event.role, event.task, event.module, occurrence.text.replaceAll(host, '\u0000')]);
    const group = groups.get(key) ?? { first: occurrence, status, named: new Set<string>(), count: 0 };
    groups.set(key, group);
    if (!group.named.has(host)) group.count += 1;
    if (group.named.size < LIMITS.hostsNamed) group.named.add(host);
  }
  const order = ['failed', 'unreachable', 'unknown', 'rescued', 'ignored'];
  return [...groups.values()]
    .map(({ first, status, named, count }) => ({ status, role: first.event.role, task: first.event.task, module: first.event.module, place: first.event.at, text: first.text, hosts: { named: [...named].sort(), count } }))
    .sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status) || b.hosts.count - a.hosts.count);
}
