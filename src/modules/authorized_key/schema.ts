/** Arguments of `authorized_key`: those of Ansible's module. */
import { z } from 'zod';
import { AbsolutePath, StringList } from '../arguments.ts';
import { NewAccountName } from '../group/schema.ts';
import { parseKeyLine, type KeyLine } from './key-line.ts';

const Keys = StringList.transform((texts, context): readonly KeyLine[] => {
  const keys: KeyLine[] = [];
  for (const line of texts.flatMap((text) => text.split('\n')).map((text) => text.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const key = parseKeyLine(line);
    if (key === undefined) context.addIssue({ code: 'custom', message: `${JSON.stringify(line.slice(0, 40))} is not a public key such as "ssh-ed25519 AAAA… name" (an URL is not fetched)` });
    else if (!keys.some((other) => other.blob === key.blob)) keys.push(key);
  }
  if (keys.length === 0 && texts.join('').trim() !== '') return z.NEVER;
  return keys;
});

export const AuthorizedKeyArgs = z
  .strictObject({
    user: NewAccountName.describe('The user who may log in'),
    key: Keys.describe('Public key, several lines of them, or a list'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether the keys are there'),
    key_options: z.string().refine((text) => !text.includes('\n'), 'must be one line').optional().describe('Options of sshd(8) put before each key, such as `from="192.0.2.0/24",no-pty`'),
    exclusive: z.boolean().default(false).describe('Remove every other key of the file'),
    path: AbsolutePath.optional().describe('The file; default `.ssh/authorized_keys` in the user’s home directory'),
    manage_dir: z.boolean().default(true).describe('Make the directory, and give it and the file owner and mode (0700, 0600)'),
  })
  .refine((args) => args.key.length > 0 || args.exclusive, { message: 'holds no key (an empty list goes with exclusive only)', path: ['key'] })
  .refine((args) => !(args.exclusive && args.state === 'absent'), { message: 'exclusive goes with state present', path: ['exclusive'] });
export type AuthorizedKeyArgs = z.output<typeof AuthorizedKeyArgs>;
