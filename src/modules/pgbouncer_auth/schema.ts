import { z } from 'zod';
import { revealed } from '../../support/secret.ts';
import { AbsolutePath, SecretText } from '../arguments.ts';

/** Names that need no quoting in SQL, and that the pools of PgBouncer can hold. */
const Name = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be small letters, digits and _, at most 63');
/** Anything else would have to be prepared by SASLprep (RFC 4013), which clients do differently. */
const Password = SecretText.refine((p) => /^[\x20-\x7e]{12,}$/.test(revealed(p)), 'must be at least 12 printable ASCII characters');

const Login = z.strictObject({
  name: Name.describe('Name of the role'),
  password: Password.describe('Its password'),
  connection_limit: z.int().min(-1).default(-1).describe('How many sessions it may have at once; -1: any number'),
});
export type Login = z.output<typeof Login>;

export const PgbouncerAuthArgs = z.strictObject({
  user: Name.default('pgbouncer').describe('Role that PgBouncer asks as (auth_user); it may call the function and nothing else'),
  password: Password.describe('Its password'),
  logins: z.array(Login).default([]).describe('Further roles that may log in and have no rights, such as one for verify'),
  schema: Name.default('pgbouncer').describe('Schema of the function'),
  function: Name.default('get_auth').describe('Name of the function, which takes a user name'),
  databases: z.array(Name).min(1).default(['postgres']).describe('Databases that get the function: that of auth_dbname, or, before PgBouncer 1.19, all that are pooled'),
  leader: z.boolean().describe('Whether this host is the leader, or will be when the cluster is made; on others nothing is expected but a standby'),
  owner: Name.default('postgres').describe('Superuser, and user of the host, that owns schema and function'),
  socket_dir: AbsolutePath.default('/var/run/postgresql').describe('Directory of the server\'s socket'),
  port: z.int().min(1).max(65535).default(5432).describe('Port of the server'),
  data_dir: AbsolutePath.describe('Data directory of the server: where it is missing, check mode foresees a fresh cluster'),
});
export type PgbouncerAuthArgs = z.output<typeof PgbouncerAuthArgs>;
