import { z } from 'zod';
import { ok, type Change } from '../../host/plan.ts';
import { differing, jsonOf, shown } from '../common/vault/canonical.ts';
import { loginFields, SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { MountPath } from '../common/vault/mount.ts';
import { asked, changesOf, groundOf, known, planned, refuse, vaultChange } from '../common/vault/object.ts';
import { defineModule } from '../define.ts';
import type { ValueMap } from '../../support/value.ts';

const TransitArgs = z.strictObject({
  mount: MountPath.default('transit').describe('Where the engine is mounted'),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, dots, dashes and underscores').describe('Name of the key'),
  type: z.enum(['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305', 'xchacha20-poly1305', 'ed25519', 'ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'rsa-2048', 'rsa-3072', 'rsa-4096', 'hmac']).default('aes256-gcm96').describe('What it is. It can\'t be changed'),
  derived: z.boolean().optional().describe('Whether a key is derived for each context. It can\'t be changed'),
  exportable: z.boolean().default(false).describe('Whether the key may leave the server. It can\'t be taken back'),
  auto_rotate_period: z.union([z.int().min(0), z.string().regex(/^\d+(?:\.\d+)?(?:s|m|h|d)$/, 'must be a duration')]).optional().describe('How often a new version is made by itself; 0 for never'),
  min_decryption_version: z.int().min(1).optional().describe('The oldest version that still decrypts'),
  deletion_allowed: z.boolean().default(false).describe('Whether it may be deleted'),
  ...loginFields,
});

export const vaultTransitKey = defineModule({
  name: 'vault_transit_key',
  summary: 'Keep a key of a transit engine of OpenBao or Vault',
  description: 'Made once; what may change later is kept. A key is never deleted here: what it has encrypted would be lost.',
  args: TransitArgs,
  secretArgs: [...SECRET_LOGIN_ARGS],
  examples: [{ title: 'A key that is renewed each month', yaml: 'vault_transit_key:\n  name: care\n  auto_rotate_period: 720h\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' }],
  queries: (args, host) => asked(args, host, [`${args.mount}/keys/${args.name}`]),
  plan: (args, host) =>
    planned(() => {
      const ground = groundOf(args, host);
      const path = `${args.mount}/keys/${args.name}`;
      const now = known(host, ground, path);
      const resource = `vault key ${args.mount}/${args.name}`;
      const changes: Change[] = [];
      const fixed: ValueMap = { type: args.type, exportable: args.exportable, ...(args.derived === undefined ? {} : { derived: args.derived }) };
      const config: ValueMap = {
        deletion_allowed: args.deletion_allowed,
        ...(args.auto_rotate_period === undefined ? {} : { auto_rotate_period: args.auto_rotate_period }),
        ...(args.min_decryption_version === undefined ? {} : { min_decryption_version: args.min_decryption_version }),
      };
      if (now !== null) {
        const [other] = differing(fixed, now);
        if (other !== undefined) return refuse(`key ${args.mount}/${args.name} has ${other} ${JSON.stringify(now[other] ?? null)}, which can't be changed`, 'choose another name, and re-encrypt what the old key has encrypted');
      }
      const keys = differing(config, now ?? { deletion_allowed: false });
      if (now !== null && keys.length === 0) return ok();
      changes.push(vaultChange(ground, {
        resource, what: now === null ? `make, ${args.type}` : keys.join(', '), before: now === null ? '' : shown(keys, now), after: shown(now === null ? Object.keys(fixed) : [], fixed) + shown(keys, config), forgets: [path],
        work: async (client, limits) => {
          if (now === null) await client.write(path, Object.fromEntries(Object.entries(fixed).map(([key, value]) => [key, jsonOf(value)])), limits);
          if (keys.length > 0) await client.write(`${path}/config`, Object.fromEntries(keys.map((key) => [key, jsonOf(config[key] ?? null)])), limits);
        },
      }));
      return changesOf(changes);
    }),
});
