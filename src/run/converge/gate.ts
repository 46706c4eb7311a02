/** Lets changes of an unattended run pass while the policy holds: it may end in the middle of the run. */
import { failure } from '../../support/diagnostic.ts';
import type { Gate, TaskMutation } from '../gate.ts';
import { decideByLosses, decideByTime, type Decision } from './decide.ts';
import type { Policy } from './policy.ts';

export interface ConvergeGateInit {
  readonly policy: Policy;
  /** Hosts of the run. */
  readonly hosts: number;
  /** Those that check mode has lost already. */
  readonly lost: Iterable<string>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export class ConvergeGate implements Gate {
  readonly #init: ConvergeGateInit;
  readonly #lost: Set<string>;
  readonly #refused = new Set<string>();
  #made = 0;
  #stopped: Extract<Decision, { mend: false }> | undefined;

  constructor(init: ConvergeGateInit) {
    this.#init = init;
    this.#lost = new Set(init.lost);
  }

  /** Changes that were let through, handlers left out. */
  get made(): number {
    return this.#made;
  }

  /** Why it has shut, if it has. */
  get stopped(): Extract<Decision, { mend: false }> | undefined {
    return this.#stopped;
  }

  hostLost(host: string): void {
    this.#lost.add(host);
  }

  /**
   * A host that was kept from its next change has what its earlier ones owe it; so have the others, when a change that was refused there has
   * ended the play for them (`any_errors_fatal`, `max_fail_percentage`).
   */
  finishes(host: string, how: 'failed' | 'stopped'): boolean {
    return how === 'failed' ? this.#refused.has(host) : this.#stopped !== undefined;
  }

  pass(mutations: readonly TaskMutation[]): void {
    const [first] = mutations;
    // What a change owes is done whatever has come between: a service that runs with half of its configuration is worse.
    if (first === undefined || first.handler) return;
    this.#stopped ??= this.#restraint(mutations.length);
    if (this.#stopped !== undefined) {
      this.#refused.add(first.host);
      throw failure('not-mended', `${first.resource}: left as it is, since ${this.#stopped.because}`, { remedy: 'converge by hand: care-provision apply INVENTORY; or let the next night do it' });
    }
    this.#made += mutations.length;
  }

  #restraint(more: number): Extract<Decision, { mend: false }> | undefined {
    const { policy, hosts, now } = this.#init;
    const decisions = [decideByTime(policy, now()), decideByLosses(policy, this.#lost.size, hosts)];
    const said = decisions.find((decision) => !decision.mend);
    if (said?.mend === false) return said;
    // Check mode has counted them before; more than that come only from what it could not tell.
    return this.#made + more > policy.max_changes ? { mend: false, why: 'changes', because: `more than ${String(policy.max_changes)} changes (max_changes) would have been made` } : undefined;
  }
}
