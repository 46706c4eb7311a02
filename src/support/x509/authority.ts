/**
 * A certificate authority as one PEM text: the certificate and key that sign now, the next ones while a
 * change of CA is under way, and earlier certificates that hosts must still trust. One text, so that it is
 * replaced in one step and can be kept as one secret.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { issueCertificate } from './issue.ts';
import { pemBlocks, publicKeySha256, readCertificate, type Certificate } from './inspect.ts';
import type { Subject } from './names.ts';

export interface Signer {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}
export interface Authority {
  /** Signs certificates. */
  readonly current: Signer;
  /** Is trusted already, and will sign once every host has learnt of it. */
  readonly next: Signer | undefined;
  /** Signed earlier certificates; without keys. */
  readonly previous: readonly Certificate[];
}

const KEY_LABELS = ['PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY'];

/**
 * Reads the text: certificates that have a key beside them sign, the first of these now and the second next.
 * @throws Error when there is no certificate with its key, naming what is wrong
 */
export function readAuthority(text: string): Authority {
  const keys = KEY_LABELS.flatMap((label) => pemBlocks(text, label)).map((pem) => {
    const key = createPrivateKey(pem);
    return { key, id: publicKeySha256(createPublicKey(key)) };
  });
  const certificates = pemBlocks(text, 'CERTIFICATE').map(readCertificate);
  const [current, next, ...more] = certificates.flatMap((certificate): readonly Signer[] => {
    const own = keys.find((k) => k.id === certificate.publicKeySha256);
    return own === undefined ? [] : [{ certificate, key: own.key }];
  });
  if (current === undefined) throw new Error(`holds ${String(certificates.length)} certificates and ${String(keys.length)} keys, but no certificate with its key`);
  if (more.length > 0) throw new Error('holds more than two certificates with keys');
  if (![current, ...(next === undefined ? [] : [next])].every((s) => s.certificate.isCa)) throw new Error('holds a certificate that is not one of a CA');
  const signing = new Set([current.certificate.fingerprint, next?.certificate.fingerprint]);
  return { current, next, previous: certificates.filter((c) => !signing.has(c.fingerprint)) };
}

/** The certificates that hosts must trust: what signs now, what will, and what did and has not expired. */
export function trustedBy(authority: Authority, now: number): readonly Certificate[] {
  return [authority.current.certificate, ...(authority.next === undefined ? [] : [authority.next.certificate]), ...authority.previous.filter((c) => c.notAfter > now)];
}

function signerText(signer: Signer): string {
  return `${signer.certificate.pem.trimEnd()}\n${signer.key.export({ type: 'pkcs8', format: 'pem' }).toString().trimEnd()}\n`;
}

export function writeAuthority(authority: Authority): string {
  return [authority.current, ...(authority.next === undefined ? [] : [authority.next])].map(signerText).join('') + authority.previous.map((c) => `${c.pem.trimEnd()}\n`).join('');
}

export type KeyType = 'ec-p256' | 'ec-p384' | 'rsa-3072' | 'rsa-4096' | 'ed25519';

export interface AuthorityWish {
  readonly subject: Subject;
  readonly type: KeyType;
  readonly days: number;
  readonly pathLength: number;
  /** Domains and address ranges that certificates may be for; empty: any. */
  readonly permitted: readonly string[];
  /** A next CA is made when so much of the current one's life has passed. */
  readonly rotateAtPercent: number;
  /** How long the next CA is only trusted before it signs. */
  readonly overlapDays: number;
  /** Make a next CA now. */
  readonly rotate: boolean;
}

const DAY = 86_400;
/** Certificates are valid from a little earlier, for clocks that lag. */
export const BACKDATE_SECONDS = 3600;

function generate(type: KeyType): KeyObject {
  switch (type) {
    case 'ec-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'ec-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    case 'rsa-3072':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
    case 'rsa-4096':
      return generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
  }
}

/** A new key and the certificate that it signs for itself. */
export function makeSigner(wish: AuthorityWish, now: number): Signer {
  const key = generate(wish.type);
  const pem = issueCertificate({
    publicKey: createPublicKey(key),
    subject: wish.subject,
    sans: [],
    usages: [],
    notBefore: now - BACKDATE_SECONDS,
    notAfter: now + wish.days * DAY,
    serial: randomBytes(16),
    issuer: undefined,
    issuerKey: key,
    ca: { pathLength: wish.pathLength, permitted: wish.permitted },
  });
  return { certificate: readCertificate(pem), key };
}

/** What is due: a first CA, a next one, the change-over to it, or tidying away of expired ones. */
export type AuthorityStep = { readonly type: 'create' | 'prepare' | 'promote' | 'tidy'; readonly what: string };

/** @param now seconds since the epoch */
export function dueStep(authority: Authority | undefined, wish: AuthorityWish, now: number): AuthorityStep | undefined {
  if (authority === undefined) return { type: 'create', what: `create ${wish.type} CA, valid ${String(wish.days)} days` };
  const { current, next, previous } = authority;
  if (next !== undefined && now >= next.certificate.notBefore + BACKDATE_SECONDS + wish.overlapDays * DAY) return { type: 'promote', what: 'let the next CA sign' };
  const { notBefore, notAfter } = current.certificate;
  const worn = now >= notBefore + (notAfter - notBefore) * (wish.rotateAtPercent / 100);
  if (next === undefined && (worn || wish.rotate)) return { type: 'prepare', what: `create the next CA, to sign after ${String(wish.overlapDays)} days` };
  if (previous.some((c) => c.notAfter <= now)) return { type: 'tidy', what: 'forget expired CA certificates' };
  return undefined;
}

/** Carries a step out. Not pure: makes keys. */
export function takeStep(authority: Authority | undefined, step: AuthorityStep, wish: AuthorityWish, now: number): Authority {
  if (authority === undefined) return { current: makeSigner(wish, now), next: undefined, previous: [] };
  const previous = authority.previous.filter((c) => c.notAfter > now);
  if (step.type === 'prepare') return { ...authority, next: makeSigner(wish, now), previous };
  if (step.type === 'promote' && authority.next !== undefined) return { current: authority.next, next: undefined, previous: [authority.current.certificate, ...previous] };
  return { ...authority, previous };
}

