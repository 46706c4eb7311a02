/** `secrets rotate`: encrypts everything anew for the recipients that the inventory names now. */
import { readFileSync } from 'node:fs';
import { badInput } from '../../support/diagnostic.ts';
import { dearmor } from './age-decrypt.ts';
import { filesUnder, replaceFile } from './files.ts';
import { readIdentities, type IdentityOptions } from './identity.ts';
import { canRead, encryptFor, inventoryDirectory, readRecipients } from './recipients.ts';
import { decryptBytes, isAgeFile } from './values.ts';
import { findSecrets, replaceSecrets, type SecretScalar } from './yaml-secrets.ts';

export interface RotateResult {
  readonly files: readonly { readonly path: string; readonly values: number }[];
}

interface NewContent {
  readonly path: string;
  readonly before: Buffer;
  readonly after: string | Uint8Array;
  readonly values: number;
}

/**
 * Everything is decrypted and encrypted in memory first: when one value cannot be read, no file changes.
 * Then file by file is replaced; after an interruption each one is either old or new, and a second rotate ends it.
 *
 * @param inventory whose recipients count, and whose files are gone through
 * @param more other files and folders with secrets (playbooks, roles)
 * @throws Diagnostic lock-out when none of the caller's own keys is among the recipients
 */
export async function rotateSecrets(inventory: string, more: readonly string[] = [], options: IdentityOptions = {}): Promise<RotateResult> {
  const recipients = readRecipients(inventory);
  if (!canRead(readIdentities(options), recipients)) {
    throw badInput('lock-out', 'none of your own keys is among the recipients: you could not read the secrets afterwards', { remedy: 'add your recipient (care-provision secrets init), or let somebody rotate who stays' });
  }
  const paths = [...new Set([inventoryDirectory(inventory), ...more].flatMap(filesUnder))];
  const contents: NewContent[] = [];
  for (const path of paths) {
    const content = await renewed(path, recipients, options);
    if (content !== undefined) contents.push(content);
  }
  for (const content of contents) replaceFile(content.path, content.after, content.before);
  return { files: contents.map(({ path, values }) => ({ path, values })) };
}

async function renewed(path: string, recipients: readonly string[], options: IdentityOptions): Promise<NewContent | undefined> {
  const before = readFileSync(path);
  const text = before.toString('utf8');
  const file = { path, text };
  if (isAgeFile(before)) {
    const armored = await encryptFor(recipients, decryptBytes(before, { file, start: 0, end: 0 }, options));
    return { path, before, after: text.trimStart().startsWith('-----') ? armored : dearmor(Buffer.from(armored, 'latin1')), values: 1 };
  }
  const scalars = findSecrets(file);
  if (scalars.length === 0) return undefined;
  const replacements = new Map<SecretScalar, string>();
  for (const scalar of scalars) replacements.set(scalar, await encryptFor(recipients, decryptBytes(Buffer.from(scalar.armored, 'latin1'), scalar.span, options)));
  const after = replaceSecrets(file, replacements);
  const again = findSecrets({ path, text: after });
  const sound = again.length === scalars.length && again.every((s, i) => s.armored.trim() === (replacements.get(scalars[i] ?? s) ?? '').trim() && s.path.join('\0') === scalars[i]?.path.join('\0'));
  if (!sound) throw new Error(`the new text of ${path} does not read back as it was meant`);
  return { path, before, after, values: scalars.length };
}
