/** `secrets encrypt` and `secrets decrypt`: single values and whole files. */
import { readFileSync } from 'node:fs';
import { badInput } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import type { SourceFile, Span } from '../../support/source.ts';
import { AgeProblem, decryptAge } from './age-decrypt.ts';
import { replaceFile } from './files.ts';
import { identityPath, readIdentities, type IdentityOptions } from './identity.ts';
import { encryptFor, readRecipients } from './recipients.ts';
import { decryptionProblem } from './store.ts';
import { findSecrets, secretBlock, type SecretScalar } from './yaml-secrets.ts';

/** Whether a file is an age file as a whole, armoured or binary. */
export function isAgeFile(content: Buffer): boolean {
  const head = content.subarray(0, 64).toString('latin1').trimStart();
  return head.startsWith('-----BEGIN AGE ENCRYPTED FILE-----') || head.startsWith('age-encryption.org/v1\n');
}

/**
 * Encrypts a value for an inventory's recipients.
 *
 * @param indent spaces before the lines of the block
 * @returns `!secret |` and its lines, for pasting behind a key
 */
export async function encryptValue(inventory: string, plain: Secret, indent = 2): Promise<string> {
  return secretBlock(await encryptFor(readRecipients(inventory), plain.reveal()), indent);
}

/** Encrypts a whole file in place. @throws Diagnostic when it is encrypted already */
export async function encryptFile(inventory: string, path: string): Promise<void> {
  const before = readFileSync(path);
  if (isAgeFile(before)) throw badInput('already-encrypted', `${path} is encrypted already`);
  replaceFile(path, await encryptFor(readRecipients(inventory), before), before);
}

/** Decrypts bytes that stand in a file. @throws Diagnostic with the place */
export function decryptBytes(content: Buffer, span: Span, options: IdentityOptions = {}): Buffer {
  try {
    return decryptAge(content, { identities: readIdentities(options) });
  } catch (error) {
    if (error instanceof AgeProblem) throw decryptionProblem(error, span, identityPath(options));
    throw error;
  }
}

/** Decrypts one armoured text. */
export function decryptValue(armored: string, options: IdentityOptions = {}): Secret {
  return new Secret(decryptBytes(Buffer.from(armored, 'latin1'), { file: { path: 'the value', text: armored }, start: 0, end: 0 }, options).toString('utf8'));
}

/** What a file holds in secrets: the whole of an age file, or each `!secret` by its keys. */
export function decryptAll(path: string, options: IdentityOptions = {}): readonly { readonly path: string; readonly value: Secret }[] {
  const content = readFileSync(path);
  const file: SourceFile = { path, text: content.toString('utf8') };
  if (isAgeFile(content)) return [{ path: '', value: new Secret(decryptBytes(content, { file, start: 0, end: 0 }, options).toString('utf8')) }];
  return findSecrets(file).map((scalar) => ({ path: scalar.path.join('.'), value: openScalar(scalar, options) }));
}

export function openScalar(scalar: SecretScalar, options: IdentityOptions): Secret {
  return new Secret(decryptBytes(Buffer.from(scalar.armored, 'latin1'), scalar.span, options).toString('utf8'));
}
