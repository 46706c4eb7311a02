/** Lines of known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Pure. */
import { createHmac } from 'node:crypto';

interface HostLine {
  readonly hosts: readonly string[];
  readonly type: string;
  readonly blob: string;
  readonly rest: string;
}

/** Undefined for comments, empty lines and lines with a marker (@cert-authority, @revoked), which are never touched. */
function parseLine(line: string): HostLine | undefined {
  const [hosts, type, blob, ...rest] = line.trim().split(/\s+/);
  if (hosts === undefined || type === undefined || blob === undefined || hosts.startsWith('#') || hosts.startsWith('@')) return undefined;
  return { hosts: hosts.split(','), type, blob, rest: rest.join(' ') };
}

/** Hashed names are `|1|salt|HMAC-SHA1(salt, name)`, both in base64. */
function isHost(entry: string, name: string): boolean {
  const [, salt, digest] = /^\|1\|([^|]+)\|([^|]+)$/.exec(entry) ?? [];
  if (salt === undefined || digest === undefined) return entry === name;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === digest;
}

export interface HostKey {
  readonly type: string;
  readonly blob: string;
}

/** The keys of a task's `key`: lines as ssh-keyscan or a .pub file has them. Undefined when a line is no key. */
export function parseHostKeys(text: string): readonly HostKey[] | undefined {
  const keys: HostKey[] = [];
  for (const line of text.split('\n').map((l) => l.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = line.split(/\s+/);
    const at = fields.findIndex((field) => /^(ssh-|ecdsa-|sk-)/.test(field));
    const [type, blob] = at === -1 || at > 1 ? [] : fields.slice(at);
    if (type === undefined || blob === undefined || !/^[A-Za-z0-9+/]+={0,3}$/.test(blob)) return undefined;
    keys.push({ type, blob });
  }
  return keys;
}

function without(line: string, old: HostLine, name: string): readonly string[] {
  const others = old.hosts.filter((entry) => !isHost(entry, name));
  if (others.length === old.hosts.length) return [line];
  return others.length === 0 ? [] : [[others.join(','), old.type, old.blob, old.rest].filter((part) => part !== '').join(' ')];
}

/** A host has these keys: one of another value but the same type goes, keys of other types stay. */
export function addHostKeys(lines: readonly string[], name: string, keys: readonly HostKey[]): readonly string[] {
  const missing = new Set(keys);
  const out: string[] = [];
  for (const line of lines) {
    const old = parseLine(line);
    const about = old?.hosts.some((entry) => isHost(entry, name)) === true;
    const wanted = about ? keys.find((key) => key.type === old.type) : undefined;
    if (old === undefined || wanted === undefined) out.push(line);
    else if (wanted.blob === old.blob && missing.has(wanted)) {
      missing.delete(wanted);
      out.push(line);
    } else out.push(...without(line, old, name));
  }
  return [...out, ...[...missing].map((key) => `${name} ${key.type} ${key.blob}`)];
}

/** A host has no keys, or not these. */
export function removeHostKeys(lines: readonly string[], name: string, keys: readonly HostKey[] | undefined): readonly string[] {
  return lines.flatMap((line) => {
    const old = parseLine(line);
    if (old === undefined || (keys !== undefined && !keys.some((key) => key.type === old.type && key.blob === old.blob))) return [line];
    return without(line, old, name);
  });
}
