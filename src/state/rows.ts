/** Rows of the history's tables as the types that the rest of the program knows; the same for every database. */
import { COUNT_NAMES } from './migrations.ts';
import type { ChangeRow, RecordedCounts, RecordedMode, RunSummary, TaskRow, WarningRow } from './store.ts';

export type Row = Readonly<Record<string, unknown>>;

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

export function countsOf(row: Row): RecordedCounts {
  const counts = Object.fromEntries(COUNT_NAMES.map((name) => [name, number(row, `${name}_count`)]));
  // Sound: COUNT_NAMES are exactly the keys of RecordedCounts.
  return counts as unknown as RecordedCounts;
}

function modeOf(row: Row): RecordedMode {
  const mode = text(row, 'mode');
  if (mode === 'apply' || mode === 'check' || mode === 'verify') return mode;
  throw new Error(`history: unknown mode ${mode}`);
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
    status: optionalNumber(row, 'status'),
    seconds: optionalNumber(row, 'seconds'),
    hostCount: number(row, 'host_count'),
    total: countsOf(row),
  };
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
  };
}

export function changeOf(row: Row): ChangeRow {
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
  };
}

export function warningOf(row: Row): WarningRow {
  return { type: 'warning', host: optionalText(row, 'host'), message: text(row, 'message') };
}
