/** What a host showed of a thing just before it is changed. */
import type { FactStore } from '../host/fact-store.ts';
import { stat } from '../host/kinds/path.ts';
import type { Effect } from '../host/query.ts';
import type { Seen } from '../state/store.ts';

/** The first path that a change is about. */
function pathOf(effects: readonly Effect[]): string | undefined {
  for (const effect of effects) {
    if (effect.type === 'removed-tree' || effect.type === 'forget-tree') return effect.path;
    if (effect.type === 'forget-kinds') continue;
    const [path] = effect.query.kind.paths(effect.query.key);
    if (path !== undefined) return path;
  }
  return undefined;
}

/**
 * When the file that a change is about was last written, and whose it is: the only hint at who else changes it that every
 * host can give. Undefined when it is not there, is no file, or is what an earlier change of this run has made of it.
 *
 * @param effects of the change, not yet folded into the store
 */
export function seenBefore(store: FactStore, effects: readonly Effect[]): Seen | undefined {
  const path = pathOf(effects);
  if (path === undefined) return undefined;
  const query = stat(path);
  const fact = store.value(query);
  const modified = store.writtenAt(query);
  if (modified === undefined || typeof fact !== 'object' || fact === null || !('owner' in fact)) return undefined;
  return { modified: new Date(modified * 1000).toISOString(), owner: String(fact.owner) };
}
