import { z } from 'zod';
import { converge, failed, type Plan, type ServiceChange } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { raw } from '../../services/postgres/sql.ts';
import { sqlChange } from '../common/postgres/change.ts';
import { loginFields, loginOf, SECRET_LOGIN_ARGS, SqlName } from '../common/postgres/login.ts';
import { asked, known, planned, refuseStandby } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { describeSteps, showAcl } from './acl.ts';
import { defaultChanges, freshState, missingObjects, missingSchemas, thingChanges, withDefault, withSchemas, withThing, type DefaultChange, type ThingChange } from './desired.ts';
import { grantsState } from './query.ts';
import { grantsShape } from './schema.ts';
import { defaultStatements, thingStatements } from './sql.ts';
import type { Default, State, Thing } from './state.ts';

const Args = z.strictObject({ db: SqlName.describe('The database'), ...grantsShape, ...loginFields });
type Args = z.output<typeof Args>;

function queryOf(args: Args, host: HostView): ReturnType<typeof grantsState> {
  const tables = args.grants.flatMap((g) => (g.columns === undefined ? [] : (g.objs ?? []).map((o) => `${g.schema ?? ''}.${o}`)));
  return grantsState({ login: loginOf(args, args.db, host), schemas: [...new Set(args.schemas)].sort(), tables: [...new Set(tables)].sort() });
}

function nameOf(db: string, thing: Thing): string {
  if (thing.type === 'database') return `database ${thing.name}`;
  if (thing.type === 'schema') return `schema ${db}.${thing.name}`;
  return `${thing.type} ${db}.${thing.schema}.${thing.name}${thing.column === '' ? '' : `.${thing.column}`}`;
}

const PLURALS = { table: 'tables', sequence: 'sequences', function: 'functions' } as const;

function nameOfDefault(db: string, of: Default): string {
  return `${db}: future ${PLURALS[of.type]} of ${of.creator}${of.schema === '' ? '' : ` in ${of.schema}`}`;
}

/** Changes one after another, each with what is known once it is made. */
function changesOf(args: Args, host: HostView, initial: State): readonly ServiceChange[] {
  const query = queryOf(args, host);
  const { login } = query.key;
  let state = initial;
  const forThing = (change: ThingChange): ServiceChange => {
    const { before, after, steps } = change;
    state = withThing(state, after);
    const owner = before.owner === after.owner ? [] : [`owner ${before.owner} → ${after.owner}`];
    const made = sqlChange({
      login,
      resource: `privileges on ${nameOf(args.db, before)}`,
      what: [...owner, ...(steps.length === 0 ? [] : [describeSteps(steps)])].join('; '),
      statements: thingStatements(change).map(raw),
      effects: [query.is({ ok: true, value: state })],
    });
    return { ...made, diff: { before: `owner: ${before.owner}\n${showAcl(before.acl)}`, after: `owner: ${after.owner}\n${showAcl(after.acl)}` } };
  };
  const forDefault = (change: DefaultChange): ServiceChange => {
    state = withDefault(state, change.after);
    const made = sqlChange({
      login,
      resource: `privileges on ${nameOfDefault(args.db, change.before)}`,
      what: describeSteps(change.steps),
      statements: defaultStatements(change).map(raw),
      effects: [query.is({ ok: true, value: state })],
    });
    return { ...made, diff: { before: showAcl(change.before.acl), after: showAcl(change.after.acl) } };
  };
  return [...thingChanges(args, initial).map(forThing), ...defaultChanges(args, initial).map(forDefault)];
}

function plan(args: Args, host: HostView): Plan {
  const query = queryOf(args, host);
  refuseStandby(host, query.key.login);
  const owner = args.owner ?? 'postgres';
  const found = known(host, query, freshState(args.db, owner));
  const absent = missingSchemas(found, args.schemas);
  // In check mode an earlier task may be about to make them.
  if (absent.length > 0 && !host.checkMode) return failed(`database ${args.db} has no schema ${absent.join(', ')}`, 'create it in an earlier task (postgresql_schema), or correct schemas');
  const state = withSchemas(found, args.schemas, owner);
  return converge(changesOf(args, host, state), { missing: [...missingObjects(args, state)] });
}

export const postgresqlGrants = defineModule({
  name: 'postgresql_grants',
  summary: 'Keep all privileges in a database exactly as declared',
  description: `Unlike Ansible's \`postgresql_privs\`, which adds or takes away single privileges, this one is told **all** of them: what the database, the
listed schemas and everything in them has beyond that is revoked, also on columns, from PUBLIC, and where a holder has passed it on. Owners keep
everything on what is theirs, and need no entry.

- Objects that belong to an extension are left alone.
- A grant for a whole schema is not for partitions: they are reached through their parents, and row-level security stands there.
- An object that is named and does not exist (yet) is passed over, and is in \`missing\`.
- \`default_privs\` are about objects made later. PostgreSQL keeps them per creator; for \`creators\` they are exact, and EXECUTE on new
  functions, which PostgreSQL gives to everybody, is taken away unless it is declared.`,
  args: Args,
  secretArgs: SECRET_LOGIN_ARGS,
  returns: { missing: 'objects that `grants` names and that are not there' },
  examples: [
    {
      title: 'Readers read, the service writes, nobody else gets in',
      yaml: 'postgresql_grants:\n  db: care\n  owner: care_owner\n  schemas: [public]\n  grants:\n    - { role: care_ro, type: database, privs: [CONNECT] }\n    - { role: care_ro, type: schema, objs: [public], privs: [USAGE] }\n    - { role: care_ro, type: table, schema: public, privs: [SELECT] }\n  creators: [care_owner]\n  default_privs:\n    - { role: care_ro, type: table, schema: public, privs: [SELECT] }\n  login_password: "{{ postgres_admin_password }}"\nwhen: inventory_hostname == postgres_leader',
    },
  ],
  queries: (args, host) => asked(host, loginOf(args, args.db, host), [queryOf(args, host)]),
  plan: (args, host) => planned(() => plan(args, host)),
});
