import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { changeScript } from '../../host/host-session.ts';
import { action, converge, failed, ok, type Change, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect, type Query } from '../../host/query.ts';
import { revealed, Secret } from '../../support/secret.ts';
import { attach, rawScript, sh } from '../../support/shell.ts';
import { AbsolutePath } from '../arguments.ts';
import { defineModule } from '../define.ts';
import { RoleDeclaration, roleSteps, type RoleState, type RoleStep } from './declaration.ts';
import { patroniRolesQuery } from './query.ts';

const Args = z.strictObject({
  roles: z.array(RoleDeclaration).min(1).describe('The roles'),
  superusers: z.array(z.string()).optional().describe('All roles that may be superusers: others lose it. Without it nobody does'),
  psql: AbsolutePath.describe("PostgreSQL's psql"),
  socket_dir: AbsolutePath.default('/var/run/postgresql').describe('Directory of the socket of PostgreSQL'),
  port: z.int().min(1).max(65_535).default(5432).describe('Its port'),
});
type Args = z.output<typeof Args>;

function queryOf(args: Args): Query<readonly RoleState[] | null> {
  return patroniRolesQuery({ psql: args.psql, socketDir: args.socket_dir, port: args.port, functions: [...new Set(args.roles.flatMap((r) => r.execute))].sort() });
}

const effects: readonly Effect[] = [forgetKinds('patroni-roles', 'command-output', 'command-status')];

/** What the catalogue must be told, in order. */
export function stepsOf(args: Pick<Args, 'roles' | 'superusers'>, now: readonly RoleState[]): readonly RoleStep[] {
  const { superusers } = args;
  const extra = superusers === undefined ? [] : now.filter((r) => r.superuser && !superusers.includes(r.name));
  return [
    ...args.roles.flatMap((role) => roleSteps(role, now.find((r) => r.name === role.name))),
    ...extra.map((r) => ({ role: r.name, what: 'NOSUPERUSER: it is not declared as one', statement: () => `ALTER ROLE "${r.name.replaceAll('"', '""')}" NOSUPERUSER` })),
  ];
}

function statements(steps: readonly RoleStep[]): Secret {
  const salt = (): Buffer => randomBytes(16);
  // Nothing of it is logged: a verifier is enough to log in as the server (RFC 5803).
  return Secret.derived(['BEGIN;', 'SET LOCAL log_statement = none;', 'SET LOCAL log_min_duration_statement = -1;', 'SET LOCAL log_min_error_statement = panic;', ...steps.map((s) => `${s.statement(salt)};`), 'COMMIT;', ''].join('\n'));
}

function plan(args: Args, now: readonly RoleState[] | null, checkMode: boolean): Plan {
  const empty = args.roles.find((r) => r.password !== undefined && revealed(r.password) === '');
  if (empty !== undefined) return failed(`the password of ${empty.name} is empty`, 'give it one');
  // A cluster that is made later in the run begins with its roles.
  if (now === null) return checkMode ? ok() : failed('PostgreSQL does not answer on this host', 'care-patronictl list');
  const steps = stepsOf(args, now);
  if (steps.length === 0) return ok();
  const told = steps.map((s) => `${s.role}: ${s.what}`).join(', ');
  const resource = 'roles of PostgreSQL';
  if (checkMode) {
    const change: Change = { resource, what: told, script: rawScript(':'), effects };
    return converge([change]);
  }
  return action({
    resource,
    what: told,
    mutates: true,
    effects,
    timeoutSeconds: 120,
    perform: {
      type: 'conversation',
      converse: async (port) => {
        const outcome = await port.run(changeScript(sh`runuser -u postgres -- ${args.psql} -X -q -v ON_ERROR_STOP=1 -h ${args.socket_dir} -p ${args.port} -d postgres -f - <${attach(statements(steps))}`), { timeoutSeconds: 120 });
        if (outcome.state === 'done' && outcome.status === 0) return { changed: true, msg: told };
        return { changed: false, failed: true, msg: outcome.stderr.toString('utf8').trim() };
      },
    },
  });
}

export const patroniRoles = defineModule({
  name: 'patroni_roles',
  summary: 'Keep the roles that a PostgreSQL cluster itself needs',
  description: `Superusers, replication, monitoring: exactly the attributes that are declared. Works over the local socket as the superuser, so it can also
mend the roles that others log in with; run it on the leader. A password is compared with the stored verifier and sent as one: the
server never sees it, and it is in no log. Where no server answers in check mode, it is taken that one will be made with its roles.
Databases and roles of applications are for the postgresql_ modules.`,
  args: Args,
  examples: [{ title: 'A superuser for administration', yaml: 'patroni_roles:\n  psql: /usr/lib/postgresql/17/bin/psql\n  roles:\n    - { name: care_admin, superuser: true, password: "{{ postgres_admin_password }}" }\nwhen: inventory_hostname == postgres_leader\n' }],
  queries: (args) => [queryOf(args)],
  plan: (args, host) => plan(args, host.fact(queryOf(args)), host.checkMode),
});
