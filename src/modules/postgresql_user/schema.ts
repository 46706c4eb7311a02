/** Arguments of `postgresql_user`: those of Ansible's module. */
import { z } from 'zod';
import { isVerifier } from '../../services/postgres/scram.ts';
import { loginFields, Password, SqlName } from '../common/postgres/login.ts';
import { ATTRIBUTES, type Attribute } from '../common/postgres/role.ts';
import { WishedSettings } from '../common/postgres/settings.ts';

const FLAG = new RegExp(`^(NO)?(${ATTRIBUTES.join('|')})$`);

export interface Flag {
  readonly attribute: Attribute;
  readonly on: boolean;
}

function isAttribute(word: string | undefined): word is Attribute {
  return ATTRIBUTES.some((a) => a === word);
}

/** `LOGIN,NOCREATEDB` or a list of such words. */
const Flags = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? value.split(',') : value).map((word) => word.trim().toUpperCase()).filter((word) => word !== ''))
  .refine((words) => words.every((word) => FLAG.test(word)), `must be of ${ATTRIBUTES.join(', ')}, each also with NO in front, with commas in between`)
  .transform((words): readonly Flag[] =>
    words.flatMap((word) => {
      const [, no, attribute] = FLAG.exec(word) ?? [];
      return isAttribute(attribute) ? [{ attribute, on: no === undefined }] : [];
    }),
  )
  .refine((flags) => new Set(flags.map((f) => f.attribute)).size === flags.length, 'must say each attribute once');

/** `infinity`, or UTC as the server's facts give it. */
const Expires = z.union([z.literal('infinity'), z.iso.date(), z.iso.datetime({ offset: true })], { error: 'must be a date (2030-01-31, its beginning in UTC), a time with its offset (2030-01-31T12:00:00Z) or infinity' }).transform((text) => {
  if (text === 'infinity') return text;
  return new Date(text.includes('T') ? text : `${text}T00:00:00Z`).toISOString().replace(/\.\d+Z$/, 'Z');
});

export const UserArgs = z
  .strictObject({
    name: SqlName.refine((name) => name !== 'public' && name !== 'none' && !name.startsWith('pg_'), 'must not be public, none or begin with pg_, which PostgreSQL keeps for itself').describe('The role'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
    password: Password.refine((value) => !/^md5[0-9a-f]{32}$/.test(value.reveal()), 'must not be an MD5 hash, which PostgreSQL gives up: give the password itself or a SCRAM-SHA-256 verifier')
      .optional()
      .describe('Its password, or a verifier (`SCRAM-SHA-256$…`). The verifier is made on the controller, so the password never reaches the server'),
    no_password_changes: z.boolean().default(false).describe('Set the password of a new role only, and leave that of one that is there unread'),
    role_attr_flags: Flags.default([]).describe('Attributes, with commas in between: `LOGIN,NOCREATEDB`. What is not named keeps what it has; a new role gets LOGIN'),
    conn_limit: z.int().min(-1).optional().describe('Connections at most; -1 for no limit'),
    expires: Expires.optional().describe('When its password ends: a date, a time with an offset, or `infinity`'),
    configuration: WishedSettings.default({}).describe('Settings of its sessions (ALTER ROLE … SET): `{statement_timeout: 30s}`'),
    reset_unspecified_configuration: z.boolean().default(false).describe('Take settings away that `configuration` does not name'),
    comment: z.string().optional().describe('Its comment; empty for none'),
    login_db: SqlName.default('postgres').describe('The database to log in to'),
    ...loginFields,
  })
  .refine((args) => args.password === undefined || !isVerifier(args.password.reveal()) || args.password.reveal().length < 1000, { path: ['password'], message: 'is too long for a verifier' });
export type UserArgs = z.output<typeof UserArgs>;
