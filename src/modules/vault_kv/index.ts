import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { Data } from '../../services/vault/client.ts';
import { jsonOf } from '../common/vault/canonical.ts';
import { loginFields, SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { MountPath } from '../common/vault/mount.ts';
import { asked, changesOf, groundOf, known, planned, vaultChange } from '../common/vault/object.ts';
import { ObjectPath, Values } from '../common/vault/values.ts';
import { defineModule } from '../define.ts';

const KvArgs = z.strictObject({
  mount: MountPath.default('secret').describe('Where KV version 2 is mounted'),
  path: ObjectPath.describe('The entry below it'),
  data: Values.refine((data) => Object.keys(data).length > 0, 'must hold a key').describe('Its keys and values'),
  update: z.enum(['once', 'always']).default('once').describe('once: keys that are not there are added, and what is there is left, whoever changed it; always: keys are kept as they are here'),
  ...loginFields,
});
type KvArgs = z.output<typeof KvArgs>;

function entryOf(now: Data | null): Data | undefined {
  const data = now?.['data'];
  return typeof data === 'object' && data !== null ? (data as Data) : undefined;
}

/** The version that a writer must have seen (KV's check-and-set): nobody's change is overwritten unseen. */
function versionOf(now: Data | null): number {
  const metadata = now?.['metadata'];
  const version: unknown = typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'version') : undefined;
  return typeof version === 'number' ? version : 0;
}

function plan(args: KvArgs, host: HostView): Plan {
  const ground = groundOf(args, host);
  const path = `${args.mount}/data/${args.path}`;
  const now = known(host, ground, path);
  const entry = entryOf(now);
  // What is stored comes back as it is: nothing is taken for the same here that is not.
  const keys = entry === undefined ? Object.keys(args.data) : Object.keys(args.data).filter((key) => !Object.hasOwn(entry, key) || (args.update === 'always' && !isDeepStrictEqual(jsonOf(args.data[key] ?? null), entry[key])));
  if (keys.length === 0) return ok();
  const fresh = Object.fromEntries(keys.map((key) => [key, jsonOf(args.data[key] ?? null)]));
  const lines = (of: readonly string[]): string => of.map((key) => `${key}: ********\n`).join('');
  return changesOf([
    vaultChange(ground, {
      resource: `vault entry ${args.mount}/${args.path}`,
      what: entry === undefined ? 'write' : keys.join(', '),
      before: lines(keys.filter((key) => entry !== undefined && Object.hasOwn(entry, key))),
      after: lines(keys),
      forgets: [path],
      work: async (client, limits) => { await client.write(path, { data: { ...entry, ...fresh }, options: { cas: versionOf(now) } }, limits); },
    }),
  ]);
}

export const vaultKv = defineModule({
  name: 'vault_kv',
  summary: 'Seed or keep an entry of a KV engine (version 2) of OpenBao or Vault',
  description: `Seeds it once by default: a password that was rotated in the vault is not taken back to what the inventory had. Other keys of the entry are left alone.
Values are never shown. An entry that somebody else changes at the same moment is not overwritten.`,
  args: KvArgs,
  secretArgs: ['data', ...SECRET_LOGIN_ARGS],
  examples: [{ title: 'A password, once', yaml: 'vault_kv:\n  path: care/database\n  data: { password: "{{ care_db_password }}" }\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' }],
  queries: (args, host) => asked(args, host, [`${args.mount}/data/${args.path}`]),
  plan: (args, host) => planned(() => plan(args, host)),
});
