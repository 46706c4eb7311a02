/**
 * Reports of one host in the order of its tasks. A change that waits in a batch holds back the reports
 * behind it until it is known how it went.
 */
export interface Report {
  /** Says that the report may go out. */
  ready(emit: () => void): void;
  /** Takes the report out: its task was not run. */
  drop(): void;
}

export class ReportQueue {
  #entries: { emit: (() => void) | undefined }[] = [];

  open(): Report {
    const entry: { emit: (() => void) | undefined } = { emit: undefined };
    this.#entries.push(entry);
    return {
      ready: (emit) => {
        entry.emit = emit;
        this.#drain();
      },
      drop: () => {
        this.#entries = this.#entries.filter((e) => e !== entry);
        this.#drain();
      },
    };
  }

  #drain(): void {
    for (;;) {
      const first = this.#entries[0];
      if (first?.emit === undefined) return;
      this.#entries.shift();
      first.emit();
    }
  }
}
