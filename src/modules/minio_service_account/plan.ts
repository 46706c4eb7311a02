/** What has to be done for a service account of MinIO to be as wished. Pure. */
import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { adminPath } from '../../services/s3/minio.ts';
import { password, secondOf, serviceAccount, type PresentServiceAccount, type ServiceAccount } from '../common/s3/account.ts';
import { s3Change } from '../common/s3/change.ts';
import { loginFields, loginOf, SecretKey } from '../common/s3/login.ts';
import { PolicyArgument } from '../common/s3/policy-argument.ts';
import { known, refuse } from '../common/s3/server.ts';
import { MASK } from '../../support/secret.ts';
import { sameValue } from '../../support/value.ts';
import { AccountName } from '../minio_user/plan.ts';

export const ServiceAccountArgs = z.strictObject({
  name: AccountName.describe('The service account: its access key'),
  user: AccountName.describe('The user that it belongs to. It can’t be changed later'),
  password: SecretKey.optional().describe('Its secret key, 8 characters or more. Needed for a new one'),
  update_password: z.enum(['always', 'on_create']).default('always').describe('`on_create`: that of an account that is there is left as it is'),
  enabled: z.boolean().default(true).describe('Whether it may log in'),
  policy: PolicyArgument.optional().describe('What it may do of that which its user may: a map, or JSON. Without it: all'),
  description: z.string().max(256).default('').describe('What it is for. It can be changed, and not taken away'),
  expires: z.string().refine((time) => time === '' || z.iso.datetime({ offset: true }).safeParse(time).success, 'must be a time with its offset such as 2030-01-31T12:00:00Z').transform((time) => (time === '' ? '' : secondOf(time))).default('').describe('When it ends, at most a year ahead; empty: never'),
  state: z.enum(['present', 'absent']).default('present').describe('Whether it is there'),
  ...loginFields,
});
export type ServiceAccountArgs = z.output<typeof ServiceAccountArgs>;

/** How MinIO says that an account never ends (internal/auth: timeSentinel). */
const NEVER = '1970-01-01T00:00:00Z';
/** Seconds from now on that MinIO takes (internal/auth: validateSvcExpirationInUTC). */
const SOONEST = 15 * 60;
const LATEST = 365 * 86_400;

function shown({ user, enabled, policy, description, expires }: PresentServiceAccount): Readonly<Record<string, unknown>> {
  return { user, enabled, ...(policy === null ? {} : { policy }), ...(description === '' ? {} : { description }), ...(expires === '' ? {} : { expires }) };
}

/** The names of what differs. */
function differences(before: PresentServiceAccount, after: PresentServiceAccount): readonly string[] {
  const words: string[] = [];
  if (before.enabled !== after.enabled) words.push(after.enabled ? 'enable' : 'disable');
  if (!sameValue(before.policy, after.policy)) words.push(after.policy === null ? 'take its policy away' : 'policy');
  if (before.description !== after.description) words.push('description');
  if (before.expires !== after.expires) words.push(`expires ${before.expires === '' ? 'never' : before.expires} → ${after.expires === '' ? 'never' : after.expires}`);
  return words;
}

export function planServiceAccount(args: ServiceAccountArgs, host: HostView): Plan {
  const login = loginOf(args, host);
  const query = serviceAccount({ login, name: args.name });
  const now = known<ServiceAccount>(host, query, { exists: false });
  const resource = `MinIO service account ${args.name}`;
  if (args.state === 'absent') {
    if (!now.exists) return converge([]);
    return converge([s3Change({ login, resource, what: 'remove', before: shown(now), after: undefined, request: { method: 'DELETE', path: adminPath('delete-service-account'), query: { accessKey: args.name } }, effects: [forgetKinds('minio-password'), query.is({ ok: true, value: { exists: false } })] })]);
  }
  if (now.exists && now.user !== args.user) refuse(`service account ${args.name} belongs to ${now.user}, which can't be changed`, `remove it first (state: absent), or give another name`);
  const after: PresentServiceAccount = { exists: true, user: args.user, enabled: args.enabled, policy: args.policy ?? null, description: args.description === '' && now.exists ? now.description : args.description, expires: args.expires };
  const ahead = Date.parse(args.expires) / 1000 - host.base.epoch;
  if (args.expires !== '' && (!now.exists || now.expires !== args.expires) && (ahead < SOONEST || ahead > LATEST)) refuse(`service account ${args.name} can't end at ${args.expires}`, 'MinIO takes a time between 15 minutes and 365 days from now');
  const { password: wished } = args;
  const tried = wished === undefined ? undefined : password({ login, name: args.name, password: wished });
  const matches: readonly Effect[] = tried === undefined || !args.enabled ? [] : [tried.is({ ok: true, value: 'matches' })];
  if (!now.exists) {
    if (wished === undefined) refuse(`service account ${args.name} is not there, and no password is given`, 'give its secret key as password');
    if (!args.enabled) refuse(`service account ${args.name} can't be made disabled`, 'make it enabled first, or say state: absent');
    return converge([
      s3Change({
        login,
        resource,
        what: 'create',
        before: undefined,
        after: { ...shown(after), secret_key: MASK },
        request: async (client) => ({
          method: 'PUT',
          path: adminPath('add-service-account'),
          body: await client.sealed({ targetUser: args.user, accessKey: args.name, secretKey: wished.reveal(), ...(after.policy === null ? {} : { policy: after.policy }), ...(after.description === '' ? {} : { description: after.description }), ...(after.expires === '' ? {} : { expiration: after.expires }) }),
        }),
        effects: [forgetKinds('minio-password'), query.is({ ok: true, value: after }), ...matches],
      }),
    ]);
  }
  const state = tried === undefined || args.update_password === 'on_create' ? undefined : known(host, tried, 'unknown');
  const newKey = state === 'differs' || (state === 'unknown' && !now.enabled && args.enabled);
  const words = [...(newKey ? ['change the secret key'] : []), ...differences(now, after)];
  if (words.length === 0) return converge([]);
  return converge([
    s3Change({
      login,
      resource,
      what: words.join(', '),
      before: shown(now),
      after: { ...shown(after), ...(newKey ? { secret_key: MASK } : {}) },
      request: async (client) => ({
        method: 'POST',
        path: adminPath('update-service-account'),
        query: { accessKey: args.name },
        body: await client.sealed({
          // Said each time: MinIO takes the policy away from an account that is changed without a word on it.
          ...(after.policy === null ? {} : { newPolicy: after.policy }),
          ...(newKey ? { newSecretKey: wished?.reveal() } : {}),
          newStatus: after.enabled ? 'on' : 'off',
          newDescription: after.description,
          ...(now.expires === after.expires ? {} : { newExpiration: after.expires === '' ? NEVER : after.expires }),
        }),
      }),
      effects: [forgetKinds('minio-password'), query.is({ ok: true, value: after }), ...(newKey ? matches : [])],
    }),
  ]);
}
