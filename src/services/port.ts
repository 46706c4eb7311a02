/** What a question to a service, or a change that a service makes, may use. */
import type { ClientPool } from './clients.ts';

export interface ServicePort {
  /** The host's name in the inventory, for messages. */
  readonly host: string;
  /** Clients that live as long as the connection to the host. */
  readonly clients: ClientPool;
  /** Aborted when the time is over, or the run is killed: end at once. */
  readonly signal: AbortSignal;
  /** What this may take in all, for the time limits of the service's own. */
  readonly timeoutSeconds: number;
}
