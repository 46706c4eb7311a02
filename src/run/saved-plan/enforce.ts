/** Lets through, in apply, what a plan says, and nothing else. */
import { failure, type Diagnostic } from '../../support/diagnostic.ts';
import type { Gate, TaskMutation } from '../gate.ts';
import { taskName } from '../task-name.ts';
import { changeKey, movedFacts, movedText } from './compare.ts';
import type { PlannedChange, SavedPlan } from './format.ts';

/** Whether somebody has named this task: `task`, or `role : task`. */
export function isNamed(names: readonly string[], task: { readonly role: string; readonly task: string }): boolean {
  return names.some((name) => name === task.task || name === taskName(task));
}

export class PlanGate implements Gate {
  readonly #left = new Map<string, PlannedChange[]>();
  readonly #accepted: readonly string[];
  readonly #remarks = new Map<string, string[]>();
  /** Whether a change has passed. */
  #begun = false;

  /** @param accepted tasks that may change what the plan could not tell */
  constructor(plan: Pick<SavedPlan, 'hosts'>, accepted: readonly string[]) {
    for (const [host, { changes }] of Object.entries(plan.hosts)) this.#left.set(host, [...changes]);
    this.#accepted = accepted;
  }

  pass(mutations: readonly TaskMutation[]): void {
    if (mutations.length === 0) return;
    const taken: { readonly list: PlannedChange[]; readonly change: PlannedChange; readonly remark: string | undefined }[] = [];
    for (const mutation of mutations) {
      if (isNamed(this.#accepted, mutation)) continue;
      const list = this.#left.get(mutation.host) ?? [];
      const change = list.find((planned) => changeKey(planned) === changeKey(mutation) && !taken.some((t) => t.change === planned));
      if (change === undefined) throw refused(mutation, 'nothing to be done', mutation.what);
      const moved = movedFacts(mutation.host, change.state, mutation.state, true);
      if (moved.length > 0) throw stale(mutation, movedText(moved));
      const other = change.what !== mutation.what ? { expected: change.what, seen: mutation.what } : change.result !== mutation.result ? { expected: 'the content or arguments of the plan', seen: 'others' } : undefined;
      // Inputs and observed facts are those of the plan. Then only earlier changes of the plan itself can call for another step, and
      // of those only what check mode was in doubt of: a package has brought the file along, an authority has been made.
      if (other !== undefined && (change.doubt === null || !this.#begun)) throw refused(mutation, other.expected, other.seen);
      taken.push({ list, change, remark: other === undefined ? undefined : `${mutation.resource}: the plan says ${other.expected}; after the plan's earlier changes it was ${other.seen}` });
    }
    for (const { list, change } of taken) list.splice(list.indexOf(change), 1);
    this.#begun = true;
    const [host] = mutations.map((mutation) => mutation.host);
    if (host !== undefined) this.#remarks.set(host, [...(this.#remarks.get(host) ?? []), ...taken.flatMap(({ remark }) => (remark === undefined ? [] : [remark]))]);
  }

  /** Where it came otherwise: other steps to the same end, and what the plan says and no task has asked for. */
  remarks(host: string): readonly string[] {
    const left = (this.#left.get(host) ?? []).filter((change) => !isNamed(this.#accepted, change)).map((change) => `${change.resource}: the plan says ${change.what}, and it was not needed any more`);
    return [...(this.#remarks.get(host) ?? []), ...left];
  }
}

const REMEDY = 'look at the host, then make another plan: care-provision check … --out FILE';

function refused(mutation: TaskMutation, expected: string, seen: string): Diagnostic {
  return failure('not-in-plan', `${mutation.resource}: not changed, since the plan does not say so`, { detail: movedText([{ host: mutation.host, what: mutation.resource, expected, seen }]), remedy: REMEDY });
}

function stale(mutation: TaskMutation, detail: string): Diagnostic {
  return failure('stale-plan', `${mutation.resource}: not changed, since the host has changed after the plan was made`, { detail, remedy: REMEDY });
}
