/** A lab's own SSH keys: one to log in with, one per host to be recognised by, all made by ssh-keygen. */
import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../support/diagnostic.ts';
import { PASSWORD_USER } from './image-recipe.ts';
import { runProgram } from './process.ts';
import { writeWhole } from '../support/write-whole.ts';
import type { LabHost, LabPaths } from './state.ts';

/** A file that a host gets at its first start, under the seed directory of image-recipe.ts. */
export interface SeedFile {
  readonly name: string;
  readonly text: string;
}

async function keyPair(path: string, comment: string): Promise<{ privateKey: string; publicKey: string }> {
  const read = async (): Promise<{ privateKey: string; publicKey: string } | undefined> => {
    const [privateKey, publicKey] = await Promise.all([path, `${path}.pub`].map((each) => readFile(each, 'utf8').catch(() => '')));
    return privateKey !== undefined && publicKey !== undefined && privateKey !== '' && publicKey !== '' ? { privateKey, publicKey } : undefined;
  };
  const already = await read();
  if (already !== undefined) return already;
  // Half a pair, of a lab up that was killed: ssh-keygen would ask whether to overwrite it.
  await Promise.all([rm(path, { force: true }), rm(`${path}.pub`, { force: true })]);
  const made = await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path], { timeoutMs: 20_000 });
  const pair = await read();
  if (made.status !== 0 || pair === undefined) throw failure('lab-keys', `ssh-keygen could not make ${path}`, { detail: made.stderr });
  return pair;
}

/** @returns 120 random bits as text, the same each time for one path */
export async function keptRandom(path: string): Promise<string> {
  const already = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (already !== '') return already;
  const made = randomBytes(15).toString('base64url');
  await writeWhole(path, `${made}\n`);
  return made;
}

/** What one host is given: who may log in, its own key, and the password of the user whose sudo asks for one. */
export async function seedFiles(paths: LabPaths, lab: string, host: string): Promise<readonly SeedFile[]> {
  const login = await keyPair(paths.loginKey, `care-provision lab ${lab}`);
  const own = await keyPair(join(paths.hostKeys, host), host);
  return [
    { name: 'authorized_keys', text: login.publicKey },
    { name: 'passwords', text: `${PASSWORD_USER}:${await keptRandom(paths.password)}\n` },
    { name: 'ssh_host_ed25519_key', text: own.privateKey },
    { name: 'ssh_host_ed25519_key.pub', text: own.publicKey },
  ];
}

/** Text of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): each host by name, address and proxy port. */
export function knownHostsText(hosts: readonly LabHost[], publicKeys: ReadonlyMap<string, string>): string {
  const lines = hosts.map((host) => {
    const names = [host.name, host.address];
    if (host.sshAddress !== host.address || host.sshPort !== 22) names.push(`[${host.sshAddress}]:${host.sshPort}`);
    const [type = '', key = ''] = (publicKeys.get(host.name) ?? '').split(' ');
    return `${names.join(',')} ${type} ${key}`;
  });
  return `${lines.join('\n')}\n`;
}
