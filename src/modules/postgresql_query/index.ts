import { action, converge, failed, type ServiceChange, type Plan } from '../../host/plan.ts';
import { forgetKinds, type ServiceQuery } from '../../host/query.ts';
import { defineServiceQuery } from '../../host/define-query.ts';
import type { HostView } from '../../host/view.ts';
import { postgres, type Question } from '../../services/postgres/client.ts';
import { describeAddress, type PostgresLogin } from '../../services/postgres/login.ts';
import type { Sql } from '../../services/postgres/sql.ts';
import { PostgresTrouble } from '../../services/postgres/trouble.ts';
import { postgresKinds, type Answer } from '../common/postgres/kind.ts';
import { databaseOf, loginOf, SECRET_LOGIN_ARGS } from '../common/postgres/login.ts';
import { asked, planned, refuse, refuseStandby, serverOf } from '../common/postgres/server.ts';
import { defineModule } from '../define.ts';
import { QueryArgs } from './schema.ts';
import { hasChanged, prologueOf, questionsOf, registeredOf, saysYes } from './statement.ts';

interface HoldsKey {
  readonly login: PostgresLogin;
  readonly text: string;
  readonly prologue: readonly Sql[];
}

/** Whether the user's question is answered with yes. Asked in a read-only transaction. */
const holds = defineServiceQuery<HoldsKey, Answer<boolean>>({
  name: 'postgres-holds',
  id: (key) => `${key.login.user}@${describeAddress(key.login.at)}/${key.login.database} ${key.prologue.map((s) => s.shown).join(';')} ${key.text}`,
  describe: (key) => `the answer to ${key.text}`,
  answer: (keys, port) =>
    Promise.all(keys.map(async (key): Promise<Answer<boolean>> => {
      try {
        const answers = await port.clients.get(postgres, key.login).statements([{ text: key.text, values: [] }], 'read only', key.prologue, port);
        return { ok: true, value: saysYes(answers[0]) };
      } catch (error) {
        if (!(error instanceof PostgresTrouble)) throw error;
        return { ok: false, trouble: error.trouble };
      }
    })),
  after: ['unit'],
  // Anybody's change may be what it asks about.
  volatile: true,
  passing: (fact) => !fact.ok,
});

/** What is asked about may be what earlier tasks would make: undefined table, function, schema, object, column. */
const MISSING = new Set(['42P01', '42883', '3F000', '42704', '42703']);

/** Whether nothing is to be done. */
function isDone(host: HostView, query: ServiceQuery<Answer<boolean>>): boolean {
  const fact = host.fact(query);
  if (fact.ok) return fact.value;
  if (host.checkMode && host.uncertain(query) !== undefined && MISSING.has(fact.trouble.sqlstate ?? '')) return false;
  return refuse(fact.trouble.msg, fact.trouble.remedy);
}

/** The first words of a statement, for reports. */
function titleOf(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function planQuery(args: QueryArgs, host: HostView): Plan {
  const login = loginOf(args, databaseOf(args), host, 'user');
  let questions: readonly Question[];
  try {
    questions = questionsOf(args);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error), 'give one value for each place in the statement');
  }
  const prologue = prologueOf(args);
  const resource = `query ${titleOf(args.query[0] ?? '')}`;
  const now = serverOf(host, login);
  if (args.read_only && now === undefined) return { type: 'unknown', because: 'the server does not run yet; it is asked once it does' };
  if (!args.read_only) refuseStandby(host, login);
  const mode = args.read_only ? 'read only' : args.autocommit ? 'autocommit' : 'read write';
  const others = postgresKinds();
  const text = args.query.map((q) => `${q.trim().replace(/;$/, '')};\n`).join('');
  if (args.unless !== undefined) {
    const query = holds({ login, text: args.unless, prologue: prologueOf({ search_path: args.search_path, autocommit: false }) });
    if (now !== undefined && isDone(host, query)) return converge([]);
    const change: ServiceChange = {
      resource,
      what: 'run',
      diff: { before: '', after: text },
      effects: [forgetKinds(...others), query.is({ ok: true, value: true })],
      call: async (port) => {
        await port.clients.get(postgres, login).statements(questions, mode, prologue, port);
      },
    };
    return converge([change]);
  }
  return action({
    resource,
    what: args.read_only ? 'ask' : 'run',
    mutates: !args.read_only,
    effects: args.read_only ? [] : [forgetKinds(...others, 'postgres-holds', 'command-output', 'command-status')],
    perform: {
      type: 'conversation',
      converse: async (port) => {
        try {
          const answers = await port.service.clients.get(postgres, login).statements(questions, mode, prologue, port.service);
          return { changed: !args.read_only && hasChanged(answers), values: registeredOf(answers, questions), ...(args.read_only ? {} : { diff: { before: '', after: text } }) };
        } catch (error) {
          if (!(error instanceof PostgresTrouble)) throw error;
          return { changed: false, failed: true, msg: error.message, values: { query: questions.at(-1)?.text ?? '', sqlstate: error.trouble.sqlstate ?? null } };
        }
      },
    },
  });
}

export const postgresqlQuery = defineModule({
  name: 'postgresql_query',
  summary: 'Run SQL on a PostgreSQL server',
  description: `Runs statements with their values as parameters. As in Ansible a SELECT counts as unchanged, and INSERT, UPDATE and DELETE as changed when rows were
touched. Say \`read_only: true\` for what only reads, so that check mode runs it too, and \`unless\` for what is to be done once: check mode then predicts
it exactly, and apply confirms it. Anything else is predicted as a change. A value that is secret is sent as it is, and a server with log_statement may
write it to its log: passwords are postgresql_user's.`,
  args: QueryArgs,
  freeForm: 'query',
  secretArgs: SECRET_LOGIN_ARGS,
  returns: {
    query_result: 'rows of the last statement, each a map of its columns',
    query_all_results: 'the same of every statement',
    rowcount: 'rows that the statements gave or touched',
    statusmessage: 'what the server said to the last one, such as `UPDATE 1`',
    query: 'the last statement as it was sent',
  },
  examples: [
    { title: 'Ask', yaml: 'postgresql_query:\n  login_db: care\n  query: SELECT count(*) AS n FROM patient WHERE created < %s\n  positional_args: ["2026-01-01"]\n  read_only: true\n  login_password: "{{ postgres_admin_password }}"\nregister: patients' },
    { title: 'Do once', yaml: "postgresql_query:\n  login_db: care\n  query: SELECT partman.create_parent('audit.event', 'created', '1 month')\n  unless: SELECT true FROM partman.part_config WHERE parent_table = 'audit.event'\n  login_password: \"{{ postgres_admin_password }}\"" },
  ],
  queries(args, host) {
    const login = loginOf(args, databaseOf(args), host, 'user');
    return asked(host, login, args.unless === undefined ? [] : [holds({ login, text: args.unless, prologue: prologueOf({ search_path: args.search_path, autocommit: false }) })]);
  },
  plan: (args, host) => planned(() => planQuery(args, host)),
});
