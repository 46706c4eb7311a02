/** The user's statements with their arguments, and what their answers come to. */
import type { Answered, Parameter, Question } from '../../services/postgres/client.ts';
import { ident, listOf, raw, sql, type Sql } from '../../services/postgres/sql.ts';
import { Secret } from '../../support/secret.ts';
import { isMap, type Value, type ValueMap } from '../../support/value.ts';
import { valueOf } from '../common/postgres/value.ts';
import type { Argument, QueryArgs } from './schema.ts';

function parameter(argument: Argument): Parameter {
  return argument instanceof Secret ? argument.reveal() : argument;
}

/** Ansible's placeholders (psycopg's `%s`, `%(name)s` and `%%`) become PostgreSQL's; `$1` stays. @throws Error that says which is wrong */
export function questionsOf(args: Pick<QueryArgs, 'query' | 'positional_args' | 'named_args'>): readonly Question[] {
  const [first = ''] = args.query;
  if (args.named_args !== undefined) return [named(first, args.named_args)];
  if (args.positional_args !== undefined) return [positional(first, args.positional_args)];
  return args.query.map((text) => ({ text, values: [] }));
}

function named(text: string, given: Readonly<Record<string, Argument>>): Question {
  const numbers = new Map<string, number>();
  const values: Parameter[] = [];
  const written = text.replaceAll(/%(?:%|\(([^)]*)\)s)/g, (_all, name: string | undefined) => {
    if (name === undefined) return '%';
    const argument = given[name];
    if (argument === undefined) throw new Error(`named_args has no ${name}`);
    const known = numbers.get(name) ?? values.push(parameter(argument));
    numbers.set(name, known);
    return `$${String(known)}`;
  });
  return { text: written, values };
}

function positional(text: string, given: readonly Argument[]): Question {
  const values = given.map(parameter);
  if (/\$\d/.test(text)) return { text, values };
  let used = 0;
  const written = text.replaceAll(/%[%s]/g, (all) => {
    if (all === '%%') return '%';
    used += 1;
    return `$${String(used)}`;
  });
  if (used !== values.length) throw new Error(`the statement has ${String(used)} places for values, and positional_args has ${String(values.length)}`);
  return { text: written, values };
}

/** Set up before the statements, in their transaction. */
export function prologueOf(args: Pick<QueryArgs, 'search_path' | 'autocommit'>): readonly Sql[] {
  if (args.search_path === undefined) return args.autocommit ? [raw('RESET search_path')] : [];
  const names = listOf(args.search_path.map((name) => ident(name)));
  return [args.autocommit ? sql`SET search_path TO ${names}` : sql`SET LOCAL search_path TO ${names}`];
}

const READING = new Set(['SELECT', 'SHOW', 'EXPLAIN', 'FETCH', 'VALUES', 'BEGIN', 'SET']);
const COUNTING = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY']);

/** As Ansible judges it: by what the server says that it did. */
export function hasChanged(answers: readonly Answered[]): boolean {
  return answers.some((a) => !READING.has(a.command) && !(COUNTING.has(a.command) && a.rowCount === 0));
}

/** What `register` gets, as from Ansible's module. */
export function registeredOf(answers: readonly Answered[], questions: readonly Question[]): ValueMap {
  const rowsOf = (answer: Answered | undefined): readonly Value[] => (answer?.rows ?? []).map((row) => valueOf(row));
  const last = answers.at(-1);
  return {
    query: questions.at(-1)?.text ?? '',
    query_result: rowsOf(last),
    query_all_results: answers.map((a) => rowsOf(a)),
    query_list: questions.map((q) => q.text),
    rowcount: answers.reduce((sum, a) => sum + (a.rowCount ?? 0), 0),
    statusmessage: last === undefined ? '' : last.rowCount === undefined ? last.command : `${last.command} ${String(last.rowCount)}`,
  };
}

/** Whether the first column of the first row says yes. */
export function saysYes(answer: Answered | undefined): boolean {
  const row = answer?.rows[0];
  const column = answer?.columns[0];
  if (row === undefined || column === undefined) return false;
  const cell = valueOf(row[column]);
  if (isMap(cell)) return Object.keys(cell).length > 0;
  return cell !== null && cell !== false && cell !== 0 && cell !== '' && cell !== '0' && !(Array.isArray(cell) && cell.length === 0);
}
