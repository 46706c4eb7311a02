import { definePostgresQuery, type PostgresKey } from '../common/postgres/kind.ts';
import { sameValue } from '../../support/value.ts';
import { STATE_SQL, StateSchema, type State, type Thing } from './state.ts';

export interface GrantsKey extends PostgresKey {
  readonly schemas: readonly string[];
  /** `schema.table`, whose columns are looked at one by one. */
  readonly tables: readonly string[];
}

const keyOf = (t: Thing): string => JSON.stringify([t.type, t.schema, t.name, t.column]);

/** What later tasks have made besides is no contradiction. A column without privileges of its own is not listed. */
export function holds(claimed: State, now: State): boolean {
  const found = new Map(now.things.map((t) => [keyOf(t), t]));
  const thing = (t: Thing): boolean => sameValue(t, found.get(keyOf(t))) || (t.type === 'column' && Object.keys(t.acl).length === 0 && !found.has(keyOf(t)));
  return claimed.things.every(thing) && sameValue(claimed.defaults, now.defaults);
}

/** Who may do what in the login's database. */
export const grantsState = definePostgresQuery<GrantsKey, State>({
  name: 'postgres-grants',
  of: 'database',
  subject: (key) => JSON.stringify([key.schemas, key.tables]),
  describe: (key) => `privileges in database ${key.login.database}`,
  after: ['postgres-database', 'postgres-schema', 'postgres-extension', 'postgres-role', 'postgres-holds', 'postgres-partition-set', 'postgres-owner', 'postgres-acl', 'postgres-partitions'],
  same: holds,
  ask: (keys, read) =>
    Promise.all(keys.map(async (key) => {
      const [row] = await read(STATE_SQL, [key.schemas, key.tables]);
      return StateSchema.parse(row);
    })),
  show: (state) => `${String(state.things.length)} objects, ${String(state.defaults.length)} default privileges`,
});
