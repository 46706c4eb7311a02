/** Whether a certificate must be made anew. Pure. */
import { USAGES, type Usage } from './issue.ts';
import type { Certificate } from './inspect.ts';

export interface CertificateWish {
  /** `CN=db1`, as `subjectText` gives it. */
  readonly subject: string;
  /** Canonical names. */
  readonly sans: readonly string[];
  readonly usages: readonly Usage[];
  readonly publicKeySha256: string;
  readonly issuer: Certificate;
  /** When a new certificate would end; seconds since the epoch. */
  readonly notAfter: number;
  readonly renewAtPercent: number;
  readonly renewBeforeDays: number | undefined;
}

const DAY = 86_400;
/** A renewal must gain at least this, or a CA near its end would make every run renew. */
const LEAST_GAIN = DAY;

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const left = new Set(a);
  const right = new Set(b);
  return left.size === right.size && [...left].every((item) => right.has(item));
}

/**
 * @param now seconds since the epoch, the host's clock
 * @returns why the certificate must be made anew, or undefined when it is right
 */
export function reasonToIssue(current: Certificate | undefined, wish: CertificateWish, now: number): string | undefined {
  if (current === undefined) return 'there is none';
  if (current.publicKeySha256 !== wish.publicKeySha256) return 'the key is another one';
  if (!current.signedBy(wish.issuer)) return 'the CA is another one';
  if (current.subject !== wish.subject) return `subject ${current.subject} → ${wish.subject}`;
  if (!sameSet(current.sans, wish.sans)) return `names ${current.sans.join(' ')} → ${wish.sans.join(' ')}`;
  if (!sameSet(current.extendedKeyUsage, wish.usages.map((u) => USAGES[u]))) return 'it is for other uses';
  if (current.notAfter <= now) return 'it has expired';
  if (wish.notAfter - current.notAfter < LEAST_GAIN) return undefined;
  const left = current.notAfter - now;
  if (wish.renewBeforeDays !== undefined && left < wish.renewBeforeDays * DAY) return `it ends in ${daysLeft(current, now)} days`;
  if (now - current.notBefore >= (current.notAfter - current.notBefore) * (wish.renewAtPercent / 100)) return `it ends in ${daysLeft(current, now)} days`;
  return undefined;
}

/** Whole days until it ends, rounded down; negative when it has. */
export function daysLeft(certificate: Certificate, now: number): string {
  return String(Math.floor((certificate.notAfter - now) / DAY));
}
