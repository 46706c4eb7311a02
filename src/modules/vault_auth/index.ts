import { z } from 'zod';
import { SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { mountFields, mountQueries, planMount } from '../common/vault/mount.ts';
import { isLoginMount, isOwnMount, OWN_MESSAGE } from '../common/vault/own.ts';
import { defineModule } from '../define.ts';

const AuthArgs = z
  .strictObject(mountFields)
  .refine((args) => args.state === 'absent' || args.type !== undefined, { path: ['type'], message: 'must be given' })
  .refine((args) => !isOwnMount(args.path), { path: ['path'], message: OWN_MESSAGE })
  .refine((args) => args.state === 'present' || !isLoginMount(args), { path: ['path'], message: 'is where this task logs in: remove it with another login' });

export const vaultAuth = defineModule({
  name: 'vault_auth',
  summary: 'Keep an auth method of OpenBao or Vault enabled',
  description: 'Its configuration and roles are paths below `auth/PATH`: keep them with `vault_write`. Another type at the path is refused, and removing one needs its path a second time.',
  args: AuthArgs,
  secretArgs: [...SECRET_LOGIN_ARGS],
  examples: [{ title: 'Pods of a cluster', yaml: 'vault_auth:\n  path: kubernetes\n  type: kubernetes\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' }],
  queries: (args, host) => mountQueries(args, host, 'sys/auth'),
  plan: (args, host) => planMount(args, host, { list: 'sys/auth', what: 'auth method', options: {} }),
});
