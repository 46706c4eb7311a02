/** What has to be done for a user of MinIO to be as wished. Pure. */
import { z } from 'zod';
import { converge, type Plan, type ServiceChange } from '../../host/plan.ts';
import { forgetKinds, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { adminPath } from '../../services/s3/minio.ts';
import { password, user, type PresentUser, type User } from '../common/s3/account.ts';
import { s3Change } from '../common/s3/change.ts';
import { loginFields, loginOf, SecretKey } from '../common/s3/login.ts';
import { known, refuse } from '../common/s3/server.ts';
import { MASK } from '../../support/secret.ts';
import { sameValue } from '../../support/value.ts';

/** An account's name: MinIO wants three characters, and no `=` or `,` (auth/credentials.go). */
export const AccountName = z.string().min(3, 'must have at least 3 characters').max(128).regex(/^[^=,\s]+$/, 'must not hold =, a comma or blanks');

export const UserArgs = z
  .strictObject({
    name: AccountName.describe('The user: its access key'),
    password: SecretKey.optional().describe('Its secret key, 8 characters or more. Needed for a new user'),
    update_password: z.enum(['always', 'on_create']).default('always').describe('`on_create`: that of a user who is there is left as it is'),
    enabled: z.boolean().default(true).describe('Whether it may log in'),
    policies: z.array(z.string().min(1).regex(/^[^,]+$/, 'must not hold a comma')).default([]).transform((all) => [...new Set(all)].sort()).describe('Its policies, exactly'),
    state: z.enum(['present', 'absent']).default('present').describe('Whether it is there. With it go its service accounts'),
    ...loginFields,
  })
  .refine((args) => args.name !== args.access_key, { path: ['name'], message: 'is the account that this task logs in with' });
export type UserArgs = z.output<typeof UserArgs>;

function statusWord(enabled: boolean): 'enabled' | 'disabled' {
  return enabled ? 'enabled' : 'disabled';
}

function shown(of: User): unknown {
  return of.exists ? { enabled: of.enabled, policies: of.policies } : undefined;
}

function accountChange(args: UserArgs, host: HostView, now: User): ServiceChange | undefined {
  const login = loginOf(args, host);
  const query = user({ login, name: args.name });
  const resource = `MinIO user ${args.name}`;
  const before: PresentUser = now.exists ? now : { exists: true, enabled: args.enabled, policies: [] };
  const after: PresentUser = { ...before, enabled: args.enabled };
  const { password: wished } = args;
  if (wished === undefined && !now.exists) refuse(`user ${args.name} is not there, and no password is given`, 'give its secret key as password');
  const state = wished === undefined || !now.exists || args.update_password === 'on_create' ? undefined : known(host, password({ login, name: args.name, password: wished }), 'unknown');
  // What can't log in can't be tried: its key is set when it is let in again.
  const isDifferent = state === 'differs' || (state === 'unknown' && now.exists && !now.enabled && args.enabled);
  if (wished !== undefined && (!now.exists || isDifferent)) {
    const words = now.exists ? ['change the secret key', ...(now.enabled === args.enabled ? [] : [statusWord(args.enabled)])] : ['create'];
    const effects: Effect[] = [forgetKinds('minio-password'), query.is({ ok: true, value: after })];
    if (args.enabled) effects.push(password({ login, name: args.name, password: wished }).is({ ok: true, value: 'matches' }));
    return s3Change({
      login,
      resource,
      what: words.join(', '),
      before: shown(now),
      after: { ...(shown(after) as object), secret_key: MASK },
      request: async (client) => ({ method: 'PUT', path: adminPath('add-user'), query: { accessKey: args.name }, body: await client.sealed({ secretKey: wished.reveal(), status: statusWord(args.enabled) }) }),
      effects,
    });
  }
  if (before.enabled === args.enabled) return undefined;
  return s3Change({
    login,
    resource,
    what: args.enabled ? 'enable' : 'disable',
    before: shown(before),
    after: shown(after),
    request: { method: 'PUT', path: adminPath('set-user-status'), query: { accessKey: args.name, status: statusWord(args.enabled) } },
    effects: [forgetKinds('minio-password'), query.is({ ok: true, value: after })],
  });
}

function policyChange(args: UserArgs, host: HostView, now: User): ServiceChange | undefined {
  const login = loginOf(args, host);
  const before = now.exists ? now.policies : [];
  if (sameValue(before, args.policies)) return undefined;
  return s3Change({
    login,
    resource: `MinIO user ${args.name}`,
    what: args.policies.length === 0 ? 'take all policies away' : `policies ${before.length === 0 ? '(none)' : before.join(', ')} → ${args.policies.join(', ')}`,
    before: { policies: before },
    after: { policies: args.policies },
    request: { method: 'PUT', path: adminPath('set-user-or-group-policy'), query: { policyName: args.policies.join(','), userOrGroup: args.name, isGroup: 'false' } },
    effects: [user({ login, name: args.name }).is({ ok: true, value: { exists: true, enabled: args.enabled, policies: args.policies } }), forgetKinds('minio-policy-users')],
  });
}

export function planUser(args: UserArgs, host: HostView): Plan {
  const login = loginOf(args, host);
  const query = user({ login, name: args.name });
  const now = known<User>(host, query, { exists: false });
  if (args.state === 'absent') {
    if (!now.exists) return converge([]);
    return converge([
      s3Change({ login, resource: `MinIO user ${args.name}`, what: 'remove', before: shown(now), after: undefined, request: { method: 'DELETE', path: adminPath('remove-user'), query: { accessKey: args.name } }, effects: [forgetKinds('minio-password', 'minio-service-account', 'minio-policy-users'), query.is({ ok: true, value: { exists: false } })] }),
    ]);
  }
  return converge([accountChange(args, host, now), policyChange(args, host, now)].filter((c) => c !== undefined));
}
