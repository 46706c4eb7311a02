import { z } from 'zod';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { differing, jsonOf, shown, type Json } from '../common/vault/canonical.ts';
import { loginFields, SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { asked, changesOf, groundOf, known, planned, vaultChange } from '../common/vault/object.ts';
import { isOwnPath, OWN_MESSAGE } from '../common/vault/own.ts';
import { ObjectPath, Values } from '../common/vault/values.ts';
import { defineModule } from '../define.ts';

const WriteArgs = z
  .strictObject({
    path: ObjectPath.describe('The path, without `v1/`: auth/kubernetes/config, pki/roles/web, database/roles/care'),
    data: Values.default({}).describe('What is to be there. Keys that are not named are not looked at; with a write the server leaves them or, as for pki/roles, takes them back to their defaults: name what matters'),
    secrets: Values.default({}).describe('What the server never tells again, such as a password: written when the path is made, and along with any other change'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
    ...loginFields,
  })
  .refine((args) => args.state === 'absent' || Object.keys(args.data).length + Object.keys(args.secrets).length > 0, { path: ['data'], message: 'must say what is to be there' })
  .refine((args) => !/^(sys\/(seal|step-down|unseal|init|rotate|rekey|storage|generate-root|raw))(\/|$)/.test(args.path), { path: ['path'], message: 'is no object that can be kept: operating the cluster is for care-provision vault' })
  .refine((args) => args.state === 'present' || !/^sys\/(mounts|auth|namespaces)(\/|$)/.test(args.path), { path: ['path'], message: 'is not removed so lightly, since all that is in it is lost: vault_mount and vault_auth remove it when its path is confirmed' })
  .refine((args) => !isOwnPath(args.path), { path: ['path'], message: OWN_MESSAGE });
type WriteArgs = z.output<typeof WriteArgs>;

function plan(args: WriteArgs, host: HostView): Plan {
  const ground = groundOf(args, host);
  const now = known(host, ground, args.path);
  const resource = `vault ${args.path}`;
  if (args.state === 'absent') {
    if (now === null) return ok();
    return changesOf([vaultChange(ground, { resource, what: 'delete', before: `${args.path} is there\n`, after: '', forgets: [args.path], work: (client, limits) => client.remove(args.path, limits) })]);
  }
  const keys = now === null ? Object.keys(args.data) : differing(args.data, now);
  // Some paths are there before anybody has written to them (a configuration), and tell so by being empty.
  const isNew = now === null || Object.keys(now).length === 0;
  if (keys.length === 0 && !(isNew && Object.keys(args.secrets).length > 0)) return ok();
  const secrets = Object.keys(args.secrets);
  const what = isNew ? 'write' : [...keys, ...secrets].join(', ');
  const hidden = secrets.map((key) => `${key}: ********\n`).join('');
  const body = (): Readonly<Record<string, Json>> => Object.fromEntries(Object.entries({ ...args.data, ...args.secrets }).map(([key, value]) => [key, jsonOf(value)]));
  return changesOf([vaultChange(ground, { resource, what, before: isNew ? '' : shown(keys, now, args.data), after: shown(keys, args.data) + hidden, forgets: [args.path], work: async (client, limits) => { await client.write(args.path, body(), limits); } })]);
}

export const vaultWrite = defineModule({
  name: 'vault_write',
  summary: 'Keep what is at a path of OpenBao or Vault',
  description: `For all that is read and written at one path: the configuration of an auth method, roles, issuing rules, connections to databases. Compared is
what was wished, as the server means it: durations in seconds, lists in any order or as text with commas. What a server never tells again belongs into
\`secrets\`; to write a changed one, change something else with it or remove the path first.`,
  args: WriteArgs,
  secretArgs: ['secrets', ...SECRET_LOGIN_ARGS],
  examples: [
    { title: 'A role for pods', yaml: 'vault_write:\n  path: auth/kubernetes/role/care\n  data:\n    bound_service_account_names: [care]\n    bound_service_account_namespaces: [care]\n    token_policies: [care]\n    token_ttl: 1h\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' },
  ],
  queries: (args, host) => asked(args, host, [args.path]),
  plan: (args, host) => planned(() => plan(args, host)),
});
