/** The store that the environment asks for: the file on this machine, or a server. */
import { DATABASE_URL, databaseAddress, type DatabaseAddress } from './postgres-url.ts';
import { openSqliteStore } from './sqlite-store.ts';
import type { Store } from './store.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The server of CARE_DATABASE_URL; undefined when it is not set. @throws Diagnostic `bad-database-url` */
export function sharedDatabase(environment: Environment): DatabaseAddress | undefined {
  const url = environment[DATABASE_URL];
  return url === undefined || url === '' ? undefined : databaseAddress(url, environment);
}

export interface OpenOptions {
  readonly environment: Environment;
  /** For a process that is about to end, see {@link openSqliteStore}. */
  readonly leaveOpen?: boolean;
  /**
   * Told when the server cannot be used; the file on this machine is opened instead then, so that no run goes unrecorded.
   * Without it the error is thrown.
   */
  readonly instead?: (error: unknown) => void;
}

/** @throws Diagnostic `store-unreachable`, `state-unusable`, `bad-database-url` */
export async function openStore(options: OpenOptions): Promise<Store> {
  const local = (): Promise<Store> => openSqliteStore(undefined, options.leaveOpen === true ? { leaveOpen: true } : {});
  const at = sharedDatabase(options.environment);
  if (at === undefined) return local();
  try {
    const { openPostgresStore } = await import('./postgres-store.ts');
    return await openPostgresStore(at);
  } catch (error) {
    if (options.instead === undefined) throw error;
    options.instead(error);
    return local();
  }
}
