/**
 * Asks on behalf of tasks to come. Whenever a host must be asked something, the questions of all later
 * tasks that can already be told are asked along, so that a converged host costs one round trip. Guessing
 * wrong costs nothing but a needless question.
 */
import type { HostSession } from '../host/host-session.ts';
import { identityKey, type Identity } from '../host/identity.ts';
import type { AnyQuery } from '../host/query.ts';
import { FactsNeeded } from '../host/view.ts';
import type { Task, TaskNode } from '../language/playbook/model.ts';

/** Modules that run what may change anything, if at all. */
const COMMANDS: readonly string[] = ['command', 'shell', 'script'];

/** Whether something on the host decided that the action is to be run. */
export type ActionKind = 'guarded' | 'unguarded';

/** How many tasks ahead are looked at. */
const WINDOW = 600;

export interface Foreseen {
  readonly identity: Identity;
  /** One for each item of a loop. @throws anything when the task can't be told yet */
  readonly prepared: readonly { queries(session: HostSession): readonly AnyQuery[] }[];
}

/** Makes a task ready for asking, or throws when its variables are not known yet. */
export type Foresee = (task: Task) => Foreseen | undefined;

export function flattenTasks(nodes: readonly TaskNode[]): readonly Task[] {
  return nodes.flatMap((n) => (n.kind === 'task' ? [n] : n.kind === 'block' ? flattenTasks([...n.body, ...n.always]) : []));
}

interface Frame {
  readonly tasks: readonly Task[];
  next: number;
}

export class LookAhead {
  readonly #frames: Frame[] = [];
  readonly #foresee: Foresee;
  /** What was foreseen for a task: kept, since a wrong guess is harmless. */
  readonly #known = new Map<Task, Foreseen | undefined>();

  constructor(foresee: Foresee) {
    this.#foresee = foresee;
  }

  /** Enters a list of nodes (a section, an include). */
  enter(nodes: readonly TaskNode[]): void {
    this.#frames.push({ tasks: flattenTasks(nodes), next: 0 });
  }

  leave(): void {
    this.#frames.pop();
  }

  /** Says that this task is being run. */
  reached(task: Task): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    const at = frame.tasks.indexOf(task, frame.next);
    if (at !== -1) frame.next = at + 1;
  }

  /** Forgets all guesses: of many hosts at once they would take more memory than all that is known. */
  forget(): void {
    this.#known.clear();
  }

  /** Forgets guesses that could not be made, to try again with more variables known. */
  retry(): void {
    for (const [task, foreseen] of this.#known) if (foreseen === undefined) this.#known.delete(task);
  }

  /**
   * The questions of the tasks to come that work as the same user.
   *
   * @param after they are to be asked along with an action, and hold afterwards
   */
  queries(identity: Identity, session: HostSession, after?: ActionKind): readonly AnyQuery[] {
    if (after !== undefined) return this.#afterAction(identity, session, after);
    const out: AnyQuery[] = [];
    for (const { foreseen, same } of this.#coming(identity)) if (same) for (const prepared of foreseen?.prepared ?? []) out.push(...ask(prepared, session));
    return out;
  }

  /** The next tasks, as far as it is looked: what is foreseen of each, and whether it is that it works as this user. */
  *#coming(identity: Identity): Generator<{ readonly task: Task; readonly foreseen: Foreseen | undefined; readonly same: boolean }> {
    let looked = 0;
    for (const frame of this.#frames.toReversed()) {
      for (const task of frame.tasks.slice(frame.next)) {
        looked += 1;
        if (looked > WINDOW) return;
        const foreseen = this.#get(task);
        yield { task, foreseen, same: foreseen !== undefined && identityKey(foreseen.identity) === identityKey(identity) };
      }
    }
  }

  /**
   * None when it cannot be told that the next task will ask something. When what guards the action let it run, the next
   * guarded command will probably run too, and make unknown what was asked beyond it: then it is not looked beyond.
   */
  #afterAction(identity: Identity, session: HostSession, after: ActionKind): readonly AnyQuery[] {
    const out: AnyQuery[] = [];
    for (const { task, foreseen, same } of this.#coming(identity)) {
      // Certainly skipped.
      if (foreseen?.prepared.length === 0) continue;
      const asked = same ? (foreseen?.prepared ?? []).flatMap((prepared) => ask(prepared, session)) : [];
      if (out.length === 0 && asked.length === 0) return out;
      out.push(...asked);
      if (after === 'guarded' && asked.length > 0 && COMMANDS.includes(task.module)) return out;
    }
    return out;
  }

  #get(task: Task): Foreseen | undefined {
    if (this.#known.has(task)) return this.#known.get(task);
    let foreseen: Foreseen | undefined;
    try {
      foreseen = this.#foresee(task);
    } catch {
      // Not knowable yet; whatever is really wrong with the task is reported when it is reached.
      foreseen = undefined;
    }
    this.#known.set(task, foreseen);
    return foreseen;
  }
}

function ask(prepared: { queries(session: HostSession): readonly AnyQuery[] }, session: HostSession): readonly AnyQuery[] {
  try {
    return prepared.queries(session);
  } catch (error) {
    // A module that must know one thing before it can ask the next. Any other trouble comes up when the task is reached.
    return error instanceof FactsNeeded ? error.queries : [];
  }
}
