/** Who may use one connection when: questions go together, a transaction is alone; in the order in which they come. */
export class Turns {
  readonly #sharing = new Set<Promise<unknown>>();
  /** The last that is alone; never rejected. */
  #alone: Promise<unknown> = Promise.resolve();

  async shared<T>(work: () => Promise<T>): Promise<T> {
    const working = this.#alone.then(work);
    this.#sharing.add(working);
    try {
      return await working;
    } finally {
      this.#sharing.delete(working);
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    const working = Promise.allSettled([this.#alone, ...this.#sharing]).then(work);
    this.#alone = working.catch(() => undefined);
    return working;
  }
}
