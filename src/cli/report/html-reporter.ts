/** `--report FILE`: the run's report as an HTML file, written when the run has ended, however it ended. */
import type { CliReporter } from '../reporters/cli-reporter.ts';
import { wholeFile } from '../terminal/whole-file.ts';
import { Collector } from './collect.ts';
import { runHtml } from './html.ts';

/** Diffs of configuration files are nobody else's business. */
const MODE = 0o600;

/** @param now milliseconds since 1970 @throws Diagnostic when the file cannot be written */
export function htmlReporter(file: string, now: () => number = Date.now): CliReporter {
  const out = wholeFile(file, '--report', MODE);
  const collector = new Collector();
  let started: number | undefined;
  return {
    event(event) {
      started ??= now();
      collector.event(event, (now() - started) / 1000);
    },
    aborted(error, status) {
      collector.aborted(error, status);
    },
    async close() {
      await Promise.resolve();
      out.write(runHtml(collector.report(), now()));
    },
  };
}
