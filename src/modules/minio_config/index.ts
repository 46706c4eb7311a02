import { z } from 'zod';
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { adminPath } from '../../services/s3/minio.ts';
import { s3Change } from '../common/s3/change.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS } from '../common/s3/login.ts';
import { asked, known, planned, refuse } from '../common/s3/server.ts';
import { defineModule } from '../define.ts';
import { config, type Config } from './query.ts';

/** They count at once; the others when all nodes are started anew (internal/config: SubSystemsDynamic). */
const DYNAMIC = new Set(['api', 'compression', 'scanner', 'heal', 'subnet', 'callhome', 'drive', 'logger_webhook', 'audit_webhook', 'audit_kafka', 'storage_class', 'ilm', 'batch', 'browser']);

const Setting = z
  .union([z.string(), z.number().transform(String), z.boolean().transform((v) => (v ? 'on' : 'off'))], { error: 'must be a text, a number or true/false, and no secret: MinIO never tells secrets, so they could not be compared; give them to the nodes as environment' })
  .refine((v) => !/["\n]/.test(v), 'must not hold a double quote or a newline');

const Args = z
  .strictObject({
    sub_system: z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be the name of a subsystem such as api').describe('The subsystem, as `mc admin config` knows it: `api`, `scanner`, `notify_webhook` …'),
    target: z.string().regex(/^[a-z0-9][a-z0-9_-]*$/i, 'must be a name').default('_').describe('Name of the target, where a subsystem has several'),
    settings: z.record(z.string().regex(/^[a-z0-9_]+$/, 'must be the name of a setting in small letters'), Setting).default({}).describe('Settings by name. What is not named is left as it is'),
    state: z.enum(['present', 'absent']).default('present').describe('`absent`: all settings of the subsystem, or target, are what MinIO brings'),
    ...loginFields,
  })
  .refine((args) => (args.state === 'present') === Object.keys(args.settings).length > 0, { path: ['settings'], message: 'must hold a setting; with state: absent none' });
type Args = z.output<typeof Args>;

function plan(args: Args, host: HostView): Plan {
  const login = loginOf(args, host);
  const query = config({ login, subSystem: args.sub_system, target: args.target });
  const now = known<Config>(host, query, { exists: args.target === '_', settings: {}, fromEnvironment: [] });
  const name = args.target === '_' ? args.sub_system : `${args.sub_system}:${args.target}`;
  const resource = `MinIO settings ${name}`;
  const needsRestart = !DYNAMIC.has(args.sub_system);
  if (args.state === 'absent') {
    if (args.target === '_') refuse('settings without a target are not taken away as a whole', 'say the values that they should have');
    if (!now.exists) return converge([], { restart_required: false });
    return converge([s3Change({ login, resource, what: 'remove', before: now.settings, after: undefined, request: async (client) => ({ method: 'DELETE', path: adminPath('del-config-kv'), body: await client.sealed(name) }), effects: [query.is({ ok: true, value: { ...now, exists: false, settings: {} } })] })], { restart_required: needsRestart });
  }
  const overridden = Object.keys(args.settings).filter((key) => now.fromEnvironment.includes(key));
  if (overridden.length > 0) refuse(`${overridden.join(', ')} of ${name} is set by the environment of the nodes, which counts before what is stored`, 'take it out of the environment, or out of this task');
  const before = Object.fromEntries(Object.keys(args.settings).map((key) => [key, now.settings[key] ?? '']));
  const changed = Object.entries(args.settings).filter(([key, value]) => before[key] !== value);
  if (changed.length === 0) return converge([], { restart_required: false });
  return converge(
    [
      s3Change({
        login,
        resource,
        what: changed.map(([key, value]) => `${key} ${before[key] === '' ? '(not set)' : String(before[key])} → ${value}`).join(', '),
        before,
        after: args.settings,
        request: async (client) => ({ method: 'PUT', path: adminPath('set-config-kv'), body: await client.sealed(`${name} ${Object.entries(args.settings).map(([key, value]) => `${key}="${value}"`).join(' ')}`) }),
        effects: [query.is({ ok: true, value: { ...now, exists: true, settings: args.settings } })],
      }),
    ],
    { restart_required: needsRestart },
  );
}

export const minioConfig = defineModule({
  name: 'minio_config',
  summary: 'Set settings of a MinIO store',
  description: `What \`mc admin config set\` does by hand. Settings are the whole store's; those of some subsystems count when all nodes are started anew
(\`restart_required\`). What the environment of the nodes sets is refused, since it counts before. Secrets can't be set this way: MinIO never tells
them, so that they could not be compared.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: { restart_required: 'whether what was changed counts only when all nodes are started anew' },
  examples: [
    { title: 'Uploads in parts that were never ended go after a week', yaml: 'minio_config:\n  sub_system: api\n  settings: {stale_uploads_expiry: 168h}\n  endpoint_url: https://127.0.0.1:9000\n  access_key: care-root\n  secret_key: "{{ minio_root_password }}"\nrun_once: true' },
  ],
  queries(args, host) {
    const login = loginOf(args, host);
    return asked(host, login, [config({ login, subSystem: args.sub_system, target: args.target })]);
  },
  plan: (args, host) => planned(() => plan(args, host)),
});
