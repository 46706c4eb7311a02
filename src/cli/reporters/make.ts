/** The reporters that the command line's options ask for. */
import { Diagnostic } from '../../support/diagnostic.ts';
import type { CliContext } from '../context.ts';
import type { OutputFormat } from '../options.ts';
import { fileOutput } from '../terminal/output.ts';
import { combineReporters, type CliReporter } from './cli-reporter.ts';
import { jsonReporter } from './json.ts';
import { junitReporter } from './junit.ts';
import { textReporter } from './text.ts';

export interface ReportOptions {
  readonly format: OutputFormat;
  readonly file: string | undefined;
  readonly verbose: number;
  readonly diff: boolean;
}

/**
 * A format without a file has stdout for itself; with a file, text goes on to stdout.
 *
 * @throws Diagnostic `usage` for a file without json or junit, `failed` for a file that cannot be opened
 */
export function makeReporter(context: CliContext, options: ReportOptions): CliReporter {
  const text = (): CliReporter =>
    textReporter(context.stdout, {
      verbose: options.verbose,
      diff: options.diff,
      paint: context.paint,
      live: context.stdout.isTTY && context.environment['TERM'] !== 'dumb' && (context.environment['CI'] ?? '') === '',
    });
  if (options.format === 'text') {
    if (options.file !== undefined) throw new Diagnostic({ kind: 'usage', code: 'output-file', summary: '--output-file needs --output json or --output junit' });
    return text();
  }
  const output = options.file === undefined ? context.stdout : fileOutput(options.file);
  const json = (): CliReporter => (options.diff ? jsonReporter(output) : withoutDiffs(jsonReporter(output)));
  const format = options.format === 'json' ? json() : junitReporter(output);
  return options.file === undefined ? format : combineReporters([text(), format]);
}

/** A run's events carry differences for the history; a reader that was not asked for them is not given them. */
function withoutDiffs(reporter: CliReporter): CliReporter {
  return {
    ...reporter,
    event(event) {
      if (event.type === 'change') {
        const { diff: _diff, ...rest } = event;
        reporter.event(rest);
      } else reporter.event(event);
    },
  };
}
