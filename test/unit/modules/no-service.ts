import { ClientPool } from '../../../src/services/clients.ts';
import type { ServicePort } from '../../../src/services/port.ts';

/** For conversations that talk to no service. */
export function noService(): ServicePort {
  return { host: 'h1', clients: new ClientPool(() => Promise.reject(new Error('no service here'))), signal: new AbortController().signal, timeoutSeconds: 60 };
}
