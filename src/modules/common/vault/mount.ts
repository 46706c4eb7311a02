/** What `vault_mount` and `vault_auth` share: an engine or an auth method at a path, and how it is tuned. */
import { z } from 'zod';
import { ok, type Plan } from '../../../host/plan.ts';
import type { HostView } from '../../../host/view.ts';
import type { Data } from '../../../services/vault/client.ts';
import { plainText, type ValueMap } from '../../../support/value.ts';
import { differing, jsonOf, shown } from './canonical.ts';
import { loginFields } from './login.ts';
import { asked, changesOf, groundOf, known, planned, refuse, vaultChange } from './object.ts';

export const MountPath = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/, 'must be a path without slashes at its ends');

const Duration = z.union([z.int().min(0), z.string().regex(/^\d+(?:\.\d+)?(?:ms|s|m|h|d)?$/, 'must be seconds, or a duration such as 30m or 24h')]);

export const mountFields = {
  path: MountPath.describe('Where it is, without slashes at the ends'),
  type: z.string().regex(/^[a-z][a-z0-9_-]*$/, 'must be the type of an engine or method').optional().describe('Its type: kv, pki, transit, database; kubernetes, approle, oidc, cert … It can\'t be changed'),
  state: z.enum(['present', 'absent']).default('present').describe('Whether it is there. `absent` loses everything in it'),
  description: z.string().optional().describe('Its description'),
  default_lease_ttl: Duration.optional().describe('How long what it gives lives, in seconds or as 24h'),
  max_lease_ttl: Duration.optional().describe('How long that can be renewed at most'),
  confirm: z.string().optional().describe('With `absent`: the path once more, since all that is in it is lost'),
  ...loginFields,
};

export interface MountArgs extends Readonly<Record<'path', string>> {
  readonly type?: string | undefined;
  readonly state: 'present' | 'absent';
  readonly description?: string | undefined;
  readonly default_lease_ttl?: number | string | undefined;
  readonly max_lease_ttl?: number | string | undefined;
  readonly confirm?: string | undefined;
}

interface Of {
  /** `sys/mounts` or `sys/auth`. */
  readonly list: string;
  /** For messages. */
  readonly what: string;
  /** Only said when it is made. */
  readonly options: ValueMap;
}

type Login = Parameters<typeof groundOf>[0];

function at(list: Data | null, path: string): Data | undefined {
  const found = list?.[`${path}/`];
  return typeof found === 'object' && found !== null ? (found as Data) : undefined;
}

function part(data: Data, name: string): Data {
  const found = data[name];
  return typeof found === 'object' && found !== null ? (found as Data) : {};
}

/** Another version of KV is another engine: it is said, not done. */
function refuseOtherOptions(args: MountArgs, of: Of, now: Data): void {
  const [differs] = differing(of.options, part(now, 'options'));
  if (differs !== undefined) refuse(`${of.what} ${args.path} is there with ${differs} ${JSON.stringify(part(now, 'options')[differs] ?? null)}, which is not changed here`, 'choose another path, or change it by hand (bao secrets tune)');
}

export function mountQueries(args: MountArgs & Login, host: HostView, list: string): ReturnType<typeof asked> {
  return asked(args, host, [list]);
}

export function planMount(args: MountArgs & Login, host: HostView, of: Of): Plan {
  return planned(() => {
    const ground = groundOf(args, host);
    const now = at(known(host, ground, of.list), args.path);
    const resource = `vault ${of.what} ${args.path}`;
    const path = `${of.list}/${args.path}`;
    if (args.state === 'absent') {
      if (now === undefined) return ok();
      if (args.confirm !== args.path) refuse(`${of.what} ${args.path} would be lost with all that is in it`, `say confirm: ${args.path} when that is meant`);
      return changesOf([vaultChange(ground, { resource, what: `remove, with all that is in it`, before: `type: ${String(now['type'])}\n`, after: '', forgets: [of.list], work: (client, limits) => client.remove(path, limits) })]);
    }
    const type = args.type ?? '';
    const config: ValueMap = { ...(args.default_lease_ttl === undefined ? {} : { default_lease_ttl: args.default_lease_ttl }), ...(args.max_lease_ttl === undefined ? {} : { max_lease_ttl: args.max_lease_ttl }) };
    const description: ValueMap = args.description === undefined ? {} : { description: args.description };
    if (now === undefined) {
      const wish = { type, ...description, config, ...(Object.keys(of.options).length === 0 ? {} : { options: of.options }) };
      return changesOf([vaultChange(ground, { resource, what: `mount ${type}`, before: '', after: shown(Object.keys(wish), wish), forgets: [of.list], work: async (client, limits) => { await client.write(path, { type, ...description, config: asText(config), ...(Object.keys(of.options).length === 0 ? {} : { options: jsonOf(of.options) }) }, limits); } })]);
    }
    if (now['type'] !== type) refuse(`${of.what} ${args.path} is of type ${String(now['type'])}, not ${type}`, 'choose another path, or remove it first (state: absent)');
    refuseOtherOptions(args, of, now);
    const flat = { ...part(now, 'config'), description: now['description'] };
    const wish = { ...config, ...description };
    const keys = differing(wish, flat);
    if (keys.length === 0) return ok();
    return changesOf([vaultChange(ground, { resource, what: keys.join(', '), before: shown(keys, flat), after: shown(keys, wish), forgets: [of.list], work: async (client, limits) => { await client.write(`${path}/tune`, { ...asText(config), ...description }, limits); } })]);
  });
}

/** Durations as these calls take them: text. */
function asText(config: ValueMap): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, typeof value === 'number' ? `${String(value)}s` : plainText(value)]));
}
