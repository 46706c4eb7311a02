/** The store that the environment asks for. */
import { openSqliteStore } from './sqlite-store.ts';
import type { Store } from './store.ts';

/** @throws Diagnostic `failed` when it cannot be opened */
export function openStore(options: { readonly leaveOpen?: boolean } = {}): Promise<Store> {
  return openSqliteStore(undefined, options);
}
