/**
 * Making certificates (RFC 5280), synchronously and without OpenSSL: the certificate is put together as DER
 * and signed with node:crypto, so that a plan can hold the finished certificate.
 */
import { createHash, sign, type KeyObject } from 'node:crypto';
import * as der from './der.ts';
import type { Certificate } from './inspect.ts';
import { encodePermitted, encodeSans, encodeSubject, type Subject } from './names.ts';

export const USAGES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
export type Usage = keyof typeof USAGES;

export interface CertificateInit {
  readonly publicKey: KeyObject;
  readonly subject: Subject;
  /** Canonical names. */
  readonly sans: readonly string[];
  readonly usages: readonly Usage[];
  /** Seconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** 16 to 20 random bytes; the first bit is cleared (positive, RFC 5280 section 4.1.2.2). */
  readonly serial: Buffer;
  /** Undefined for a certificate that signs itself. */
  readonly issuer: Certificate | undefined;
  readonly issuerKey: KeyObject;
  /** Makes it a CA. */
  readonly ca?: { readonly pathLength: number; readonly permitted: readonly string[] };
}

interface Algorithm {
  readonly identifier: Buffer;
  readonly digest: string | null;
}

/** The signature algorithm for a key (RFC 5758, RFC 4055, RFC 8410). @throws Error for a key of another type */
function algorithmOf(key: KeyObject): Algorithm {
  const type = key.asymmetricKeyType;
  if (type === 'ec') {
    return key.asymmetricKeyDetails?.namedCurve === 'secp384r1'
      ? { identifier: der.sequence(der.oid('1.2.840.10045.4.3.3')), digest: 'sha384' }
      : { identifier: der.sequence(der.oid('1.2.840.10045.4.3.2')), digest: 'sha256' };
  }
  if (type === 'rsa') return { identifier: der.sequence(der.oid('1.2.840.113549.1.1.11'), der.nothing()), digest: 'sha256' };
  if (type === 'ed25519') return { identifier: der.sequence(der.oid('1.3.101.112')), digest: null };
  throw new Error(`cannot sign with a key of type ${String(type)}`);
}

/** The key identifier of a public key: the leftmost 160 bits of its SHA-256 (RFC 7093 section 2, method 1). */
function keyId(spki: Buffer): Buffer {
  const bits = der.child(der.read(spki), 1).value.subarray(1);
  return createHash('sha256').update(bits).digest().subarray(0, 20);
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return der.sequence(der.oid(id), ...(critical ? [der.boolean(true)] : []), der.octets(value));
}

function extensionsOf(init: CertificateInit, spki: Buffer): readonly Buffer[] {
  const own = keyId(spki);
  const issuerId = init.issuer === undefined ? own : init.issuer.subjectKeyId;
  const all: Buffer[] = [];
  if (init.ca === undefined) {
    all.push(extension('2.5.29.19', true, der.sequence()));
    // digitalSignature, and keyEncipherment for RSA key exchange.
    all.push(extension('2.5.29.15', true, init.publicKey.asymmetricKeyType === 'rsa' ? der.bits(Buffer.from([0xa0]), 5) : der.bits(Buffer.from([0x80]), 7)));
    if (init.usages.length > 0) all.push(extension('2.5.29.37', false, der.sequence(...init.usages.map((u) => der.oid(USAGES[u])))));
  } else {
    all.push(extension('2.5.29.19', true, der.sequence(der.boolean(true), der.integer(init.ca.pathLength))));
    all.push(extension('2.5.29.15', true, der.bits(Buffer.from([0x06]), 1)));
    if (init.ca.permitted.length > 0) {
      const permitted = encodePermitted(init.ca.permitted);
      if (permitted === undefined) throw new Error(`not a domain or an address range: ${init.ca.permitted.join(', ')}`);
      all.push(extension('2.5.29.30', true, permitted));
    }
  }
  // The names must be critical when they are all that says whose certificate it is (RFC 5280 section 4.2.1.6).
  if (init.sans.length > 0) all.push(extension('2.5.29.17', Object.values(init.subject).every((v) => v === undefined || v === ''), encodeSans(init.sans)));
  all.push(extension('2.5.29.14', false, der.octets(own)));
  if (issuerId !== undefined) all.push(extension('2.5.29.35', false, der.sequence(der.context(0, false, issuerId))));
  return all;
}

/** @returns the certificate as PEM */
export function issueCertificate(init: CertificateInit): string {
  const algorithm = algorithmOf(init.issuerKey);
  const spki = init.publicKey.export({ type: 'spki', format: 'der' });
  const subject = encodeSubject(init.subject);
  const serial = Buffer.from(init.serial);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const tbs = der.sequence(
    der.context(0, true, der.integer(2)),
    der.integer(serial),
    algorithm.identifier,
    init.issuer?.subjectDer ?? subject,
    der.sequence(der.time(init.notBefore), der.time(init.notAfter)),
    subject,
    spki,
    der.context(3, true, der.sequence(...extensionsOf(init, spki))),
  );
  const signature = sign(algorithm.digest, tbs, init.issuerKey);
  return toPem(der.sequence(tbs, algorithm.identifier, der.bits(signature)), 'CERTIFICATE');
}

export function toPem(bytes: Buffer, label: string): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
