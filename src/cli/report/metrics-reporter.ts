/** `--metrics FILE`: written when the run begins, so that one that hangs or dies can be told, and again when it has ended. */
import { readFileSync } from 'node:fs';
import { Diagnostic } from '../../support/diagnostic.ts';
import { isMissing } from '../../support/missing.ts';
import type { CliReporter } from '../reporters/cli-reporter.ts';
import { wholeFile } from '../terminal/whole-file.ts';
import { Collector } from './collect.ts';
import { beginning, ending, metricsText, readMetrics, type RunLabels } from './metrics.ts';

/** Read by node_exporter, which is another user; there is nothing secret in it. */
const MODE = 0o644;
/** Bytes of an earlier file that are looked at. */
const MOST_BYTES = 1024 * 1024;

/** The text of an earlier file; empty when there is none, or it is none of ours. */
export function earlierMetrics(file: string): string {
  try {
    const bytes = readFileSync(file);
    return bytes.length <= MOST_BYTES ? bytes.toString('utf8') : '';
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

/**
 * @param failedNotifications tells, once it is known, how many could not be sent; undefined when none were to be
 * @param now milliseconds since 1970
 * @throws Diagnostic when the file cannot be written, or has a name that node_exporter passes over
 */
export function metricsReporter(file: string, labels: RunLabels, failedNotifications: () => Promise<number | undefined>, now: () => number = Date.now): CliReporter {
  // collector/textfile.go of node_exporter: files whose name does not end in .prom are ignored.
  if (!file.endsWith('.prom')) throw new Diagnostic({ kind: 'usage', code: 'metrics-file', summary: `--metrics ${file}: node_exporter reads only files whose name ends in .prom`, remedy: `name it ${file}.prom` });
  const out = wholeFile(file, '--metrics', MODE);
  const seconds = (): number => Math.round(now()) / 1000;
  const begun = beginning(readMetrics(earlierMetrics(file), labels), labels, seconds());
  out.write(metricsText(begun));
  const collector = new Collector();
  return {
    event(event) {
      collector.event(event);
    },
    aborted(error, status) {
      collector.aborted(error, status);
    },
    async close() {
      const failed = await failedNotifications();
      out.write(metricsText(ending(begun, labels, collector.report(), seconds(), failed)));
    },
  };
}
