/** The statements of a change. */
import { escapeIdentifier } from '../../services/postgres/sql.ts';
import { PUBLIC, type AclStep } from './acl.ts';
import type { DefaultChange, ThingChange } from './desired.ts';
import type { Thing } from './state.ts';

const roleWord = (role: string): string => (role === PUBLIC ? 'PUBLIC' : escapeIdentifier(role));

const KIND_WORDS: Readonly<Record<Thing['type'], string>> = { database: 'DATABASE', schema: 'SCHEMA', table: 'TABLE', column: 'TABLE', sequence: 'SEQUENCE', function: 'ROUTINE' };

function statement(step: AclStep, object: string, column?: string): string {
  const grantable = step.verb === 'grant' && step.privs.every((p) => p.endsWith('*'));
  const privs = step.privs.map((p) => `${p.replace('*', '')}${column === undefined ? '' : ` (${escapeIdentifier(column)})`}`).join(', ');
  const holder = roleWord(step.role);
  if (step.verb === 'grant') return `GRANT ${privs} ON ${object} TO ${holder}${grantable ? ' WITH GRANT OPTION' : ''}`;
  // CASCADE: what its holder has passed on goes with it.
  return `REVOKE ${step.verb === 'revoke' ? '' : 'GRANT OPTION FOR '}${privs} ON ${object} FROM ${holder} CASCADE`;
}

/** One transaction's worth, in order. A right that somebody other than the owner gave is taken back in that one's name. */
export function thingStatements({ before, after, steps }: ThingChange): readonly string[] {
  const object = `${KIND_WORDS[before.type]} ${before.ident}`;
  const column = before.type === 'column' ? before.column : undefined;
  const alter = before.type === 'function' ? 'ROUTINE' : 'TABLE';
  return [
    // Only ALTER … OWNER takes a lock that anybody waits for.
    "SET LOCAL lock_timeout = '5s'",
    ...(before.movable && before.owner !== after.owner ? [`ALTER ${alter} ${before.ident} OWNER TO ${escapeIdentifier(after.owner)}`] : []),
    ...steps.flatMap((step) => {
      const sql = statement(step, object, column);
      return step.by === undefined ? [sql] : [`SET LOCAL ROLE ${escapeIdentifier(step.by)}`, sql, 'RESET ROLE'];
    }),
  ];
}

const PLURALS = { table: 'TABLES', sequence: 'SEQUENCES', function: 'FUNCTIONS' } as const;

export function defaultStatements({ before, steps }: DefaultChange): readonly string[] {
  const head = `ALTER DEFAULT PRIVILEGES FOR ROLE ${escapeIdentifier(before.creator)}${before.schema === '' ? '' : ` IN SCHEMA ${escapeIdentifier(before.schema)}`}`;
  return steps.map((step) => `${head} ${statement(step, PLURALS[before.type])}`);
}
