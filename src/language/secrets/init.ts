/** `secrets init`: a private key for this person, and their public key in the inventory. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from './files.ts';
import { exists, identityPath, readIdentities, type IdentityOptions } from './identity.ts';
import { encodeRecipient } from './bech32.ts';
import { readRecipients, recipientsPath } from './recipients.ts';

export interface InitResult {
  readonly identityFile: string;
  readonly identityMade: boolean;
  readonly recipientsFile: string;
  readonly recipient: string;
  readonly recipientAdded: boolean;
}

const HEADER = `# Public keys (age) that the secrets of this inventory are encrypted for, one a line.
# Safe to commit. After a change run: care-provision secrets rotate
`;

/**
 * Makes what is missing and changes nothing that is there: a key that exists is used, a recipient that is
 * listed is not added again.
 *
 * @param name whose key it is, for the comment in the file
 * @throws Diagnostic when a key file exists and cannot be used
 */
export async function initSecrets(inventory: string, name: string, options: IdentityOptions = {}): Promise<InitResult> {
  const identityFile = identityPath(options);
  const identityMade = !exists(identityFile);
  if (identityMade) await makeIdentity(identityFile);
  const [identity] = readIdentities(options);
  if (identity === undefined) throw new Error('an identity file without identities was accepted');
  const recipient = encodeRecipient(identity.publicKey);
  const recipientsFile = recipientsPath(inventory);
  const before = existsSync(recipientsFile) ? readFileSync(recipientsFile, 'utf8') : undefined;
  const recipientAdded = before?.split('\n').every((line) => line.replace(/#.*$/, '').trim() !== recipient) ?? true;
  if (recipientAdded) {
    mkdirSync(dirname(recipientsFile), { recursive: true });
    const start = before === undefined ? HEADER : before === '' || before.endsWith('\n') ? before : `${before}\n`;
    replaceFile(recipientsFile, `${start}${recipient}  # ${name.replaceAll(/[\r\n#]/g, ' ')}\n`, before);
  }
  readRecipients(inventory);
  return { identityFile, identityMade, recipientsFile, recipient, recipientAdded };
}

async function makeIdentity(path: string): Promise<void> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  replaceFile(path, `# The private key for the secrets of care-provision. Keep a copy in a safe place; never commit it.\n# public key: ${recipient}\n${identity}\n`, undefined, 0o600);
}
