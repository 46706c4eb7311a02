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
  /** Whether the task there is carried out once, so that somebody leads. */
  readonly once: boolean;
  readonly release: (together: readonly string[]) => void;
  readonly fail: (error: unknown) => void;
}

/** Where there are hosts elsewhere to wait for as well. @returns the host that leads, where somebody does */
export type Meet = (position: Position, first: string, once: boolean) => Promise<string | undefined>;

export class Rendezvous {
  /** In inventory order: the first of those released together leads a run_once task. */
  readonly #present: string[];
  readonly #waiting = new Map<string, Waiting>();

  readonly #meet: Meet | undefined;
  #meeting = false;

  constructor(hosts: readonly string[], meet?: Meet) {
    this.#present = [...hosts];
    this.#meet = meet;
  }

  /**
   * Waits until every present host waits and this one's position is the earliest.
   * @param once the task there is carried out once
   * @returns the hosts released together, in inventory order; the first leads, and may be one that is elsewhere
   */
  arrive(host: string, position: Position, once = false): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(host, { position, once, release: resolve, fail: reject });
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
    if (this.#meeting || this.#waiting.size === 0 || this.#present.some((h) => !this.#waiting.has(h))) return;
    const earliest = [...this.#waiting.values()].map((w) => w.position).reduce((a, b) => (comparePositions(a, b) <= 0 ? a : b));
    const together = this.#present.filter((h) => {
      const waiting = this.#waiting.get(h);
      return waiting !== undefined && comparePositions(waiting.position, earliest) === 0;
    });
    const [first] = together;
    if (this.#meet === undefined || first === undefined) {
      this.#release(together, together);
      return;
    }
    this.#meeting = true;
    this.#meet(earliest, first, this.#waiting.get(first)?.once === true).then(
      (leader) => {
        this.#meeting = false;
        this.#release(together, leader === undefined || leader === first ? together : [leader, ...together.filter((host) => host !== leader)]);
      },
      (error: unknown) => {
        this.#meeting = false;
        const all = together.map((host) => this.#waiting.get(host));
        for (const host of together) this.#waiting.delete(host);
        for (const waiting of all) waiting?.fail(error);
      },
    );
  }

  #release(together: readonly string[], told: readonly string[]): void {
    const releases = together.map((h) => this.#waiting.get(h));
    for (const host of together) this.#waiting.delete(host);
    letGo(releases.map((waiting) => () => waiting?.release(told)));
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
