/** Kinds of questions that a PostgreSQL server answers: what the server says, a refusal included, is the fact. */
import { z } from 'zod';
import { defineServiceQuery } from '../../../host/define-query.ts';
import type { ServiceQuery } from '../../../host/query.ts';
import type { ServicePort } from '../../../services/port.ts';
import { postgres, type Parameter } from '../../../services/postgres/client.ts';
import { describeAddress, loginId, type PostgresLogin } from '../../../services/postgres/login.ts';
import { sameValue } from '../../../support/value.ts';
import { PostgresTrouble, type Trouble } from '../../../services/postgres/trouble.ts';

export type Answer<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly trouble: Trouble };

export interface PostgresKey {
  readonly login: PostgresLogin;
}

/** Reads rows; each has its JSON in the column `fact`. */
export type Read = (text: string, values?: readonly Parameter[]) => Promise<readonly unknown[]>;

export interface PostgresKind<Key extends PostgresKey, Value> {
  readonly name: string;
  /** What is asked about, without the server: equal for equal subjects only. */
  subject(key: Key): string;
  describe(key: Key): string;
  /** Whether the subject belongs to the whole server (a role) or to the login's database (a table). */
  readonly of: 'server' | 'database' | 'login';
  /** Kinds of questions whose subjects this depends on: when one of them is changed, this is asked anew. */
  readonly after?: readonly string[];
  /** All keys have the same login. One value a key, in order. */
  ask(keys: readonly Key[], read: Read): Promise<readonly Value[]>;
  show?(value: Value): string;
  /** Whether a change took; default: structural equality. */
  same?(expected: Value, observed: Value): boolean;
}

const names: string[] = [];

/** Names of the kinds about what a server holds, for what may have changed any of it. */
export function postgresKinds(): readonly string[] {
  return names;
}

const Row = z.object({ fact: z.unknown() });

/** Makes the constructor of a kind's questions. */
export function definePostgresQuery<Key extends PostgresKey, Value>(kind: PostgresKind<Key, Value>): (key: Key) => ServiceQuery<Answer<Value>> & { readonly key: Key } {
  // What the server itself is, no SQL changes.
  if (kind.name !== 'postgres-server') names.push(kind.name);
  const place = (key: Key): string => {
    const at = describeAddress(key.login.at);
    if (kind.of === 'server') return at;
    return kind.of === 'database' ? `${at}/${key.login.database}` : `${key.login.user}${key.login.role === undefined ? '' : `(${key.login.role})`}@${at}/${key.login.database}`;
  };
  const make = defineServiceQuery<Key, Answer<Value>>({
    name: kind.name,
    id: (key) => `${place(key)} ${kind.subject(key)}`.trim(),
    describe: (key) => kind.describe(key),
    same: (expected, observed) => (kind.same === undefined || !expected.ok || !observed.ok ? sameValue(expected, observed) : kind.same(expected.value, observed.value)),
    show: (fact) => (fact.ok ? (kind.show === undefined ? JSON.stringify(fact.value) : kind.show(fact.value)) : fact.trouble.msg),
    answer: (keys, port) => answer(kind, keys, port),
    // A server that is started, stopped or restarted may be another one than before (promoted, restored).
    after: ['unit', ...(kind.after ?? [])],
    passing: (fact) => !fact.ok,
  });
  return (key) => Object.assign(make(key), { key });
}

async function answer<Key extends PostgresKey, Value>(kind: PostgresKind<Key, Value>, keys: readonly Key[], port: ServicePort): Promise<readonly Answer<Value>[]> {
  const groups = new Map<string, Key[]>();
  for (const key of keys) groups.set(loginId(key.login), [...(groups.get(loginId(key.login)) ?? []), key]);
  const answers = new Map<Key, Answer<Value>>();
  await Promise.all([...groups.values()].map(async (group) => {
    const [first] = group;
    if (first === undefined) return;
    const client = port.clients.get(postgres, first.login);
    const read: Read = async (text, values = []) => (await client.read({ text, values }, port)).rows.map((row) => Row.parse(row).fact);
    try {
      const values = await kind.ask(group, read);
      if (values.length !== group.length) throw new Error(`${String(values.length)} answers to ${String(group.length)} questions`);
      values.forEach((value, i) => {
        const key = group[i];
        if (key !== undefined) answers.set(key, { ok: true, value });
      });
    } catch (error) {
      if (!(error instanceof PostgresTrouble)) throw error;
      for (const key of group) answers.set(key, { ok: false, trouble: error.trouble });
    }
  }));
  return keys.map((key) => answers.get(key) ?? { ok: false, trouble: { kind: 'lost', sqlstate: undefined, msg: 'no answer', remedy: undefined } });
}

/** Facts by name, from rows that hold their name; `absent` for those that the server does not know. */
export async function byName<Fact extends { readonly name: string }, Value>(names_: readonly string[], rows: Promise<readonly unknown[]>, schema: z.ZodType<Fact>, value: (fact: Fact) => Value, absent: Value): Promise<readonly Value[]> {
  const found = new Map((await rows).map((row) => schema.parse(row)).map((fact) => [fact.name, fact]));
  return names_.map((name) => {
    const fact = found.get(name);
    return fact === undefined ? absent : value(fact);
  });
}
