/** `secrets generate`: passwords and keys made once, encrypted, and kept in the inventory. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import { replaceFile } from './files.ts';
import { encryptFor, inventoryDirectory, readRecipients } from './recipients.ts';
import { secretBlock, topLevelKeys } from './yaml-secrets.ts';

export const GENERATED_KINDS = ['password', 'hex', 'base64', 'ssh-ed25519', 'uuid'] as const;
export type GeneratedKind = (typeof GENERATED_KINDS)[number];

export interface GenerateRequest {
  /** The variable's name. */
  readonly name: string;
  readonly kind: GeneratedKind;
  /** Characters of a password (default 32); random bytes for hex and base64 (default 32). */
  readonly length?: number;
  /** Inside the inventory; default `group_vars/all/generated.yml`. */
  readonly file?: string;
}

export interface GenerateResult {
  readonly file: string;
  /** False when the variable existed: it is kept as it is. */
  readonly made: boolean;
}

const HEADER = '# Made by care-provision secrets generate: each value once, encrypted for secrets/recipients.txt.\n';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Least entropy taken: 16 letters and digits have 95 bits, 16 bytes 128. */
const SHORTEST = 16;
const LONGEST = 1024;

function checkedLength(request: GenerateRequest): number {
  const length = request.length ?? 32;
  if (!Number.isInteger(length) || length < SHORTEST || length > LONGEST) throw badInput('bad-length', `the length must be from ${String(SHORTEST)} to ${String(LONGEST)}`);
  return length;
}

interface Made {
  readonly secret: string;
  readonly publicKey?: string;
}

async function make(request: GenerateRequest): Promise<Made> {
  switch (request.kind) {
    case 'password': {
      // Letters and digits only: safe in URLs, connection strings, shells and configuration files.
      return { secret: Array.from({ length: checkedLength(request) }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('') };
    }
    case 'hex':
      return { secret: randomBytes(checkedLength(request)).toString('hex') };
    case 'base64':
      return { secret: randomBytes(checkedLength(request)).toString('base64') };
    case 'uuid':
      return { secret: randomUUID() };
    case 'ssh-ed25519': {
      const { default: ssh } = await import('ssh2');
      const pair = ssh.utils.generateKeyPairSync('ed25519', { comment: request.name });
      return { secret: pair.private.endsWith('\n') ? pair.private : `${pair.private}\n`, publicKey: pair.public.trim() };
    }
  }
}

/**
 * Adds the variable to the file when it is not there. An `ssh-ed25519` also gives `NAME_public` in the open.
 *
 * @throws Diagnostic for a bad name or length, a file that is no map, or one that changed meanwhile
 */
export async function generateSecret(inventory: string, request: GenerateRequest): Promise<GenerateResult> {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(request.name)) throw badInput('bad-name', `${request.name} is no name for a variable`, { detail: 'letters, digits and _, not beginning with a digit' });
  const file = join(inventoryDirectory(inventory), request.file ?? join('group_vars', 'all', 'generated.yml'));
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  if (topLevelKeys({ path: file, text: before ?? '' }).includes(request.name)) return { file, made: false };
  const made = await make(request);
  const block = secretBlock(await encryptFor(readRecipients(inventory), made.secret), 2);
  const start = before === undefined ? HEADER : before === '' || before.endsWith('\n') ? before : `${before}\n`;
  const open = made.publicKey === undefined ? '' : `${request.name}_public: ${JSON.stringify(made.publicKey)}\n`;
  const after = `${start}# ${request.kind}\n${request.name}: ${block}${open}`;
  if (!topLevelKeys({ path: file, text: after }).includes(request.name)) throw badInput('inventory-structure', `nothing can be added at the end of ${file}`, { remedy: 'use a file of its own for generated values' });
  mkdirSync(dirname(file), { recursive: true });
  replaceFile(file, after, before);
  return { file, made: true };
}
