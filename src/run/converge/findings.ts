/** Stands at the gate of check mode and counts what the policy would let be mended. */
import type { Gate, TaskMutation } from '../gate.ts';

export class Findings implements Gate {
  #changes = 0;
  #owed = 0;
  readonly #held = new Set<string>();

  pass(mutations: readonly TaskMutation[]): void {
    for (const { role, task, handler, held } of mutations) {
      if (held === true) this.#held.add(taskKey({ role, task }));
      else if (!handler) this.#changes += 1;
    }
  }

  /** Changes that would be made over all hosts, those included that are not sure; handlers left out. */
  get changes(): number {
    return this.#changes;
  }

  /** A handler is owed from a run that was cut off. */
  owe(): void {
    this.#owed += 1;
  }

  /** Handlers that are owed so, over all hosts. */
  get owed(): number {
    return this.#owed;
  }

  /** Whether what this task would change is only reported. */
  holds(of: { readonly role: string; readonly task: string }): boolean {
    return this.#held.has(taskKey(of));
  }
}

function taskKey({ role, task }: { readonly role: string; readonly task: string }): string {
  return JSON.stringify([role, task]);
}
