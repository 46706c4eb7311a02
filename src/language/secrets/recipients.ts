/** The public keys that an inventory's secrets are encrypted for: `secrets/recipients.txt` beside it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import type { SourceFile } from '../../support/source.ts';
import type { X25519Identity } from './age-decrypt.ts';
import { decodeBech32 } from './bech32.ts';

/** The directory of an inventory that is given as a file or a directory. */
export function inventoryDirectory(inventory: string): string {
  return statSync(inventory, { throwIfNoEntry: false })?.isDirectory() === true ? inventory : dirname(inventory);
}

export function recipientsPath(inventory: string): string {
  return join(inventoryDirectory(inventory), 'secrets', 'recipients.txt');
}

/**
 * @returns the recipients (`age1…`), comments and empty lines left out
 * @throws Diagnostic no-recipients, bad-recipient with its line
 */
export function readRecipients(inventory: string): readonly string[] {
  const path = recipientsPath(inventory);
  if (!existsSync(path)) throw badInput('no-recipients', `there is no ${path}: nobody to encrypt for`, { remedy: `care-provision secrets init ${inventory}` });
  const file: SourceFile = { path, text: readFileSync(path, 'utf8') };
  const recipients: string[] = [];
  let start = 0;
  for (const line of file.text.split('\n')) {
    const text = line.replace(/#.*$/, '').trim();
    if (text !== '') {
      if (decodeBech32(text, 'age')?.length !== 32) {
        const at = start + line.indexOf(text);
        throw badInput('bad-recipient', 'this is no age recipient', { span: { file, start: at, end: at + text.length }, detail: 'a recipient begins with age1 and is 62 characters long', remedy: text.startsWith('AGE-SECRET-KEY') ? 'this is a PRIVATE key: take it out of the file and out of the history, make a new key and rotate' : 'care-provision secrets init prints yours' });
      }
      recipients.push(text);
    }
    start += line.length + 1;
  }
  if (recipients.length === 0) throw badInput('no-recipients', `${path} names nobody to encrypt for`, { remedy: `care-provision secrets init ${inventory}` });
  return recipients;
}

/** True when one of the identities can read what is encrypted for the recipients. */
export function canRead(identities: readonly X25519Identity[], recipients: readonly string[]): boolean {
  return recipients.some((recipient) => {
    const key = decodeBech32(recipient, 'age');
    return key !== undefined && identities.some((identity) => identity.publicKey.equals(key));
  });
}

/** @returns the armoured age file, lines ended by `\n` */
export async function encryptFor(recipients: readonly string[], plain: Uint8Array | string): Promise<string> {
  const { armor } = await import('age-encryption');
  return armor.encode(await encryptBytesFor(recipients, plain));
}

/** @returns the age file, binary */
export async function encryptBytesFor(recipients: readonly string[], plain: Uint8Array | string): Promise<Uint8Array> {
  const { Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return encrypter.encrypt(plain);
}
