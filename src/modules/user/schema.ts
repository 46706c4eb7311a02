/** Arguments of `user`: those of Ansible's module. */
import { z } from 'zod';
import { AbsolutePath, AccountName, SecretText, StringList } from '../arguments.ts';
import { NewAccountName } from '../group/schema.ts';

/** Fields of passwd(5) hold neither colons nor newlines. */
const Field = z.string().refine((text) => !/[:\n]/.test(text), 'must not hold a colon or a newline');

/** Ansible's seconds since the epoch (negative: never), or a date; days since the epoch afterwards, -1 for never. */
const Expiry = z.union([z.number(), z.iso.date()]).transform((value) => {
  if (typeof value === 'string') return Math.floor(Date.parse(`${value}T00:00:00Z`) / 86_400_000);
  return value < 0 ? -1 : Math.floor(value / 86_400);
});

const Groups = StringList.transform((list) => [...new Set(list.flatMap((entry) => entry.split(',')).map((name) => name.trim()).filter((name) => name !== ''))].sort())
  .refine((names) => names.every((name) => NewAccountName.safeParse(name).success), 'must be group names');

/** A hash of crypt(5), or a text that is none: `!`, `*`. A plain password is refused: it would be stored as if it were a hash. */
const PasswordHash = SecretText.refine((value) => {
  const text = typeof value === 'string' ? value : value.reveal();
  return /^(!*|!?\*|!*\$[a-z0-9]+\$[^:\s]+|!*[./0-9A-Za-z]{13})$/i.test(text);
}, 'must be a hash as crypt(5) makes it (such as mkpasswd prints), or ! or *; not the password itself');

export const UserArgs = z
  .strictObject({
    name: NewAccountName.describe('The user'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
    uid: z.int().nonnegative().max(4294967294).optional().describe('Its numeric id'),
    group: AccountName.optional().describe('Primary group, which must exist. A new user without one gets a group of its own name'),
    groups: Groups.optional().describe('Supplementary groups, a list or comma-separated; without `append` the user is in no others'),
    append: z.boolean().default(false).describe('Add to the groups that the user is in already'),
    comment: Field.optional().describe('Full name or purpose (GECOS)'),
    home: AbsolutePath.optional().describe('Home directory; default for a new user /home/NAME'),
    create_home: z.boolean().default(true).describe('Make the home directory when it is missing'),
    move_home: z.boolean().default(false).describe('When `home` changes, move what the old one holds'),
    shell: AbsolutePath.optional().describe('Login shell'),
    system: z.boolean().default(false).describe('A new user gets an id of the system’s range'),
    password: PasswordHash.optional().describe('Password hash (crypt(5)); `!` or `*` for none'),
    update_password: z.enum(['always', 'on_create']).default('always').describe('Whether `password` is set on users that exist'),
    password_lock: z.boolean().optional().describe('Lock or unlock the password; SSH keys work on'),
    expires: Expiry.optional().describe('When the account is shut: seconds since the epoch as in Ansible, or a date `2027-01-31`; a negative number: never'),
    remove: z.boolean().default(false).describe('With `absent`: remove home and mail too'),
    force: z.boolean().default(false).describe('With `absent`: even when logged in'),
  })
  .refine((args) => !args.append || args.groups !== undefined, { message: 'append needs groups', path: ['append'] });
export type UserArgs = z.output<typeof UserArgs>;
