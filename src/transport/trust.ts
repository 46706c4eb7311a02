/** First contact: which keys a host offers, and writing the ones that a person has accepted. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { processExists } from '../support/process.ts';
import { isMissing } from '../support/missing.ts';
import { BastionPool } from './bastions.ts';
import { fingerprint, hashedName, HOST_KEY_ALGORITHMS, keyTypeOf, matchesHost, parseKnownHosts, type HostKeyAlgorithm } from './known-hosts.ts';
import { resolveRoute, type Hop } from './route.ts';
import { cannotConnect } from './ssh-client.ts';
import { SshConfig } from './ssh-config.ts';
import type { ConnectionTarget } from './types.ts';

export interface OfferedKey {
  /** The host's name in known_hosts: `host` or `[host]:port`, or its HostKeyAlias. */
  readonly name: string;
  readonly keyType: string;
  /** As the wire has it. */
  readonly key: Buffer;
  /** `SHA256:…` */
  readonly fingerprint: string;
}

export interface OfferedKeys {
  readonly keys: readonly OfferedKey[];
  /** The known_hosts files that a connection to this target reads; the first is the one to add to. */
  readonly files: readonly string[];
}

/**
 * Asks a host for each kind of host key. One handshake a kind, broken off before authentication.
 * Bastions on the way are logged in to, with their keys verified.
 *
 * @throws Diagnostic `unreachable` when the host or a bastion cannot be reached
 */
export async function fetchHostKeys(target: ConnectionTarget, signal?: AbortSignal): Promise<OfferedKeys> {
  const route = await resolveRoute(target, new SshConfig());
  const bastions = new BastionPool({ keepaliveSeconds: 10 }, 1);
  const kinds: readonly (readonly HostKeyAlgorithm[])[] = [
    HOST_KEY_ALGORITHMS.filter((a) => a === 'ssh-ed25519'),
    HOST_KEY_ALGORITHMS.filter((a) => a.startsWith('ecdsa-')),
    HOST_KEY_ALGORITHMS.filter((a) => a.startsWith('rsa-')),
  ];
  try {
    const keys: OfferedKey[] = [];
    // One after another: several at once without logging in look like a scan (PerSourcePenalties).
    for (const algorithms of kinds) {
      const key = await bastions.through(route.bastions, route.target, signal, async (openStream) => offeredKey(route.target, await openStream(), algorithms));
      const keyType = key === undefined ? undefined : keyTypeOf(key);
      if (key !== undefined && keyType !== undefined) keys.push({ name: route.target.hostKeyName, keyType, key, fingerprint: fingerprint(key) });
    }
    if (keys.length === 0) {
      throw new Diagnostic({ kind: 'unreachable', code: 'no-host-key', summary: `${target.name}: it offers no host key of a kind that is supported (ed25519, ecdsa, rsa)` });
    }
    return { keys, files: route.target.knownHostsFiles };
  } finally {
    await bastions.close();
  }
}

/** The key offered for one kind, or undefined when the host has none of it. */
function offeredKey(hop: Hop, stream: Duplex, algorithms: readonly HostKeyAlgorithm[]): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let offered: Buffer | undefined;
    client.on('error', (error) => {
      client.destroy();
      stream.destroy();
      if (offered !== undefined) resolve(offered);
      else if (/no matching host key/i.test(error.message)) resolve(undefined);
      else reject(cannotConnect(hop, error.message, error));
    });
    client.on('close', () => { reject(cannotConnect(hop, 'the connection was cut during the handshake')); });
    client.connect({
      sock: stream,
      username: hop.user,
      readyTimeout: hop.connectTimeoutSeconds * 1000,
      algorithms: { serverHostKey: [...algorithms] },
      // Refused: nothing is sent to a host that is not trusted yet.
      hostVerifier: (key: Buffer) => {
        offered = key;
        return false;
      },
    });
  });
}

export interface TrustChange {
  readonly added: readonly OfferedKey[];
  /** Lines taken out, as `file:line`. */
  readonly removed: readonly string[];
  /** Keys that were there already. */
  readonly kept: readonly OfferedKey[];
}

/**
 * Adds host keys to a known_hosts file: written beside it, synced and renamed, by one writer at a time.
 *
 * @param options.hash write the name hashed, as HashKnownHosts does
 * @param options.replace take out what the file says of these hosts (not @revoked, not @cert-authority)
 * @throws Diagnostic when the file holds another key of the same type and `replace` is false, holds a
 *   @revoked line for the key, or cannot be written
 */
export async function addTrusted(file: string, entries: readonly OfferedKey[], options: { readonly hash: boolean; readonly replace: boolean }): Promise<TrustChange> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // A link is followed, so that the rename replaces the file and not the link.
  const path = await realpath(file).catch(() => file);
  return locked(path, async () => {
    const before = await readFile(path, 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return '';
      throw cannotWrite(path, error);
    });
    const change = edit(before, path, entries, options);
    if (change.text !== before) await replaceFile(path, change.text);
    return { added: change.added, removed: change.removed, kept: change.kept };
  });
}

function edit(before: string, path: string, entries: readonly OfferedKey[], options: { readonly hash: boolean; readonly replace: boolean }): TrustChange & { readonly text: string } {
  const known = parseKnownHosts(before, path);
  const lines = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const drop = new Map<number, string | undefined>();
  const added: OfferedKey[] = [];
  const kept: OfferedKey[] = [];
  for (const entry of entries) {
    const mine = known.filter((line) => matchesHost(line.hosts, entry.name));
    const revoked = mine.find((line) => line.marker === 'revoked' && line.key.equals(entry.key));
    if (revoked !== undefined) {
      throw failure('host-key-revoked', `${entry.name}: the key ${entry.fingerprint} is marked @revoked in ${path}:${String(revoked.line)}`, { remedy: 'give the host new host keys' });
    }
    const plain = mine.filter((line) => line.marker === undefined);
    if (plain.some((line) => line.key.equals(entry.key))) {
      kept.push(entry);
    } else {
      const other = plain.find((line) => line.keyType === entry.keyType);
      if (other !== undefined && !options.replace) {
        throw failure('host-key-changed', `${entry.name}: ${path}:${String(other.line)} holds another ${entry.keyType} key, ${fingerprint(other.key)}; offered is ${entry.fingerprint}`, {
          remedy: 'find out why; to put the new one in its place: care-provision trust INVENTORY HOST --replace',
        });
      }
      added.push(entry);
    }
    if (!options.replace) continue;
    for (const line of plain) {
      // What the host still offers stays.
      if (entries.some((e) => e.name === entry.name && e.key.equals(line.key))) continue;
      drop.set(line.line, withoutName(lines[line.line - 1] ?? '', line.hosts, entry.name, `${path}:${String(line.line)}`));
    }
  }
  const after = lines.flatMap((line, index) => {
    if (!drop.has(index + 1)) return [line];
    const rest = drop.get(index + 1);
    return rest === undefined ? [] : [rest];
  });
  for (const entry of added) {
    const name = options.hash ? hashedName(entry.name, randomBytes(20)) : entry.name;
    after.push(`${name} ${entry.keyType} ${entry.key.toString('base64')}`);
  }
  return { text: after.map((line) => `${line}\n`).join(''), added, kept, removed: [...drop.keys()].map((line) => `${path}:${String(line)}`) };
}

/** A line without one of its names, or undefined when nothing is left of it. */
function withoutName(line: string, hosts: string, name: string, place: string): string | undefined {
  if (hosts.startsWith('|')) return undefined;
  const others = hosts.split(',').filter((part) => part.toLowerCase() !== name);
  if (others.length === 0) return undefined;
  if (matchesHost(others.join(','), name)) {
    throw failure('known-hosts-pattern', `${place} covers ${name} with a pattern, which is not changed automatically`, { remedy: 'edit the line by hand' });
  }
  return line.replace(hosts, others.join(','));
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const mode = await stat(path).then((s) => s.mode & 0o777, () => 0o600);
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, cause: unknown): Diagnostic {
  return failure('known-hosts-unwritable', `cannot write the known hosts file ${path}`, { detail: cause instanceof Error ? cause.message : String(cause), cause });
}

const LOCK_SECONDS = 10;

/**
 * Holds `path.lock` while working. The lock of a process that is gone is not taken over: two that wait
 * would both find it dead, and the slower would remove the quicker's new one (seen).
 */
async function locked<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const deadline = performance.now() + LOCK_SECONDS * 1000;
  for (;;) {
    try {
      await writeFile(lock, `${String(process.pid)}\n`, { flag: 'wx', mode: 0o600 });
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw cannotWrite(path, error);
    }
    const holder = Number((await readFile(lock, 'utf8').catch(() => '')).trim());
    const dead = holder > 0 && !processExists(holder);
    if (dead || performance.now() > deadline) {
      throw new Diagnostic({
        kind: 'locked',
        code: 'known-hosts-locked',
        summary: dead ? `${lock} was left by process ${String(holder)}, which is gone` : `${path} is being written by process ${String(holder)}`,
        remedy: dead ? `remove it: rm ${lock}` : `wait for that process; when it is no care-provision, remove ${lock}`,
      });
    }
    await sleep(20 + Math.random() * 30);
  }
  try {
    return await work();
  } finally {
    await unlink(lock);
  }
}
