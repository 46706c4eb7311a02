/** Who may use one connection when: questions go together, a transaction is alone. */
export class Turns {
  readonly #sharing = new Set<Promise<unknown>>();
  #alone: Promise<void> = Promise.resolve();

  async shared<T>(work: () => Promise<T>): Promise<T> {
    for (let seen: Promise<void> | undefined; seen !== this.#alone; ) {
      seen = this.#alone;
      await seen;
    }
    const working = work();
    this.#sharing.add(working);
    try {
      return await working;
    } finally {
      this.#sharing.delete(working);
    }
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone;
    let end: () => void = () => undefined;
    this.#alone = new Promise((resolve) => { end = resolve; });
    await before;
    try {
      await Promise.allSettled([...this.#sharing]);
      return await work();
    } finally {
      end();
    }
  }
}
