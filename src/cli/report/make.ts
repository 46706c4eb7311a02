/** The reports that a run is asked for besides its output. Each is loaded only when it is asked for. */
import path from 'node:path';
import type { CliContext } from '../context.ts';
import type { RunFlags } from '../options.ts';
import type { CliReporter } from '../reporters/cli-reporter.ts';

/** @throws Diagnostic `usage` when a file cannot be written */
export async function extraReporters(context: CliContext, flags: Pick<RunFlags, 'report'>): Promise<readonly CliReporter[]> {
  const reporters: CliReporter[] = [];
  if (flags.report !== undefined) {
    const { htmlReporter } = await import('./html-reporter.ts');
    reporters.push(htmlReporter(path.resolve(context.cwd, flags.report)));
  }
  return reporters;
}
