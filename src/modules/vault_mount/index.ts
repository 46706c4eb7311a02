import { z } from 'zod';
import { SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { mountFields, mountQueries, planMount } from '../common/vault/mount.ts';
import { defineModule } from '../define.ts';

const MountArgs = z
  .strictObject({ ...mountFields, version: z.union([z.literal(1), z.literal(2)]).optional().describe('With type kv: 2 keeps earlier versions of entries. It can\'t be changed') })
  .refine((args) => args.state === 'absent' || args.type !== undefined, { path: ['type'], message: 'must be given' })
  // The server knows them as kv afterwards.
  .refine((args) => args.type === undefined || !/^kv-v\d$/.test(args.type), { path: ['type'], message: 'must be kv: its version is said with version' })
  .refine((args) => args.version === undefined || args.type === 'kv', { path: ['version'], message: 'is for type kv' });

export const vaultMount = defineModule({
  name: 'vault_mount',
  summary: 'Keep a secrets engine of OpenBao or Vault mounted',
  description: 'What is tuned is compared as the server means it (`24h` is 86400). Another type or version at the path is refused, and removing one needs its path a second time.',
  args: MountArgs,
  secretArgs: [...SECRET_LOGIN_ARGS],
  examples: [{ title: 'Entries with versions', yaml: 'vault_mount:\n  path: secret\n  type: kv\n  version: 2\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' }],
  queries: (args, host) => mountQueries(args, host, 'sys/mounts'),
  plan: (args, host) => planMount(args, host, { list: 'sys/mounts', what: 'engine', options: args.version === undefined ? {} : { version: String(args.version) } }),
});
