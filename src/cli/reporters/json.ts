/**
 * JSON Lines: one event a line, the last line always a summary. `docs/json-output.md` is the reference,
 * `schemas/run-event.schema.json` the schema.
 */
import { lineColumn } from '../../support/source.ts';
import { Diagnostic, DiagnosticList, type ExitStatus } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { RunEvent } from '../../run/events.ts';
import type { Output } from '../terminal/output.ts';
import type { CliReporter } from './cli-reporter.ts';
import { NO_COUNTS } from './counts.ts';

/** An error that ended a run before its summary; only JSON Lines have it. */
export interface ErrorLine {
  readonly type: 'error';
  /** `bad-input`, `usage`, `unreachable`, `failed`, `locked`, `interrupted`, or `defect` of this program. */
  readonly kind: Diagnostic['kind'] | 'defect';
  /** Stable kebab-case word, e.g. `unknown-module`. */
  readonly code: string;
  readonly message: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly detail?: string;
  readonly remedy?: string;
}

/** One line of `--output json`. */
export type JsonLine = RunEvent | ErrorLine;

/** Words and names that programs match on; a secret that happens to equal one must not break the format. */
const IDENTIFIERS: ReadonlySet<string> = new Set(['type', 'kind', 'code', 'status', 'mode', 'run', 'time', 'version', 'host', 'role', 'module']);

/** One JSON line with a final newline; known secrets in texts are masked, seconds have three decimals. */
export function jsonLine(line: JsonLine): string {
  const shown = (key: string, value: unknown): unknown => {
    if (typeof value === 'string' && !IDENTIFIERS.has(key)) return maskSecrets(value);
    return typeof value === 'number' && key === 'seconds' ? Math.round(value * 1000) / 1000 : value;
  };
  return `${JSON.stringify(line, shown)}\n`;
}

function diagnosticLine(diagnostic: Diagnostic): ErrorLine {
  const place = diagnostic.span === undefined ? undefined : lineColumn(diagnostic.span.file, diagnostic.span.start);
  return {
    type: 'error',
    kind: diagnostic.kind,
    code: diagnostic.code,
    message: diagnostic.message,
    ...(diagnostic.span === undefined || place === undefined ? {} : { file: diagnostic.span.file.path, line: place.line, column: place.column }),
    ...(diagnostic.detail === undefined ? {} : { detail: diagnostic.detail }),
    ...(diagnostic.remedy === undefined ? {} : { remedy: diagnostic.remedy }),
  };
}

/** The error lines of whatever ended a run. */
export function errorLines(error: unknown): ErrorLine[] {
  if (error instanceof Diagnostic) return [diagnosticLine(error)];
  if (error instanceof DiagnosticList) return error.list.map(diagnosticLine);
  const message = error instanceof Error ? error.message : String(error);
  return [{ type: 'error', kind: 'defect', code: 'defect', message, ...(error instanceof Error && error.stack !== undefined ? { detail: error.stack } : {}) }];
}

/** The summary of a run that ended before it could count anything: every number is zero. */
export function emptySummary(run: string, status: ExitStatus, time: Date): Extract<RunEvent, { type: 'summary' }> {
  return { type: 'summary', run, time: time.toISOString(), status, seconds: 0, total: NO_COUNTS, hosts: {}, roles: {}, slowest: [] };
}

/**
 * @param output where the lines go
 * @param now the clock, for a summary of its own
 */
export function jsonReporter(output: Output, now: () => Date = () => new Date()): CliReporter {
  let run = '';
  let summarised = false;
  // Nothing may follow the summary, so that "the last line is the summary" holds whatever happens.
  const line = (event: JsonLine): void => {
    if (summarised) return;
    summarised = event.type === 'summary';
    output.write(jsonLine(event));
  };
  return {
    event(event) {
      if (event.type === 'start') run = event.run;
      line(event);
    },
    aborted(error, status) {
      for (const each of errorLines(error)) line(each);
      line(emptySummary(run, status, now()));
    },
    async close() {
      await Promise.resolve();
      output.close();
    },
  };
}
