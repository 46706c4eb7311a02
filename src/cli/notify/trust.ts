/** Whom a message's TLS trusts: the CAs of Node and of the system, and those that the inventory names. */
import { getCACertificates } from 'node:tls';
import { caCertificates } from './config.ts';

/** @throws Diagnostic when the file cannot be read */
export function trusted(caFile: string | undefined): string[] {
  return [...getCACertificates('default'), ...getCACertificates('system'), ...(caFile === undefined ? [] : [caCertificates(caFile)])];
}
