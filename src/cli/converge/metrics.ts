/** The nightly run as metrics for node_exporter's textfile collector: what is known of it at any time, and of its last run as of any. */
import { statSync } from 'node:fs';
import path from 'node:path';
import type { Health } from '../../run/converge/health.ts';
import type { ConvergeRecord } from '../../state/converge-record.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { beginning, ending, expositionText, metricsText, readMetrics, type RunLabels } from '../report/metrics.ts';
import { earlierMetrics } from '../report/metrics-reporter.ts';
import type { RunReport } from '../report/model.ts';
import { wholeFile } from '../terminal/whole-file.ts';
import { metricsFiles } from './names.ts';

const MODE = 0o644;

/** In the order of the file. What each is for stands in docs/converge.md. */
const METRICS = {
  last_start_timestamp_seconds: 'When the newest nightly run began, in Unix time.',
  last_end_timestamp_seconds: 'When the newest nightly run that came to an end did so, in Unix time.',
  last_success_timestamp_seconds: 'When a nightly run last reached every host and failed on none, in Unix time.',
  since_timestamp_seconds: 'Since when nightly runs are to come, in Unix time: what has not happened yet counts from then.',
  interval_seconds: 'The longest time between two runs that are due by the schedule.',
  in_progress: 'Whether a run has begun and not ended; stays 1 after one that was killed.',
  timeout_seconds: 'How long a run may take.',
  exit_status: 'Exit status of the newest ended run.',
  mended_changes: 'Changes that the newest ended run has made.',
  left_changes: 'Changes that the newest ended run has found and left as they are.',
  recurring_changes: 'Things of the newest ended run that keep coming back, three times within 30 days; missing when the history could not be read.',
  restrained: 'Whether the policy kept the newest ended run from mending something.',
  told: 'Whether everybody who was to be told of the newest ended run has been; missing when there was nothing to say.',
  missed: 'Whether a run that was due has not begun, when somebody last looked.',
  hung: 'Whether a run did not come to an end, when somebody last looked.',
  died: 'Whether a run had ended without a word, when somebody last looked.',
  watch_timestamp_seconds: 'When somebody last looked whether a run was missed, hangs or has died, in Unix time.',
} as const;

/** What is known of a name besides its runs. */
export interface Expectation {
  /** Longest time between two runs that are due, in seconds; undefined: not known yet. */
  readonly interval: number | undefined;
  /** Since when they are to come, ISO 8601; undefined: not known. */
  readonly since: string | undefined;
  /** When `converge watch` last looked, ISO 8601; undefined: never. A night that ends by itself is no word on whether anybody would see one that does not. */
  readonly looked: string | undefined;
}

/** Of a name that has had no run yet. */
export function noRecord(name: string): ConvergeRecord {
  return { format: 1, name, begun: null, ended: null, lastSuccess: null, said: null };
}

/** @param health what is known besides the record; undefined: nobody has looked */
export function convergeMetrics(record: ConvergeRecord, health: Health | undefined, { interval, since, looked }: Expectation): string {
  const labels = { name: record.name };
  const { begun, ended } = record;
  const seconds = (at: string | null | undefined): number | undefined => (at === null || at === undefined ? undefined : Date.parse(at) / 1000);
  const flag = (value: boolean | null | undefined): number | undefined => (value === null || value === undefined ? undefined : value ? 1 : 0);
  const ill = (what: string): number | undefined => (health === undefined ? undefined : flag(health.ailments.some((one) => one.what === what)));
  const values: Readonly<Record<keyof typeof METRICS, number | undefined>> = {
    last_start_timestamp_seconds: seconds(begun?.at),
    last_end_timestamp_seconds: seconds(ended?.at),
    last_success_timestamp_seconds: seconds(record.lastSuccess),
    since_timestamp_seconds: seconds(since),
    interval_seconds: interval,
    in_progress: flag(begun !== null && (ended === null || ended.at < begun.at)),
    timeout_seconds: begun?.timeout,
    exit_status: ended?.status,
    mended_changes: ended?.mended,
    left_changes: ended?.leftCount,
    recurring_changes: ended?.recurring,
    restrained: flag(ended === null ? undefined : ended.restraint !== ''),
    told: flag(ended?.told),
    missed: ill('missed'),
    hung: ill('hung'),
    died: ill('died'),
    watch_timestamp_seconds: seconds(looked),
  };
  return expositionText('care_converge_', METRICS, Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [{ name, labels, value }])));
}

/** Writes what is known, whole. @throws Diagnostic `usage` when the directory cannot be written */
export function writeConvergeMetrics(directory: string, record: ConvergeRecord, health: Health | undefined, expected: Expectation): void {
  wholeFile(metricsFiles(directory, record.name).converge, '--metrics', MODE).write(convergeMetrics(record, health, expected));
}

/**
 * The metrics of one night: its own, and those of its run.
 *
 * @throws Diagnostic `usage` when the directory is none, or cannot be written
 */
export function nightMetrics(directory: string, name: string, inventory: string, playbooks: readonly string[], now: () => number): { begun(record: ConvergeRecord, expected: Expectation): void; ended(record: ConvergeRecord, expected: Expectation, report: RunReport, failed: number | undefined): void } {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) throw new Diagnostic({ kind: 'usage', code: 'metrics-directory', summary: `--metrics ${directory}: there is no such directory`, remedy: "give node_exporter's, e.g. /var/lib/prometheus/node-exporter" });
  const file = metricsFiles(directory, name).run;
  const labels: RunLabels = { inventory, playbook: playbooks.length === 0 ? 'site.yml' : playbooks.map((one) => path.basename(one)).join(','), mode: 'converge' };
  const out = wholeFile(file, '--metrics', MODE);
  const seconds = (): number => Math.round(now()) / 1000;
  const begun = beginning(readMetrics(earlierMetrics(file), labels), labels, seconds());
  return {
    begun(record, expected) {
      out.write(metricsText(begun));
      writeConvergeMetrics(directory, record, undefined, expected);
    },
    ended(record, expected, report, failed) {
      out.write(metricsText(ending(begun, labels, report, seconds(), failed)));
      writeConvergeMetrics(directory, record, { running: undefined, ailments: [] }, expected);
    },
  };
}
