/** Makes an intermediate CA: the server its key, the controller its certificate. What is cut off in between leaves no key behind that nobody uses. */
import { randomBytes } from 'node:crypto';
import type { Data, Limits, VaultClient } from '../../services/vault/client.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import { BACKDATE_SECONDS, trustedBy, type Authority } from '../../support/x509/authority.ts';
import { readRequest } from '../../support/x509/inspect.ts';
import { issueCertificate } from '../../support/x509/issue.ts';

const DAY = 86_400;
/** The key's name until its CA issues: one of an earlier try is found by it. */
const PENDING_KEY = 'care-pending';

export interface IntermediateWish {
  readonly mount: string;
  readonly common_name: string;
  readonly key_type: 'ec' | 'rsa' | 'ed25519';
  readonly key_bits: number;
  /** How long it is valid, in days. */
  readonly days: number;
  readonly permitted: readonly string[];
}

function textAt(data: Data | undefined, key: string): string | undefined {
  const value = data?.[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Removes the key of a try that was cut off before its CA was there. @throws VaultTrouble */
async function removePending(client: VaultClient, mount: string, limits: Limits): Promise<void> {
  const key = textAt(await readOrNone(client, `${mount}/key/${PENDING_KEY}`, limits), 'key_id');
  if (key === undefined) return;
  for (const issuer of await client.list(`${mount}/issuers`, limits)) {
    // It was cut off right before it got a name of its own: it counts.
    if (textAt(await client.read(`${mount}/issuer/${issuer}`, limits), 'key_id') === key) {
      await client.write(`${mount}/key/${key}`, { key_name: `care-${key.slice(0, 8)}` }, limits);
      return;
    }
  }
  await client.remove(`${mount}/key/${key}`, limits);
}

/** The servers refuse to read a key or issuer that there is none of, rather than to say that it is not found. */
async function readOrNone(client: VaultClient, path: string, limits: Limits): Promise<Data | undefined> {
  try {
    return await client.read(path, limits);
  } catch (error) {
    if (error instanceof VaultTrouble && error.trouble.kind === 'refused' && /unable to find PKI (?:key|issuer)/i.test(error.trouble.msg)) return undefined;
    throw error;
  }
}

/**
 * The server makes the key, the controller signs, and the server issues by it from then on.
 *
 * @throws VaultTrouble; Error when the server's answer is none of such an engine
 */
export async function makeIntermediate(client: VaultClient, args: IntermediateWish, signer: Authority, limits: Limits): Promise<void> {
  await removePending(client, args.mount, limits);
  const made = await client.write(`${args.mount}/intermediate/generate/internal`, { common_name: args.common_name, key_name: PENDING_KEY, key_type: args.key_type, ...(args.key_type === 'ed25519' ? {} : { key_bits: args.key_bits }) }, limits);
  const key = textAt(made, 'key_id');
  try {
    const pem = signed(textAt(made, 'csr'), args, signer);
    const chain = [pem, ...trustedBy(signer, Math.floor(Date.now() / 1000)).map((c) => c.pem)].map((text) => text.trimEnd()).join('\n');
    const set = await client.write(`${args.mount}/intermediate/set-signed`, { certificate: chain }, limits);
    const own = await issuerWithKey(client, args.mount, set, limits);
    if (own === undefined) throw new Error(`${args.mount} took the signed certificate and has no issuer with its key`);
    await client.write(`${args.mount}/config/issuers`, { default: own }, limits);
    if (key !== undefined) await client.write(`${args.mount}/key/${key}`, { key_name: `care-${key.slice(0, 8)}` }, limits);
  } catch (error) {
    // Whatever went wrong is told; a key that stays behind is found by its name the next time.
    await removePending(client, args.mount, limits).catch(() => undefined);
    throw error;
  }
}

function signed(request: string | undefined, args: IntermediateWish, signer: Authority): string {
  const csr = request === undefined ? undefined : readRequest(request);
  if (csr === undefined) throw new Error('the server gave no signing request');
  const now = Math.floor(Date.now() / 1000);
  const issuer = signer.current;
  return issueCertificate({
    publicKey: csr.publicKey, subject: { common_name: args.common_name }, sans: [], usages: [],
    notBefore: Math.max(now - BACKDATE_SECONDS, issuer.certificate.notBefore), notAfter: Math.min(now + args.days * DAY, issuer.certificate.notAfter),
    serial: randomBytes(16), issuer: issuer.certificate, issuerKey: issuer.key, ca: { pathLength: 0, permitted: args.permitted },
  });
}

/** Of what came in with the chain, the one that the server has the key of. */
async function issuerWithKey(client: VaultClient, mount: string, set: Data, limits: Limits): Promise<string | undefined> {
  const imported = Array.isArray(set['imported_issuers']) ? set['imported_issuers'].filter((id): id is string => typeof id === 'string') : [];
  const mapping = set['mapping'];
  for (const id of imported) {
    const key: unknown = typeof mapping === 'object' && mapping !== null ? Reflect.get(mapping, id) : undefined;
    if (typeof key === 'string' && key !== '') return id;
    if (key === undefined && textAt(await client.read(`${mount}/issuer/${id}`, limits), 'key_id') !== undefined) return id;
  }
  return undefined;
}
