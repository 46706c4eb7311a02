/** Rows of the history's tables as the types that the rest of the program knows; the same for every database. */
import { z } from 'zod';
import { COUNT_NAMES } from './migrations.ts';
import type { ChangeRow, RecordedCounts, RecordedMode, Revision, RunDetails, RunSummary, Seen, Sighting, SlowTask, TaskRow, WarningRow } from './store.ts';

export type Row = Readonly<Record<string, unknown>>;

const count = z.int();
const Counts = z.object({ ok: count, changed: count, failed: count, unreachable: count, skipped: count, unknown: count, rescued: count, ignored: count });
const Words = z.array(z.string());
const Revisions = z.array(z.object({ of: z.enum(['inventory', 'playbook', 'roles']), path: z.string(), commit: z.string().nullable(), branch: z.string().nullable(), dirty: z.boolean().nullable() }));
const Roles = z.record(z.string(), Counts);
const Slowest = z.array(z.object({ host: z.string(), role: z.string(), task: z.string(), seconds: z.number() }));
const ObservedGroups = z.array(
  z.object({
    observation: z.object({ subject: z.enum(['certificate', 'backup', 'version']), name: z.string(), time: z.string().exactOptional(), version: z.string().exactOptional(), state: z.string().exactOptional() }),
    hosts: Words,
    hostCount: count,
  }),
);
const SeenBefore = z.object({ modified: z.string(), owner: z.string() });

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new Error(`history: column ${column} is not text`);
  return value;
}

function optionalText(row: Row, column: string): string | null {
  return row[column] === null || row[column] === undefined ? null : text(row, column);
}

function number(row: Row, column: string): number {
  const value = Number(row[column]);
  if (Number.isNaN(value)) throw new Error(`history: column ${column} is not a number`);
  return value;
}

function optionalNumber(row: Row, column: string): number | null {
  return row[column] === null || row[column] === undefined ? null : number(row, column);
}

function json<T>(row: Row, column: string, schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(text(row, column)));
}

export function countsOf(row: Row): RecordedCounts {
  return Counts.parse(Object.fromEntries(COUNT_NAMES.map((name) => [name, number(row, `${name}_count`)])));
}

function modeOf(row: Row): RecordedMode {
  const mode = text(row, 'mode');
  if (mode === 'apply' || mode === 'check' || mode === 'verify') return mode;
  throw new Error(`history: unknown mode ${mode}`);
}

function revisionsOf(row: Row): readonly Revision[] {
  return json(row, 'revisions', Revisions);
}

export function summaryOf(row: Row): RunSummary {
  return {
    id: text(row, 'id'),
    startedAt: text(row, 'started_at'),
    endedAt: optionalText(row, 'ended_at'),
    mode: modeOf(row),
    inventory: text(row, 'inventory'),
    playbook: text(row, 'playbook'),
    version: text(row, 'version'),
    controller: text(row, 'controller'),
    user: text(row, 'user_name'),
    origin: optionalText(row, 'origin'),
    arguments: json(row, 'arguments', Words),
    revisions: revisionsOf(row),
    status: optionalNumber(row, 'status'),
    seconds: optionalNumber(row, 'seconds'),
    hostCount: number(row, 'host_count'),
    total: countsOf(row),
  };
}

/** What of a run's own row only `history show` tells. */
export function endOf(row: Row): Pick<RunDetails, 'roles' | 'observations'> & { readonly slowest: readonly SlowTask[] } {
  return { roles: json(row, 'roles', Roles), slowest: json(row, 'slowest', Slowest), observations: json(row, 'observations', ObservedGroups) };
}

export function hostOf(row: Row): [string, RecordedCounts | null] {
  return [text(row, 'host'), number(row, 'finished') === 1 ? countsOf(row) : null];
}

export function taskOf(row: Row): TaskRow {
  return {
    type: 'task',
    host: text(row, 'host'),
    play: text(row, 'play'),
    role: text(row, 'role'),
    task: text(row, 'task'),
    module: text(row, 'module'),
    status: text(row, 'status'),
    seconds: number(row, 'seconds'),
    item: optionalText(row, 'item'),
    place: text(row, 'place'),
    handler: number(row, 'handler') === 1,
    message: optionalText(row, 'message'),
    at: optionalText(row, 'noted_at'),
  };
}

export function changeOf(row: Row): ChangeRow {
  const seen: Seen | null = optionalText(row, 'seen') === null ? null : json(row, 'seen', SeenBefore);
  return {
    type: 'change',
    host: text(row, 'host'),
    role: text(row, 'role'),
    task: text(row, 'task'),
    resource: text(row, 'resource'),
    what: text(row, 'what'),
    handler: number(row, 'handler') === 1,
    unknown: number(row, 'uncertain') === 1,
    diff: optionalText(row, 'diff'),
    seen,
    delegatedTo: optionalText(row, 'delegated_to'),
    at: optionalText(row, 'noted_at'),
  };
}

export function warningOf(row: Row): WarningRow {
  return { type: 'warning', host: optionalText(row, 'host'), message: text(row, 'message'), at: optionalText(row, 'noted_at') };
}

export function sightingOf(row: Row): Sighting {
  return {
    run: text(row, 'run_id'),
    startedAt: text(row, 'started_at'),
    mode: modeOf(row),
    inventory: text(row, 'inventory'),
    controller: text(row, 'controller'),
    user: text(row, 'user_name'),
    revisions: revisionsOf(row),
    change: changeOf(row),
  };
}
