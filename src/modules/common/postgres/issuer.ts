/** Roles that give logins, such as a vault's: what they make comes and goes, and nobody declares it. */
import { z } from 'zod';
import { SqlName } from './login.ts';

export const Issuer = z.strictObject({
  name: SqlName.describe('Role that makes logins'),
  prefix: z.string().min(2).describe('How the names of those begin. Others are not taken for its own'),
});
export type Issuer = z.output<typeof Issuer>;

/** From this version of PostgreSQL on a role with CREATEROLE can only alter and drop what it made itself. */
export const ISSUER_VERSION = 160_000;
