import { z } from 'zod';
import { action, type ActionPort, type ActionResult } from '../../host/plan.ts';
import { vault, type Data, type VaultClient } from '../../services/vault/client.ts';
import type { VaultLogin } from '../../services/vault/login.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import type { ValueMap } from '../../support/value.ts';
import { loginFields, SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { groundOf, planned } from '../common/vault/object.ts';
import { ObjectPath } from '../common/vault/values.ts';
import { defineModule } from '../define.ts';

const InfoArgs = z.strictObject({
  try_credentials: z.array(ObjectPath).default([]).describe('Paths that give credentials when they are read, such as database/creds/care-read: each is asked for one, which is given back at once. Check mode asks for none: each would be a login in the database'),
  ...loginFields,
});
type InfoArgs = z.output<typeof InfoArgs>;

const SECONDS = 30;

/** Types by path, without the slash at its end. */
function types(list: Data | undefined): ValueMap {
  return Object.fromEntries(Object.entries(list ?? {}).flatMap(([path, mount]) => {
    const type: unknown = typeof mount === 'object' && mount !== null ? Reflect.get(mount, 'type') : undefined;
    return typeof type === 'string' ? [[path.replace(/\/$/, ''), type]] : [];
  }));
}

async function tryCredentials(client: VaultClient, path: string, port: ActionPort): Promise<string | undefined> {
  const limits = { signal: port.signal, timeoutSeconds: SECONDS };
  try {
    const lease = await client.lease(path, limits);
    if (lease === undefined) return `${path} gives nothing that ends by itself`;
    await client.write('sys/leases/revoke', { lease_id: lease, sync: true }, limits);
    return undefined;
  } catch (error) {
    if (error instanceof VaultTrouble) return `${path}: ${error.trouble.msg}`;
    throw error;
  }
}

async function look(port: ActionPort, args: InfoArgs, login: VaultLogin): Promise<ActionResult> {
  const client = port.service.clients.get(vault, login);
  const limits = { signal: port.signal, timeoutSeconds: SECONDS };
  try {
    const [engines, methods, policies] = await Promise.all([client.read('sys/mounts', limits), client.read('sys/auth', limits), client.list('sys/policies/acl', limits)]);
    const wrong: string[] = [];
    for (const path of args.try_credentials) wrong.push(...[await tryCredentials(client, path, port)].filter((text) => text !== undefined));
    const values: ValueMap = { engines: types(engines), auth_methods: types(methods), policies: [...policies] };
    return wrong.length === 0 ? { changed: false, values } : { changed: false, failed: true, msg: wrong.join('\n'), values };
  } catch (error) {
    if (error instanceof VaultTrouble) return { changed: false, failed: true, msg: error.message };
    throw error;
  }
}

export const vaultInfo = defineModule({
  name: 'vault_info',
  summary: 'Look at what an OpenBao or Vault cluster has mounted, and try credentials that it gives',
  description: 'Changes nothing: credentials that are asked for are given back at once, and are never shown. Check mode asks for none.',
  args: InfoArgs,
  secretArgs: [...SECRET_LOGIN_ARGS],
  examples: [{ title: 'Which engines there are', yaml: 'vault_info:\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"\nregister: vault_has' }],
  returns: { engines: 'path → type', auth_methods: 'path → type', policies: 'names' },
  plan: (args, host) =>
    planned(() => {
      const ground = groundOf(args, host);
      if (ground.type === 'none yet') return { type: 'unknown', because: 'the CA of the operators is not made yet' };
      return action({ resource: `vault at ${ground.login.at.host}`, what: 'look', mutates: false, perform: { type: 'conversation', converse: (port) => look(port, host.checkMode ? { ...args, try_credentials: [] } : args, ground.login) } });
    }),
});
