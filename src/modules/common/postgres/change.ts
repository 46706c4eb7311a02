/** Changes that a PostgreSQL server makes: what `--diff` shows is the SQL that is run. */
import type { ServiceChange } from '../../../host/plan.ts';
import type { Effect } from '../../../host/query.ts';
import { postgres, type Write } from '../../../services/postgres/client.ts';
import type { PostgresLogin } from '../../../services/postgres/login.ts';
import { escapeLiteral, type Sql } from '../../../services/postgres/sql.ts';

export interface SqlChange {
  readonly login: PostgresLogin;
  readonly resource: string;
  readonly what: string;
  readonly statements: readonly Sql[];
  /** Default `together`. */
  readonly how?: Write['how'];
  /** Keep it out of the server's log (a password's verifier). */
  readonly quiet?: boolean;
  readonly effects: readonly Effect[];
}

export function sqlChange(change: SqlChange): ServiceChange {
  const { login, statements } = change;
  const write: Write = { statements, how: change.how ?? 'together', quiet: change.quiet ?? false };
  return {
    resource: change.resource,
    what: change.what,
    diff: { before: '', after: statements.map((s) => `${s.shown};\n`).join('') },
    effects: change.effects,
    call: (port) => port.clients.get(postgres, login).write(write, port),
  };
}

/** `NULL` takes a comment away. */
export function commentText(comment: string): string {
  return comment === '' ? 'NULL' : escapeLiteral(comment).trimStart();
}
