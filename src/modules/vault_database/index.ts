import { z } from 'zod';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { Data } from '../../services/vault/client.ts';
import { Secret } from '../../support/secret.ts';
import type { ValueMap } from '../../support/value.ts';
import { SecretText } from '../arguments.ts';
import { differing, shown } from '../common/vault/canonical.ts';
import { loginFields, plain, SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { MountPath } from '../common/vault/mount.ts';
import { asked, changesOf, groundOf, known, planned, vaultChange } from '../common/vault/object.ts';
import { defineModule } from '../define.ts';

const DatabaseArgs = z.strictObject({
  mount: MountPath.default('database').describe('Where the engine is mounted'),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, dots, dashes and underscores').describe('Name of the connection'),
  plugin: z.string().default('postgresql-database-plugin').describe('The server\'s plugin for this kind of database'),
  connection_url: z
    .string()
    .refine((url) => url.includes('{{username}}') && url.includes('{{password}}'), 'must have {{username}} and {{password}} in it, which the server fills in')
    .refine((url) => !/sslmode=(disable|allow|prefer)\b/.test(url), 'must not go without TLS: sslmode=verify-full')
    .describe('How the server gets there: postgresql://{{username}}:{{password}}@db1:5432,db2:5432/postgres?target_session_attrs=read-write&sslmode=verify-full'),
  username: z.string().min(1).describe('Login that may create roles'),
  password: SecretText.describe('Its password. The server never tells it: it is written when the connection is made, and along with any other change'),
  allowed_roles: z.array(z.string()).default([]).describe('Roles that may use the connection'),
  verify_connection: z.boolean().default(true).describe('Whether the server logs in before it takes a change'),
  ...loginFields,
});
type DatabaseArgs = z.output<typeof DatabaseArgs>;

/** The answer has some of it one level deeper. */
function flat(now: Data): Data {
  const details = now['connection_details'];
  return typeof details === 'object' && details !== null ? { ...now, ...(details as Data) } : now;
}

function plan(args: DatabaseArgs, host: HostView): Plan {
  const ground = groundOf(args, host);
  const path = `${args.mount}/config/${args.name}`;
  const found = known(host, ground, path);
  const now = found === null ? undefined : flat(found);
  const wished: ValueMap = { plugin_name: args.plugin, connection_url: args.connection_url, username: args.username, allowed_roles: args.allowed_roles };
  const keys = now === undefined ? Object.keys(wished) : differing(wished, now);
  if (keys.length === 0) return ok();
  const password = args.password instanceof Secret ? args.password : new Secret(args.password);
  return changesOf([
    vaultChange(ground, {
      resource: `vault database ${args.mount}/${args.name}`,
      what: now === undefined ? 'connect' : keys.join(', '),
      before: now === undefined ? '' : shown(keys, now),
      after: `${shown(keys, wished)}password: ${String(password)}\n`,
      forgets: [path],
      work: async (client, limits) => {
        await client.write(path, { plugin_name: args.plugin, connection_url: args.connection_url, username: args.username, password: plain(password), allowed_roles: [...args.allowed_roles], verify_connection: args.verify_connection }, limits);
      },
    }),
  ]);
}

export const vaultDatabase = defineModule({
  name: 'vault_database',
  summary: 'Keep a connection of a database engine of OpenBao or Vault',
  description: `For logins that are made when somebody asks for one, and end by themselves. Its roles are paths \`MOUNT/roles/NAME\`: keep them with \`vault_write\`. For a
cluster by Patroni name all members and \`target_session_attrs=read-write\`: the leader is found after each change of it.`,
  args: DatabaseArgs,
  secretArgs: ['password', ...SECRET_LOGIN_ARGS],
  examples: [{ title: 'A PostgreSQL cluster', yaml: 'vault_database:\n  name: care\n  connection_url: "{{ vault_care_connection_url }}"\n  username: vault\n  password: "{{ postgres_vault_password }}"\n  allowed_roles: [care-read]\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' }],
  queries: (args, host) => asked(args, host, [`${args.mount}/config/${args.name}`]),
  plan: (args, host) => planned(() => plan(args, host)),
});
