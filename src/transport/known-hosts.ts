/**
 * known_hosts files, as sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT" and OpenSSH's hostfile.c read them. Neither
 * ssh2 nor node-ssh knows them.
 */
import { createHash, createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Diagnostic } from '../support/diagnostic.ts';
import { isMissing } from '../support/missing.ts';

export interface KnownHostsLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  /** The first field: patterns or a hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  /** The key as the wire has it. */
  readonly key: Buffer;
}

/** Parses one file's text; lines that are no entries (empty, comments, garbage, other markers) are left out, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): readonly KnownHostsLine[] {
  const entries: KnownHostsLine[] = [];
  text.split('\n').forEach((raw, index) => {
    const words = raw.trim().split(/[ \t]+/);
    if (words[0] === '' || words[0]?.startsWith('#') === true) return;
    let marker: KnownHostsLine['marker'];
    if (words[0]?.startsWith('@') === true) {
      if (words[0] === '@revoked') marker = 'revoked';
      else if (words[0] === '@cert-authority') marker = 'cert-authority';
      else return;
      words.shift();
    }
    const [hosts, keyType, base64] = words;
    if (hosts === undefined || keyType === undefined || base64 === undefined) return;
    const key = Buffer.from(base64, 'base64');
    if (keyTypeOf(key) !== keyType) return;
    entries.push({ file, line: index + 1, marker, hosts, keyType, key });
  });
  return entries;
}

/** The type that a public key blob names itself (RFC 4253 6.6), or undefined when it is no key. */
export function keyTypeOf(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  return length === 0 || length > 64 || key.length < 4 + length ? undefined : key.toString('latin1', 4, 4 + length);
}

/** The name under which OpenSSH looks a host up: `host`, or `[host]:port` for another port than 22. */
export function knownHostsName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${String(port)}`;
}

/** Whether the first field of a line speaks of this name (as {@link knownHostsName} gives it). */
export function matchesHost(field: string, name: string): boolean {
  if (field.startsWith('|')) return matchesHash(field, name);
  let found = false;
  for (const part of field.split(',')) {
    const negated = part.startsWith('!');
    if (!matchesGlob(negated ? part.slice(1) : part, name)) continue;
    // One negated match takes the whole line out, whatever else it says.
    if (negated) return false;
    found = true;
  }
  return found;
}

function matchesHash(field: string, name: string): boolean {
  const [, version, salt, hash] = field.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

/** The hashed form of a name (`HashKnownHosts`), with a salt of 20 random bytes. */
export function hashedName(name: string, salt: Buffer): string {
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

/** `*` and `?` as OpenSSH's match_pattern; anything else is itself. No regular expression: patterns may be hostile. */
function matchesGlob(pattern: string, name: string): boolean {
  const p = pattern.toLowerCase();
  let i = 0;
  let j = 0;
  let star = -1;
  let mark = 0;
  while (j < name.length) {
    if (i < p.length && (p[i] === '?' || (p[i] !== '*' && p[i] === name[j]))) {
      i += 1;
      j += 1;
    } else if (p[i] === '*') {
      star = i;
      mark = j;
      i += 1;
    } else if (star !== -1) {
      i = star + 1;
      mark += 1;
      j = mark;
    } else return false;
  }
  while (p[i] === '*') i += 1;
  return i === p.length;
}

/** `SHA256:…` as ssh-keygen -l prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

export type HostKeyVerdict =
  | { readonly verdict: 'trusted'; readonly entry: KnownHostsLine }
  | { readonly verdict: 'revoked'; readonly entry: KnownHostsLine }
  | { readonly verdict: 'changed'; readonly entries: readonly KnownHostsLine[] }
  | { readonly verdict: 'certificate-only'; readonly entry: KnownHostsLine }
  | { readonly verdict: 'unknown' };

/** Judges the key that a host offers by the lines known. */
export function judgeHostKey(lines: readonly KnownHostsLine[], name: string, key: Buffer): HostKeyVerdict {
  const mine = lines.filter((line) => matchesHost(line.hosts, name));
  const revoked = mine.find((line) => line.marker === 'revoked' && line.key.equals(key));
  if (revoked !== undefined) return { verdict: 'revoked', entry: revoked };
  const plain = mine.filter((line) => line.marker === undefined);
  const same = plain.find((line) => line.key.equals(key));
  if (same !== undefined) return { verdict: 'trusted', entry: same };
  if (plain.length > 0) return { verdict: 'changed', entries: plain };
  const authority = mine.find((line) => line.marker === 'cert-authority');
  return authority === undefined ? { verdict: 'unknown' } : { verdict: 'certificate-only', entry: authority };
}

/** Host key algorithms that ssh2 has and that are not broken (ssh-rsa is SHA-1, ssh-dss is 1024 bits). */
export const HOST_KEY_ALGORITHMS = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'rsa-sha2-512', 'rsa-sha2-256'] as const;
export type HostKeyAlgorithm = (typeof HOST_KEY_ALGORITHMS)[number];

/** The type of key that an algorithm signs with. */
export function keyTypeOfAlgorithm(algorithm: HostKeyAlgorithm): string {
  return algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm;
}

/**
 * The algorithms in the order to offer: those whose keys are known for the host first (OpenSSH's
 * order_hostkeyalgs), or a host known by its RSA key only would show us its ed25519 key and look strange.
 */
export function orderAlgorithms(lines: readonly KnownHostsLine[], name: string): HostKeyAlgorithm[] {
  const known = new Set(lines.filter((line) => line.marker === undefined && matchesHost(line.hosts, name)).map((line) => line.keyType));
  const isKnown = (algorithm: HostKeyAlgorithm): boolean => known.has(keyTypeOfAlgorithm(algorithm));
  return [...HOST_KEY_ALGORITHMS.filter(isKnown), ...HOST_KEY_ALGORITHMS.filter((a) => !isKnown(a))];
}

/** The files that ssh would read. */
export function defaultKnownHostsFiles(): readonly string[] {
  return [join(homedir(), '.ssh/known_hosts'), join(homedir(), '.ssh/known_hosts2'), '/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
}

/**
 * Reads files one after another; one that is not there holds nothing.
 *
 * @throws Diagnostic for a file that is there and can't be read: treating it as empty would hide a revocation
 */
export async function readKnownHosts(files: readonly string[]): Promise<readonly KnownHostsLine[]> {
  const all = await Promise.all(files.map(async (file) => {
    try {
      return parseKnownHosts(await readFile(file, 'utf8'), file);
    } catch (cause) {
      if (isMissing(cause)) return [];
      throw new Diagnostic({
        kind: 'unreachable',
        code: 'known-hosts-unreadable',
        summary: `cannot read the known hosts file ${file}`,
        detail: cause instanceof Error ? cause.message : String(cause),
        remedy: 'make it readable; without it no host can be told from another',
        cause,
      });
    }
  }));
  return all.flat();
}
