/**
 * Tasks of an apply that are only looked at, since whoever runs it unattended may not carry them out. As with `check_mode: true` nothing
 * is made; unlike with it, nobody is told that something has changed: no handler runs, and `when: result.changed` does not hold.
 */
import { lineageOf, type Task } from '../language/playbook/model.ts';
import type { RunOptions } from './options.ts';
import type { ItemResult, MadeChange } from './task-result.ts';

/** What decides on it. */
export interface Holdable {
  /** The role and those that it is used within, the outermost first. */
  readonly roles: readonly string[];
  readonly tags: readonly string[];
}

/** A change that was left as it is. */
export interface Left {
  readonly host: string;
  readonly role: string;
  readonly task: string;
  readonly change: MadeChange;
}

export function holdable({ attributes }: Pick<Task, 'attributes'>): Holdable {
  return { roles: lineageOf(attributes.role).map((use) => use.role.name), tags: attributes.tags };
}

/**
 * Whether a task is only looked at. A handler never is: nobody notifies it but tasks that have made a change, now or in a run that was
 * cut off, which it brings to its end.
 */
export function isHeld({ ctx: { options }, task, handler }: { readonly ctx: { readonly options: Pick<RunOptions, 'mode' | 'holds'> }; readonly task: Pick<Task, 'attributes'>; readonly handler: boolean }): boolean {
  if (options.holds === undefined || options.mode !== 'apply' || handler) return false;
  return options.holds(holdable(task));
}

/** The results of such a task for what comes after it; whoever wants to know is told of the changes. */
export function leftAsTheyAre(items: readonly ItemResult[], of: Omit<Left, 'change'>, { onLeft }: Pick<RunOptions, 'onLeft'>): readonly ItemResult[] {
  for (const change of items.filter((item) => item.status === 'changed').flatMap((item) => item.changes)) onLeft?.({ ...of, change });
  return items.map(leftAsItIs);
}

/** What it would have changed was left as it is. */
function leftAsItIs(item: ItemResult): ItemResult {
  if (item.status !== 'changed') return item;
  return { ...item, status: 'skipped', changes: [], msg: `left as it is: ${item.changes.map((change) => `${change.resource}: ${change.what}`).join('; ')}` };
}
