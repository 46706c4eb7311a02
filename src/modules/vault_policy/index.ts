import { z } from 'zod';
import { ok } from '../../host/plan.ts';
import { loginFields, SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { asked, changesOf, groundOf, known, planned, refuse, vaultChange } from '../common/vault/object.ts';
import { isOwnPolicy, OWN_MESSAGE } from '../common/vault/own.ts';
import { defineModule } from '../define.ts';

const PolicyArgs = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be lower-case letters, digits, dots, dashes and underscores').describe('Name of the policy'),
    rules: z.string().min(1).optional().describe('Its text, HCL or JSON'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
    ...loginFields,
  })
  .refine((args) => args.state === 'absent' || args.rules !== undefined, { path: ['rules'], message: 'must be given for a policy that is to be there' })
  .refine((args) => !isOwnPolicy(args.name), { path: ['name'], message: OWN_MESSAGE });

/** The servers' own, which can't be changed away. */
const OWN = new Set(['root', 'default']);

export const vaultPolicy = defineModule({
  name: 'vault_policy',
  summary: 'Keep a policy of OpenBao or Vault',
  description: 'Its text is compared as it stands, but for blanks at the ends. `root` can\'t be changed, `default` not be removed, and those of operators and members (`care-operator`, `care-member`) are kept by `vault access`. A policy that the task\'s own token or AppRole stands on is not known as such: removing it locks that login out.',
  args: PolicyArgs,
  secretArgs: [...SECRET_LOGIN_ARGS],
  examples: [{ title: 'What an application may read', yaml: 'vault_policy:\n  name: care\n  rules: |\n    path "secret/data/care/*" { capabilities = ["read"] }\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' }],
  queries: (args, host) => asked(args, host, [`sys/policies/acl/${args.name}`]),
  plan: (args, host) =>
    planned(() => {
      if (args.name === 'root' || (OWN.has(args.name) && args.state === 'absent')) return refuse(`policy ${args.name} is the server's own`, 'choose another name');
      const ground = groundOf(args, host);
      const path = `sys/policies/acl/${args.name}`;
      const now = known(host, ground, path);
      const before = typeof now?.['policy'] === 'string' ? now['policy'] : '';
      const resource = `vault policy ${args.name}`;
      if (args.state === 'absent') {
        if (now === null) return ok();
        return changesOf([vaultChange(ground, { resource, what: 'delete', before, after: '', forgets: [path], work: (client, limits) => client.remove(path, limits) })]);
      }
      const rules = args.rules ?? '';
      if (now !== null && before.trim() === rules.trim()) return ok();
      return changesOf([vaultChange(ground, { resource, what: now === null ? 'create' : 'rules', before, after: rules, forgets: [path], work: async (client, limits) => { await client.write(path, { policy: rules }, limits); } })]);
    }),
});
