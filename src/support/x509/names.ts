/** Subjects and alternative names of certificates, to and from DER and text. */
import { isIP } from 'node:net';
import { children, child, context, oid, printable, read, readOid, sequence, set, text, type Node } from './der.ts';

/** Distinguished name attributes with Ansible's argument names, in the customary order (RFC 4519, X.520). */
export const NAME_ATTRIBUTES = [
  { argument: 'country_name', short: 'C', oid: '2.5.4.6' },
  { argument: 'state_or_province_name', short: 'ST', oid: '2.5.4.8' },
  { argument: 'locality_name', short: 'L', oid: '2.5.4.7' },
  { argument: 'organization_name', short: 'O', oid: '2.5.4.10' },
  { argument: 'organizational_unit_name', short: 'OU', oid: '2.5.4.11' },
  { argument: 'common_name', short: 'CN', oid: '2.5.4.3' },
] as const;
export type NameArgument = (typeof NAME_ATTRIBUTES)[number]['argument'];
export type Subject = Partial<Readonly<Record<NameArgument, string | undefined>>>;

export function encodeSubject(subject: Subject): Buffer {
  const parts = NAME_ATTRIBUTES.flatMap((a) => {
    const value = subject[a.argument];
    if (value === undefined || value === '') return [];
    return [set(sequence(oid(a.oid), a.short === 'C' ? printable(value) : text(value)))];
  });
  return sequence(...parts);
}

/** `O=Care, CN=db1`: for people and for comparing; unknown attributes by their numbers. */
export function showSubject(name: Node): string {
  return children(name)
    .flatMap((rdn) => children(rdn))
    .map((pair) => {
      const id = readOid(child(pair, 0));
      return `${NAME_ATTRIBUTES.find((a) => a.oid === id)?.short ?? id}=${child(pair, 1).value.toString('utf8')}`;
    })
    .join(', ');
}

export function subjectText(subject: Subject): string {
  return showSubject(read(encodeSubject(subject)));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [left = '', right] = canonicalAddress(address).split('::');
  const groups = (part: string): readonly string[] => (part === '' ? [] : part.split(':'));
  const before = groups(left);
  const after = groups(right ?? '');
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  return Buffer.from(all.flatMap((g) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 0xff]));
}

/** An address as text in the one form of RFC 5952, without an embedded IPv4 part. */
function canonicalAddress(address: string): string {
  if (isIP(address) === 4) return address;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

function showAddress(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) return bytes.toString('hex');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  return canonicalAddress(groups.join(':'));
}

/** GeneralName tags (RFC 5280 section 4.2.1.6). */
const KINDS = { email: 1, DNS: 2, URI: 6, IP: 7 } as const;

/**
 * An alternative name in the form `DNS:db1.example.org`, `IP:192.0.2.1`, `URI:…` or `email:…`; a bare name or
 * address is taken for what it looks like.
 * @returns the one canonical form, or undefined when it is none of these
 */
export function canonicalSan(san: string): string | undefined {
  const found = /^(DNS|IP|IP Address|URI|email):(.+)$/i.exec(san);
  const value = found?.[2] ?? san;
  const kind = found?.[1]?.toLowerCase() ?? (isIP(value) === 0 ? 'dns' : 'ip');
  if (kind === 'ip' || kind === 'ip address') return isIP(value) === 0 || value.includes('%') ? undefined : `IP:${canonicalAddress(value)}`;
  if (kind === 'uri') return /^[\x21-\x7e]+$/.test(value) ? `URI:${value}` : undefined;
  if (kind === 'email') return /^[\x21-\x7e]+@[\x21-\x7e]+$/.test(value) ? `email:${value}` : undefined;
  return /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(value) && value.length <= 253 ? `DNS:${value.toLowerCase()}` : undefined;
}

/** GeneralNames of canonical names. */
export function encodeSans(sans: readonly string[]): Buffer {
  return sequence(
    ...sans.map((san) => {
      const colon = san.indexOf(':');
      const value = san.slice(colon + 1);
      switch (san.slice(0, colon)) {
        case 'IP':
          return context(KINDS.IP, false, addressBytes(value));
        case 'URI':
          return context(KINDS.URI, false, Buffer.from(value, 'latin1'));
        case 'email':
          return context(KINDS.email, false, Buffer.from(value, 'latin1'));
        default:
          return context(KINDS.DNS, false, Buffer.from(value, 'latin1'));
      }
    }),
  );
}

export function readSans(names: Node): readonly string[] {
  return children(names).map((name) => {
    const kind = name.tag & 0x1f;
    const value = name.value.toString('latin1');
    if (kind === KINDS.IP) return `IP:${showAddress(name.value)}`;
    if (kind === KINDS.DNS) return `DNS:${value.toLowerCase()}`;
    if (kind === KINDS.URI) return `URI:${value}`;
    if (kind === KINDS.email) return `email:${value}`;
    return `other:${name.raw.toString('hex')}`;
  });
}

/**
 * NameConstraints with permitted subtrees (RFC 5280 section 4.2.1.10): domains (`example.org` covers its
 * subdomains) and address ranges (`10.0.0.0/8`).
 * @returns undefined when an entry is neither
 */
export function encodePermitted(entries: readonly string[]): Buffer | undefined {
  const subtrees: Buffer[] = [];
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    if (prefix === undefined) {
      if (canonicalSan(`DNS:${entry}`) === undefined) return undefined;
      subtrees.push(sequence(context(KINDS.DNS, false, Buffer.from(entry.toLowerCase(), 'latin1'))));
      continue;
    }
    const width = isIP(address) === 4 ? 32 : 128;
    const length = Number(prefix);
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(prefix) || length > width) return undefined;
    const mask = Buffer.from(Array.from({ length: width / 8 }, (_, i) => (0xff00 >> Math.max(0, Math.min(8, length - i * 8))) & 0xff));
    const net = addressBytes(address).map((byte, i) => byte & (mask[i] ?? 0));
    subtrees.push(sequence(context(KINDS.IP, false, Buffer.concat([net, mask]))));
  }
  return sequence(context(0, true, ...subtrees));
}

