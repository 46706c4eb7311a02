/** Tells a plan from an inventory; apart from the rest, since every run asks. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

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
