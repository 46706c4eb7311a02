import { z } from 'zod';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { databaseFields, databaseOf, loginFields, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { asked, known, planned, serverOf } from '../common/postgres/server.ts';
import { versionSeen, versionValue } from '../common/postgres/version.ts';
import { defineModule } from '../define.ts';
import { info, SUBSETS, type Subset } from './query.ts';

const names = Object.keys(SUBSETS).filter((name): name is Subset => name in SUBSETS);

const InfoArgs = z.strictObject({
  filter: z
    .union([z.enum(names).transform((one) => [one]), z.array(z.enum(names))], { error: `must be of ${names.join(', ')}` })
    .default(names)
    .describe('What to tell; default everything'),
  ...databaseFields,
  ...loginFields,
});

function planInfo(args: z.output<typeof InfoArgs>, host: HostView): Plan {
  const login = loginOf(args, databaseOf(args), host);
  const server = serverOf(host, login);
  if (server === undefined) return { type: 'unknown', because: 'the server does not run yet; it is asked once it does' };
  const values = Object.fromEntries(args.filter.map((subset) => [subset, known(host, info({ login, subset }), {})]));
  return ok({ ...values, version: versionValue(server.version), in_recovery: server.standby });
}

export const postgresqlInfo = defineModule({
  name: 'postgresql_info',
  summary: 'Learn what a PostgreSQL server holds and how it is set',
  args: InfoArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: {
    version: 'a map of `full`, `major`, `minor` and `raw`',
    in_recovery: 'whether it is a standby',
    databases: 'maps by name: owner, encoding, size in bytes, xid_age …',
    extensions: 'those of `login_db`, by name',
    roles: 'by name, with `member_of`',
    settings: 'by name: setting, unit, context, source, pending_restart',
    replications: 'standbys by process id, with `lag_bytes`',
    repl_slots: 'replication slots by name',
    tablespaces: 'by name',
  },
  examples: [{ title: 'Which settings wait for a restart', yaml: 'postgresql_info:\n  filter: [settings]\n  login_password: "{{ postgres_admin_password }}"\nregister: server' }],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host);
    return asked(host, login, args.filter.map((subset) => info({ login, subset })));
  },
  observes: (_args, values) => versionSeen(values['version']),
  plan: (args, host) => planned(() => planInfo(args, host)),
});
