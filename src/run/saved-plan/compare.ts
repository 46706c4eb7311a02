/** Whether a plan still fits: what it says against what check mode predicts now. Pure. */
import type { ObservedFact } from '../gate.ts';
import { taskName } from '../task-name.ts';
import type { PlannedChange, PlannedHost } from './format.ts';

/** Something that is not as the plan says. */
export interface Moved {
  readonly host: string;
  /** The resource or fact: `file /etc/motd`. */
  readonly what: string;
  readonly expected: string;
  readonly seen: string;
}

type Hosts = Readonly<Record<string, PlannedHost>>;

/** What makes two predictions speak of the same change. */
export function changeKey(change: Pick<PlannedChange, 'role' | 'task' | 'handler' | 'resource'>): string {
  return JSON.stringify([change.role, change.task, change.handler, change.resource]);
}

/** What is said of a change that is there on one side only. */
function words(change: PlannedChange): string {
  return `${change.what}${change.unknown ? ' (may)' : ''} by ${taskName(change)}`;
}

/**
 * Facts of the plan that are other now. A fact that only one side has looked at is none of them: which facts a decision rests
 * on depends on what they say.
 * @param pristineOnly leave out what earlier changes of the plan may alter: when those are made, it may
 */
export function movedFacts(host: string, planned: readonly ObservedFact[], now: readonly ObservedFact[], pristineOnly: boolean): Moved[] {
  const seen = new Map(now.map((fact) => [fact.id, fact]));
  // Several facts may be about one thing (a file's digest and its bytes): it is told of once.
  const moved = new Map<string, Moved>();
  for (const fact of planned) {
    const other = seen.get(fact.id);
    if (other === undefined || moved.has(fact.of) || (pristineOnly && fact.doubt !== null) || (other.digest === fact.digest && (fact.digest !== null || other.seen === fact.seen))) continue;
    moved.set(fact.of, { host, what: fact.of, expected: fact.seen, seen: other.seen === fact.seen ? `${other.seen}, yet not the same` : other.seen });
  }
  return [...moved.values()];
}

function compareHost(host: string, planned: PlannedHost, now: PlannedHost): Moved[] {
  const moved = new Map<string, Moved>();
  const add = (each: Moved): void => {
    if (!moved.has(each.what)) moved.set(each.what, each);
  };
  const left = new Map<string, PlannedChange[]>();
  for (const change of now.changes) left.set(changeKey(change), [...(left.get(changeKey(change)) ?? []), change]);
  for (const change of planned.changes) {
    const same = left.get(changeKey(change))?.shift();
    if (same === undefined) {
      add({ host, what: change.resource, expected: words(change), seen: 'nothing is to be done to it any more' });
      continue;
    }
    const facts = movedFacts(host, change.state, same.state, false);
    for (const each of facts) add(each);
    if (facts.length > 0) continue;
    if (change.what !== same.what || change.unknown !== same.unknown) add({ host, what: change.resource, expected: words(change), seen: words(same) });
    else if (change.result !== same.result) add({ host, what: change.resource, expected: `the content or arguments of the plan (${words(change)})`, seen: 'others are wanted now' });
  }
  for (const change of [...left.values()].flat()) add({ host, what: change.resource, expected: 'nothing to be done', seen: words(change) });
  const tasks = (of: PlannedHost): Set<string> => new Set(of.unknown.map(taskName));
  const before = tasks(planned);
  for (const task of tasks(now)) if (!before.has(task)) add({ host, what: `task ${task}`, expected: 'a task that can be told of', seen: 'unknown now' });
  return [...moved.values()];
}

/** All that is other than planned, by host. */
export function compareHosts(planned: Hosts, now: Hosts): readonly Moved[] {
  const nobody: PlannedHost = { changes: [], unknown: [] };
  return [
    ...Object.keys(planned).filter((host) => !(host in now)).map((host) => ({ host, what: 'the host', expected: 'a host of the run', seen: 'not in it' })),
    ...Object.keys(now).filter((host) => !(host in planned)).map((host) => ({ host, what: 'the host', expected: 'not in the run', seen: 'a host of it' })),
    ...Object.keys(planned).filter((host) => host in now).flatMap((host) => compareHost(host, planned[host] ?? nobody, now[host] ?? nobody)),
  ];
}

/** A line each: `[web1] file /etc/motd: expected …, seen …`. */
export function movedText(moved: readonly Moved[]): string {
  return moved.map((m) => `[${m.host}] ${m.what}: expected ${m.expected}; seen: ${m.seen}`).join('\n');
}
