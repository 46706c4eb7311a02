/** Where the private key is, and whether it is kept well enough to be used. */
import { lstatSync, readFileSync, statSync, type Stats } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import { AgeProblem, decryptAge, parseIdentity, type X25519Identity } from './age-decrypt.ts';

export interface IdentityOptions {
  /** Default: the process environment. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Default: the user's home directory. */
  readonly home?: string;
}

/** `CARE_IDENTITY_FILE`, else `~/.config/care-provision/identity.txt` (XDG base directories respected). */
export function identityPath(options: IdentityOptions = {}): string {
  const environment = options.environment ?? process.env;
  const named = environment['CARE_IDENTITY_FILE'];
  if (named !== undefined && named !== '') return named;
  const xdg = environment['XDG_CONFIG_HOME'];
  const config = xdg !== undefined && xdg.startsWith('/') ? xdg : join(options.home ?? homedir(), '.config');
  return join(config, 'care-provision', 'identity.txt');
}

/** Larger files are no keys. */
const MAX_BYTES = 64 * 1024;

function readPrivate(path: string, what: string): Buffer {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    throw badInput('no-key', `there is no ${what} at ${path}`, { cause: error, remedy: 'make one with: care-provision secrets init; or point CARE_IDENTITY_FILE at yours; see docs/secrets.md' });
  }
  if (!stats.isFile()) throw badInput('bad-key-file', `${path} is not a regular file`);
  if ((stats.mode & 0o077) !== 0) {
    throw badInput('open-key-file', `${path} can be read by others (mode ${(stats.mode & 0o777).toString(8).padStart(4, '0')})`, { detail: 'the private key opens every secret of the inventory', remedy: `chmod 600 ${path}; if others have had access, make a new key and rotate` });
  }
  const uid = process.getuid?.();
  if (uid !== undefined && uid !== 0 && stats.uid !== uid && stats.uid !== 0) throw badInput('open-key-file', `${path} belongs to another user`, { remedy: 'use a copy of your own' });
  if (stats.size > MAX_BYTES) throw badInput('bad-key-file', `${path} is too large for a ${what}`);
  return readFileSync(path);
}

function unlock(path: string, content: Buffer, environment: Readonly<Record<string, string | undefined>>): Buffer {
  const passphraseFile = environment['CARE_IDENTITY_PASSPHRASE_FILE'];
  if (passphraseFile === undefined || passphraseFile === '') {
    throw badInput('locked-key', `${path} is protected by a passphrase`, { remedy: 'put the passphrase into a file of mode 0600 and name it in CARE_IDENTITY_PASSPHRASE_FILE' });
  }
  const passphrase = readPrivate(passphraseFile, 'passphrase file').toString('utf8').replace(/\r?\n$/, '');
  try {
    return decryptAge(content, { passphrase });
  } catch (error) {
    if (error instanceof AgeProblem) throw badInput('locked-key', `${path} cannot be unlocked: ${error.message}`);
    throw error;
  }
}

/**
 * Reads the identities of a key file, as age-keygen writes it: one `AGE-SECRET-KEY-1…` a line, comments
 * with `#`; or the same encrypted with a passphrase (`age -p`).
 *
 * @throws Diagnostic no-key, open-key-file, bad-key-file, locked-key
 */
export function readIdentities(options: IdentityOptions = {}): readonly X25519Identity[] {
  const path = identityPath(options);
  let content = readPrivate(path, 'identity file');
  if (/^(?:age-encryption\.org\/|\s*-----BEGIN AGE)/.test(content.subarray(0, 64).toString('latin1'))) content = unlock(path, content, options.environment ?? process.env);
  const lines = content.toString('utf8').split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length === 0) throw badInput('bad-key-file', `${path} holds no key`, { remedy: 'a line of it must begin with AGE-SECRET-KEY-1' });
  return lines.map((line) => {
    const identity = parseIdentity(line);
    if (identity !== undefined) return identity;
    const kind = /^(AGE-[A-Z-]*?)1/.exec(line)?.[1];
    throw badInput('bad-key-file', `${path} holds ${kind === undefined ? 'a line that is no age key' : `a key of the kind ${kind}, or a damaged one`}`, { detail: 'keys of the kind AGE-SECRET-KEY-1 (X25519) are used', remedy: 'make one with: care-provision secrets init' });
  });
}

/** True when something is at the path, also a broken link. */
export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
