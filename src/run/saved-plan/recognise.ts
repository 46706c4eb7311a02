/** Tells a plan from an inventory; apart from the rest, since every run asks. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { z } from 'zod';

/** Whether a file is meant to be a plan, by its first bytes: an inventory may be JSON as well. */
export function isPlanFile(file: string): boolean {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const head = Buffer.alloc(200);
  const descriptor = openSync(file, 'r');
  try {
    return /^\s*\{\s*"care_provision_plan"\s*:/.test(head.toString('utf8', 0, readSync(descriptor, head)));
  } finally {
    closeSync(descriptor);
  }
}

const Sources = z.object({ inventory: z.array(z.string()), playbooks: z.array(z.string()) });

/** What a plan is about, for reports that name a run by it; undefined for a file that is no whole plan, which is refused later. */
export function planSources(file: string): { readonly inventory: readonly string[]; readonly playbooks: readonly string[] } | undefined {
  try {
    return Sources.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}
