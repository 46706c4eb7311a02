/** Reading certificates and certificate requests: what decisions about them need. */
import { createHash, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { child, children, read, readOid, Tag, type Node } from './der.ts';
import { readSans, showSubject } from './names.ts';

export interface Certificate {
  readonly pem: string;
  readonly der: Buffer;
  /** `O=Care, CN=db1`. */
  readonly subject: string;
  readonly issuer: string;
  /** The subject as it stands in the certificate, for use as an issuer. */
  readonly subjectDer: Buffer;
  /** Canonical: `DNS:…`, `IP:…`. */
  readonly sans: readonly string[];
  /** Seconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly serial: string;
  readonly isCa: boolean;
  /** How many further CAs may stand below it; undefined: any number, or it is no CA. */
  readonly pathLength: number | undefined;
  /** Object identifiers. */
  readonly extendedKeyUsage: readonly string[];
  readonly subjectKeyId: Buffer | undefined;
  readonly publicKey: KeyObject;
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  readonly publicKeySha256: string;
  /** SHA-256 of the whole certificate, hexadecimal. */
  readonly fingerprint: string;
  /** Whether this certificate was signed with the key of `issuer`. */
  signedBy(issuer: Certificate): boolean;
}

const SAN = '2.5.29.17';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const SUBJECT_KEY_ID = '2.5.29.14';
const BASIC_CONSTRAINTS = '2.5.29.19';

/** Extension id → the DER inside its octet string. */
function extensions(list: Node | undefined): ReadonlyMap<string, Node> {
  const found = new Map<string, Node>();
  for (const extension of list === undefined ? [] : children(list)) {
    const parts = children(extension);
    const [id] = parts;
    const value = parts.at(-1);
    if (id !== undefined && value !== undefined) found.set(readOid(id), read(value.value));
  }
  return found;
}

export function publicKeySha256(key: KeyObject): string {
  return createHash('sha256').update(key.export({ type: 'spki', format: 'der' })).digest('hex');
}

/** All PEM blocks of a label in a text, each with a final newline. */
export function pemBlocks(text: string, label: string): readonly string[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----[A-Za-z0-9+/=\\s]+-----END ${label}-----`, 'g');
  return (text.match(pattern) ?? []).map((block) => `${block.replaceAll('\r', '')}\n`);
}

/** RFC 5280 section 4.2.1.9: whether it is a CA, and a number that may be left out. */
function pathLengthOf(constraints: Node | undefined): number | undefined {
  const number = constraints === undefined ? undefined : children(constraints).find((part) => part.tag === Tag.integer);
  return number === undefined ? undefined : number.value.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** @throws Error when it is no X.509 certificate */
export function readCertificate(pem: string): Certificate {
  const x509 = new X509Certificate(pem);
  const der = x509.raw;
  const fields = children(child(read(der), 0));
  // version [0] is left out in version 1 certificates.
  const from = fields[0]?.tag === 0xa0 ? 1 : 0;
  const issuer = fields[from + 2];
  const subject = fields[from + 4];
  if (issuer === undefined || subject === undefined) throw new Error('the certificate lacks a subject or an issuer');
  const list = fields.find((f) => f.tag === 0xa3);
  const known = extensions(list === undefined ? undefined : child(list, 0));
  const san = known.get(SAN);
  const usages = known.get(EXTENDED_KEY_USAGE);
  return {
    pem: x509.toString(),
    der,
    subject: showSubject(subject),
    issuer: showSubject(issuer),
    subjectDer: subject.raw,
    sans: san === undefined ? [] : readSans(san),
    notBefore: Math.floor(Date.parse(x509.validFrom) / 1000),
    notAfter: Math.floor(Date.parse(x509.validTo) / 1000),
    serial: x509.serialNumber.toLowerCase(),
    isCa: x509.ca,
    pathLength: pathLengthOf(known.get(BASIC_CONSTRAINTS)),
    extendedKeyUsage: usages === undefined ? [] : children(usages).map(readOid),
    subjectKeyId: known.get(SUBJECT_KEY_ID)?.value,
    publicKey: x509.publicKey,
    publicKeySha256: publicKeySha256(x509.publicKey),
    fingerprint: createHash('sha256').update(der).digest('hex'),
    signedBy: (other) => x509.checkIssued(new X509Certificate(other.der)) && x509.verify(other.publicKey),
  };
}

/** The certificates in a text, in order; blocks that cannot be read are left out. */
export function readCertificates(text: string): readonly Certificate[] {
  return pemBlocks(text, 'CERTIFICATE').flatMap((pem) => {
    try {
      return [readCertificate(pem)];
    } catch {
      // A damaged block counts as none: whoever decides then renews, or says that there is no certificate.
      return [];
    }
  });
}

export interface CertificateRequest {
  readonly subject: string;
  readonly sans: readonly string[];
  readonly publicKey: KeyObject;
  readonly publicKeySha256: string;
}

const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** A PKCS #10 request (RFC 2986). @returns undefined when the text holds none */
export function readRequest(text: string): CertificateRequest | undefined {
  const [pem] = [...pemBlocks(text, 'CERTIFICATE REQUEST'), ...pemBlocks(text, 'NEW CERTIFICATE REQUEST')];
  if (pem === undefined) return undefined;
  try {
    const info = child(read(Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')), 0);
    const [, subject, key, ...rest] = children(info);
    if (subject === undefined || key?.tag !== Tag.sequence) return undefined;
    const attributes = rest.find((n) => n.tag === 0xa0);
    const wanted = (attributes === undefined ? [] : children(attributes)).find((a) => readOid(child(a, 0)) === EXTENSION_REQUEST);
    const san = wanted === undefined ? undefined : extensions(child(child(wanted, 1), 0)).get(SAN);
    return { subject: showSubject(subject), sans: san === undefined ? [] : readSans(san), publicKey: createPublicKey({ key: key.raw, format: 'der', type: 'spki' }), publicKeySha256: createHash('sha256').update(key.raw).digest('hex') };
  } catch {
    // Damaged: the same as none, the caller makes a new one.
    return undefined;
  }
}
