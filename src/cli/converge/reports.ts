/** The pages of nights on which there was something to say: a file each, the newest of them kept. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Diagnostic } from '../../support/diagnostic.ts';
import { runHtml } from '../report/html.ts';
import type { RunReport } from '../report/model.ts';
import { wholeFile } from '../terminal/whole-file.ts';

/** Pages of a name that are kept. */
const KEPT = 90;

/** The directory, made when it is not there. @throws Diagnostic `usage` when it cannot be */
export function reportsDirectory(cwd: string, given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const directory = path.resolve(cwd, given);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Diagnostic({ kind: 'usage', code: 'reports-directory', summary: `--reports ${directory} cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`, cause });
  }
  wholeFile(path.join(directory, 'care.html'), '--reports', 0o600);
  return directory;
}

/** Writes a page and drops the oldest beyond {@link KEPT}. What keeps it from being written is a warning: what the run did stands. */
export function keepReport(directory: string | undefined, name: string, report: RunReport, now: number, warn: (message: string) => void): void {
  if (directory === undefined) return;
  const prefix = `${name}-`;
  const stamp = report.run === '' ? new Date(now).toISOString().replaceAll(/[-:]|\.\d+Z$/g, '').replace('T', '-') : report.run;
  try {
    wholeFile(path.join(directory, `${prefix}${stamp}.html`), '--reports', 0o600).write(runHtml(report, now));
    // Names begin with the time: by name is by age. A name that goes on, as `paris-2-…` for `paris`, is another's.
    const own = readdirSync(directory).filter((file) => file.startsWith(prefix) && /^\d{8}-\d{6}(-[0-9a-f]{6,8})?\.html$/.test(file.slice(prefix.length))).sort();
    for (const file of own.slice(0, Math.max(0, own.length - KEPT))) rmSync(path.join(directory, file), { force: true });
  } catch (error) {
    warn(`the report was not written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
