/**
 * What snapshots are called inside disk files. A snapshot that takes the place of an older one is another generation of it, under a tag of its
 * own, and the older one goes when all machines have the new one: killed in between, the lab has the older one still. Pure.
 */
import type { SnapshotEntry } from '../driver.ts';

/** Names have no underscore, so that this is told from any of them. */
const TAG = /^(.+)_(\d+)$/;

/** A snapshot of one machine, by its tag. */
export interface TaggedSnapshot {
  readonly tag: string;
  /** Whether the machine ran. */
  readonly running: boolean;
}

interface Generation {
  readonly name: string;
  readonly number: number;
}

function generationOf(tag: string): Generation {
  const parts = TAG.exec(tag);
  return parts === null ? { name: tag, number: 0 } : { name: parts[1] ?? '', number: Number(parts[2]) };
}

/** All tags of a name, oldest first. */
function tagsOf(machine: readonly TaggedSnapshot[], name: string): readonly string[] {
  return machine
    .map(({ tag }) => ({ tag, ...generationOf(tag) }))
    .filter((each) => each.name === name)
    .sort((one, other) => one.number - other.number)
    .map(({ tag }) => tag);
}

/** The tag for the next snapshot of a name: no machine has it, not even one whose save was cut off. */
export function nextTag(machines: readonly (readonly TaggedSnapshot[])[], name: string): string {
  const numbers = machines.flatMap((machine) => tagsOf(machine, name).map((tag) => generationOf(tag).number));
  return `${name}_${Math.max(0, ...numbers) + 1}`;
}

/** The newest generation that every machine has. @returns undefined when there is none */
export function newestTag(machines: readonly (readonly TaggedSnapshot[])[], name: string): string | undefined {
  const [first = [], ...others] = machines;
  return tagsOf(first, name).findLast((tag) => others.every((machine) => machine.some((each) => each.tag === tag)));
}

/** What one machine has of a name besides one tag. */
export function otherTags(machine: readonly TaggedSnapshot[], name: string, kept: string): readonly string[] {
  return tagsOf(machine, name).filter((tag) => tag !== kept);
}

/** The snapshots that every machine has, by the names that people gave them; whether it ran is said of the first machine. */
export function wholeSnapshots(machines: readonly (readonly TaggedSnapshot[])[]): readonly SnapshotEntry[] {
  const [first = []] = machines;
  const names = [...new Set(first.map(({ tag }) => generationOf(tag).name))];
  return names.flatMap((name) => {
    const tag = newestTag(machines, name);
    return tag === undefined ? [] : [{ name, running: first.find((each) => each.tag === tag)?.running === true }];
  });
}
