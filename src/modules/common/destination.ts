/** Where a file goes when its `dest` may be a directory: as cp(1) and Ansible's copy decide. */
import { joinPath } from '../../host/kinds/path-key.ts';
import type { WantedAttributes } from '../../host/kinds/path-effects.ts';
import type { PresentPath } from '../../host/kinds/path.ts';
import type { Change } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { Destination } from './file-arguments.ts';
import { lookThrough } from './look.ts';
import { makeDirectories } from './make-directory.ts';

export interface ResolvedDestination {
  readonly path: string;
  /** Directories that are made first, because `dest` ended with a slash. */
  readonly changes: readonly Change[];
  /** The directory just made, when one is. */
  readonly parent: PresentPath | undefined;
}

/**
 * @param name the file's own name, used when `dest` is a directory
 * @param directory attributes of directories that are made
 * @throws Diagnostic `failed` when a directory cannot be made there
 */
export function resolveDestination(host: HostView, dest: Destination, name: string, directory: WantedAttributes): ResolvedDestination {
  const there = lookThrough(host, dest.path);
  if (there.exists && there.type === 'directory') return { path: joinPath(dest.path, name), changes: [], parent: undefined };
  if (!dest.inside) return { path: dest.path, changes: [], parent: undefined };
  const made = makeDirectories(host, dest.path, directory);
  return { path: joinPath(dest.path, name), changes: made.changes, parent: made.fact };
}
