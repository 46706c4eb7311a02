/** Roles that a cluster itself needs, as declared, and the statements that make them so. Pure but for the salt it is given. */
import { z } from 'zod';
import { verifierFor, verifierMatches } from '../../services/postgres/scram.ts';
import { revealed, type Secret } from '../../support/secret.ts';
import { SecretText } from '../arguments.ts';

const Identifier = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be a plain SQL name: small letters, digits and _');

export const RoleDeclaration = z.strictObject({
  name: Identifier.describe('Name of the role'),
  superuser: z.boolean().default(false).describe('SUPERUSER'),
  replication: z.boolean().default(false).describe('REPLICATION'),
  login: z.boolean().default(true).describe('LOGIN'),
  password: SecretText.optional().describe('Its password; without one it has none'),
  member_of: z.array(Identifier).default([]).describe('Roles that it is a member of'),
  execute: z
    .array(z.string().regex(/^[a-z_.]+\([a-z_, ]*\)$/, 'must be a function with its argument types, such as pg_catalog.pg_ls_dir(text)'))
    .default([])
    .describe('Functions that it may execute, in database postgres'),
});
export type RoleDeclaration = z.output<typeof RoleDeclaration>;

/** A role as pg_authid and its kin have it. */
export interface RoleState {
  readonly name: string;
  readonly superuser: boolean;
  readonly replication: boolean;
  readonly login: boolean;
  readonly createRole: boolean;
  readonly createDb: boolean;
  readonly bypassRls: boolean;
  /** The verifier; undefined when it has no password. */
  readonly verifier: string | undefined;
  readonly memberOf: readonly string[];
  /** Of the functions asked for, those that it may execute. */
  readonly execute: readonly string[];
}

/** A difference, and the statement that mends it. The statement holds a verifier when `secret`. */
export interface RoleStep {
  readonly role: string;
  readonly what: string;
  statement(salt: () => Buffer): string;
}

const word = (on: boolean, text: string): string => `${on ? '' : 'NO'}${text}`;

function attributes(role: RoleDeclaration): string {
  return [word(role.superuser, 'SUPERUSER'), word(role.replication, 'REPLICATION'), word(role.login, 'LOGIN'), 'NOCREATEROLE', 'NOCREATEDB', 'NOBYPASSRLS'].join(' ');
}

/** A verifier has only the characters of base64, $ and :, so it needs no quoting. */
function passwordClause(password: string | Secret, salt: Buffer): string {
  return `PASSWORD '${verifierFor(revealed(password), salt)}'`;
}

function attributeSteps(role: RoleDeclaration, now: RoleState | undefined): readonly RoleStep[] {
  if (now === undefined) return [{ role: role.name, what: 'create', statement: (salt) => `CREATE ROLE "${role.name}" ${attributes(role)}${role.password === undefined ? '' : ` ${passwordClause(role.password, salt())}`}` }];
  const steps: RoleStep[] = [];
  const wrong = [
    ...(now.superuser === role.superuser ? [] : [word(role.superuser, 'SUPERUSER')]),
    ...(now.replication === role.replication ? [] : [word(role.replication, 'REPLICATION')]),
    ...(now.login === role.login ? [] : [word(role.login, 'LOGIN')]),
    ...(now.createRole ? ['NOCREATEROLE'] : []),
    ...(now.createDb ? ['NOCREATEDB'] : []),
    ...(now.bypassRls ? ['NOBYPASSRLS'] : []),
  ];
  if (wrong.length > 0) steps.push({ role: role.name, what: wrong.join(' '), statement: () => `ALTER ROLE "${role.name}" ${wrong.join(' ')}` });
  const { password } = role;
  if (password === undefined) {
    if (now.verifier !== undefined) steps.push({ role: role.name, what: 'take its password away', statement: () => `ALTER ROLE "${role.name}" PASSWORD NULL` });
  } else if (now.verifier === undefined || !verifierMatches(now.verifier, revealed(password))) {
    steps.push({ role: role.name, what: 'new password', statement: (salt) => `ALTER ROLE "${role.name}" ${passwordClause(password, salt())}` });
  }
  return steps;
}

/**
 * What must be done for one role.
 *
 * @param now its state, undefined when it does not exist
 */
export function roleSteps(role: RoleDeclaration, now: RoleState | undefined): readonly RoleStep[] {
  const memberships = role.member_of.filter((group) => now?.memberOf.includes(group) !== true);
  const functions = role.execute.filter((f) => now?.execute.includes(f) !== true);
  return [
    ...attributeSteps(role, now),
    ...memberships.map((group) => ({ role: role.name, what: `member of ${group}`, statement: () => `GRANT "${group}" TO "${role.name}"` })),
    ...functions.map((f) => ({ role: role.name, what: `execute ${f}`, statement: () => `GRANT EXECUTE ON FUNCTION ${f} TO "${role.name}"` })),
  ];
}
