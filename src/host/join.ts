/** Which of the waiting changes are made in one go. */
import type { Script } from '../support/shell.ts';
import type { Pending } from './pending.ts';
import type { ShellChange } from './plan.ts';

/** The scripts of a batch, in order: the first of each row of joined changes makes them all. */
export function joinedScripts(batch: readonly Pending<ShellChange>[]): readonly Script[] {
  return batch.map((pending, i) => {
    const join = joinOf(pending);
    if (join === undefined || joinOf(batch[i - 1])?.key === join.key) return pending.change.script;
    let end = i + 1;
    while (joinOf(batch[end])?.key === join.key) end += 1;
    const words = batch.slice(i, end).flatMap((p) => joinOf(p)?.words ?? []);
    return end - i > 1 ? join.together(words) : pending.change.script;
  });
}

/** An environment of its own keeps a change by itself. */
function joinOf(pending: Pending<ShellChange> | undefined): ShellChange['join'] {
  return pending === undefined || Object.keys(pending.environment).length > 0 ? undefined : pending.change.join;
}
