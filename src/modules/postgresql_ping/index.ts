import { z } from 'zod';
import { ok } from '../../host/plan.ts';
import { databaseFields, databaseOf, loginFields, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { planned, server, serverOf } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { versionSeen, versionValue } from '../common/postgres/version.ts';

const PingArgs = z.strictObject({ ...databaseFields, ...loginFields });

export const postgresqlPing = defineModule({
  name: 'postgresql_ping',
  summary: 'See whether a PostgreSQL server answers a login',
  description: `Logs in from the controller through the SSH connection (docs/postgresql-modules.md) and asks the version. Changes nothing. As in
Ansible a server that does not answer is no failure: \`is_available\` is false then, so that \`until\` can wait for it. A server that says no
(a wrong password, no such database) is a failure. In check mode a server that earlier tasks of the run would make counts as available.`,
  args: PingArgs,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: {
    is_available: 'whether a server answered',
    server_version: 'a map of `full`, `major`, `minor` and `raw`; only when it answered',
    in_recovery: 'whether it is a standby; only when it answered',
    conn_err_msg: 'why it did not answer',
  },
  examples: [
    { title: 'Wait until the server answers', yaml: 'postgresql_ping:\n  login_password: "{{ postgres_admin_password }}"\nregister: ping\nuntil: ping.is_available\nretries: 30\ndelay: 2' },
  ],
  queries: (args, host) => [server({ login: loginOf(args, databaseOf(args), host) })],
  observes: (_args, values) => versionSeen(values['server_version']),
  plan: (args, host) =>
    planned(() => {
      const login = loginOf(args, databaseOf(args), host);
      const fact = host.fact(server({ login }));
      if (!fact.ok && fact.trouble.kind === 'silent' && (!host.checkMode || host.uncertain(server({ login })) === undefined)) return ok({ is_available: false, conn_err_msg: fact.trouble.msg });
      const now = serverOf(host, login);
      return ok(now === undefined ? { is_available: true } : { is_available: true, server_version: versionValue(now.version), in_recovery: now.standby });
    }),
});
