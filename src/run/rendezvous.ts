/**
 * Where hosts of a batch wait for each other: ends of sections, handler flushes, run_once, linear order.
 * Hosts may pass different points (an include that only some do), so nobody waits for a named point:
 * when every host that is still in the play waits, those at the earliest position go on.
 */

/** A place in a play: section, node, node inside an include … compared from the left. */
export type Position = readonly number[];

export function comparePositions(a: Position, b: Position): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    const difference = (a[i] ?? -1) - (b[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

interface Waiting {
  readonly position: Position;
  readonly release: (together: readonly string[]) => void;
}

export class Rendezvous {
  /** In inventory order: the first of those released together leads a run_once task. */
  readonly #present: string[];
  readonly #waiting = new Map<string, Waiting>();

  constructor(hosts: readonly string[]) {
    this.#present = [...hosts];
  }

  /**
   * Waits until every present host waits and this one's position is the earliest.
   * @returns the hosts released together, in inventory order
   */
  arrive(host: string, position: Position): Promise<readonly string[]> {
    return new Promise((resolve) => {
      this.#waiting.set(host, { position, release: resolve });
      this.#releaseEarliest();
    });
  }

  /** The host takes no further part (failed, ended, finished). */
  leave(host: string): void {
    const at = this.#present.indexOf(host);
    if (at !== -1) this.#present.splice(at, 1);
    this.#releaseEarliest();
  }

  #releaseEarliest(): void {
    if (this.#waiting.size === 0 || this.#present.some((h) => !this.#waiting.has(h))) return;
    const earliest = [...this.#waiting.values()].map((w) => w.position).reduce((a, b) => (comparePositions(a, b) <= 0 ? a : b));
    const together = this.#present.filter((h) => {
      const waiting = this.#waiting.get(h);
      return waiting !== undefined && comparePositions(waiting.position, earliest) === 0;
    });
    const releases = together.map((h) => this.#waiting.get(h));
    for (const host of together) this.#waiting.delete(host);
    letGo(releases.map((waiting) => () => waiting?.release(together)));
  }
}

/**
 * One after the other, each in a turn of the event loop of its own: a host that has nothing to wait for then gets through
 * all its tasks before the next begins, rather than a thousand hosts keeping a thousand half-done tasks in memory.
 */
function letGo(releases: readonly (() => void)[]): void {
  const [first, ...rest] = releases;
  first?.();
  const queue = rest.values();
  const next = (): void => {
    const { value, done } = queue.next();
    if (done === true) return;
    value();
    setImmediate(next);
  };
  if (rest.length > 0) setImmediate(next);
}
