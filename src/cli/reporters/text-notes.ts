/**
 * What the end of a run says once more: what went wrong, and after a long run what changed, for by then it has scrolled away.
 * Gathered from the events, the same of many hosts as one line, with bounds.
 */
import type { RunEvent, RunMode } from '../../run/events.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { Colour, Paint } from '../terminal/colour.ts';
import { plural, type Summary } from './counts.ts';
import { rescuedFailures } from './rescued.ts';

type TaskEvent = Extract<RunEvent, { type: 'task' }>;
type ChangeEvent = Extract<RunEvent, { type: 'change' }>;

/** Lines of a list, hosts named in one, characters of one text, and how much is kept while the run goes on. */
const MOST_LINES = 10;
const MOST_NAMED = 4;
const LONGEST = 160;
const MOST_KEPT = 2000;
/** Lines of output after which a person no longer sees the beginning. */
const LONG_RUN_LINES = 40;

interface Trouble {
  readonly status: 'failed' | 'unreachable' | 'unknown';
  readonly host: string;
  readonly name: string;
  readonly text: string;
  readonly place: string;
}

/** `db1, db2 and 3 more`. */
export function named(hosts: readonly string[], most: number): string {
  const first = hosts.slice(0, most).map(safeLine).join(', ');
  return hosts.length > most ? `${first} and ${String(hosts.length - most)} more` : first;
}

const cut = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`);
const nameOf = (event: { readonly role: string; readonly task: string }): string => `${event.role === '' ? '' : `${safeLine(event.role)} : `}${safeLine(event.task)}`;

/** The same words with all their hosts, in the order of the first. */
function grouped<T>(all: readonly T[], key: (one: T) => string, host: (one: T) => string): readonly { readonly first: T; readonly hosts: readonly string[] }[] {
  const groups = new Map<string, { readonly first: T; readonly hosts: Set<string> }>();
  for (const one of all) {
    const group = groups.get(key(one)) ?? { first: one, hosts: new Set<string>() };
    groups.set(key(one), group);
    group.hosts.add(host(one));
  }
  return [...groups.values()].map(({ first, hosts }) => ({ first, hosts: [...hosts] }));
}

export class Notes {
  readonly #troubles: Trouble[] = [];
  readonly #changes: ChangeEvent[] = [];
  #passedOver = 0;
  #lines = 0;

  /** Counts what was printed. */
  printed(lines: number): void {
    this.#lines += lines;
  }

  task(event: TaskEvent): void {
    const { status } = event;
    if (status !== 'failed' && status !== 'unreachable' && status !== 'unknown') return;
    const first = (event.error ?? event.msg ?? '').trim().split(/\r?\n/)[0] ?? '';
    // The host is said anyway.
    const text = safeLine(first.startsWith(`${event.host}: `) ? first.slice(event.host.length + 2) : first);
    if (this.#troubles.length < MOST_KEPT) this.#troubles.push({ status, host: event.host, name: nameOf(event), text, place: safeLine(event.at) });
    else this.#passedOver += 1;
  }

  change(event: ChangeEvent): void {
    if (event.unknown === true) return;
    const { diff: _diff, ...kept } = event;
    if (this.#changes.length < MOST_KEPT) this.#changes.push(kept);
    else this.#passedOver += 1;
  }

  /** The lists, failures last, where the eye is. */
  lines(summary: Summary, mode: RunMode, paint: Paint): string[] {
    const rescued = rescuedFailures(this.#troubles.filter((one) => one.status === 'failed'), (one) => one.host, (host) => summary.hosts[host]?.failed ?? 0);
    const left = this.#troubles.filter((one) => !rescued.has(one));
    const of = (...statuses: readonly Trouble['status'][]): readonly Trouble[] => left.filter((one) => statuses.includes(one.status));
    return [
      ...(this.#lines > LONG_RUN_LINES ? this.#changeList(mode, paint) : []),
      ...troubleList('could not be told', of('unknown'), 'magenta', paint),
      ...troubleList('failed', of('failed', 'unreachable'), 'red', paint),
      ...(this.#passedOver === 0 ? [] : [`(${plural(this.#passedOver, 'more line')} of this kind not counted here)`]),
    ];
  }

  #changeList(mode: RunMode, paint: Paint): string[] {
    const groups = grouped(this.#changes, (one) => JSON.stringify([one.role, one.task, one.resource, one.what]), (one) => one.host);
    const entries = groups.slice(0, MOST_LINES).map(({ first, hosts }) => `  ${cut(`${nameOf(first)} — ${safeLine(first.resource)}: ${safeLine(first.what)}`)} [${named(hosts, MOST_NAMED)}]`);
    return list(mode === 'check' ? 'would change' : 'changed', entries, groups.length, 'yellow', paint);
  }
}

function list(title: string, entries: readonly string[], all: number, colour: Colour, paint: Paint): string[] {
  if (entries.length === 0) return [];
  return ['', paint(colour, title), ...entries, ...(all > entries.length ? [`  and ${String(all - entries.length)} more`] : [])];
}

function troubleList(title: string, troubles: readonly Trouble[], colour: Colour, paint: Paint): string[] {
  // A message that names its host is the same on the next one.
  const groups = grouped(troubles, (one) => JSON.stringify([one.name, one.text.replaceAll(one.host, ''), one.status]), (one) => one.host);
  const entries = groups.slice(0, MOST_LINES).map(({ first, hosts }) => `  ${named(hosts, MOST_NAMED)}: ${first.name}${first.text === '' ? '' : ` — ${cut(first.text)}`} (${first.place})`);
  return list(title, entries, groups.length, colour, paint);
}
