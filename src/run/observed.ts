/** What of a run's observations the history keeps: the same on many hosts once, the most pressing first, with bounds. Pure. */
import type { Observed } from '../state/store.ts';
import type { Observation } from '../support/observation.ts';
import type { RunEvent } from './events.ts';

/** Entries of a run, hosts named in one, and entries that are gathered before the most pressing are chosen. */
const MOST_KEPT = 200;
const MOST_NAMED = 50;
const MOST_GATHERED = 20_000;

/** What is wrong, then versions (few), then by time: the certificate that ends first, the backup that is oldest. */
function pressing(a: Observation, b: Observation): number {
  const rank = (one: Observation): number => (one.state !== undefined ? 0 : one.subject === 'version' ? 1 : 2);
  return rank(a) - rank(b) || (a.time ?? '').localeCompare(b.time ?? '');
}

export class ObservedGroups {
  readonly #groups = new Map<string, { readonly observation: Observation; readonly hosts: Set<string>; count: number }>();

  add(event: Extract<RunEvent, { type: 'observation' }>): void {
    const { type: _type, host, ...observation } = event;
    const key = JSON.stringify([observation.subject, observation.name, observation.time, observation.version, observation.state]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (this.#groups.size >= MOST_GATHERED) return;
      group = { observation, hosts: new Set(), count: 0 };
      this.#groups.set(key, group);
    }
    if (group.hosts.has(host)) return;
    group.count += 1;
    if (group.hosts.size < MOST_NAMED) group.hosts.add(host);
  }

  kept(): readonly Observed[] {
    return [...this.#groups.values()]
      .sort((a, b) => pressing(a.observation, b.observation))
      .slice(0, MOST_KEPT)
      .map(({ observation, hosts, count }) => ({ observation, hosts: [...hosts], hostCount: count }));
  }
}
