/**
 * The state of runs as metrics in Prometheus' text format (exposition_formats.md of Prometheus' documentation, version 0.0.4), for
 * node_exporter's textfile collector. Pure. Names and units as Prometheus' "Metric and label naming" has them; what each
 * means stands in docs/reports.md.
 */
import { ExitStatus } from '../../support/diagnostic.ts';
import { COUNTED } from '../reporters/counts.ts';
import { calendars } from './calendar.ts';
import { HOST_STATES, hostsByState, type RunReport } from './model.ts';
import { stateWord } from './words.ts';

const PREFIX = 'care_provision_run_';

/** All gauges, in the order of the file. */
export const METRICS = {
  in_progress: 'Whether a run is under way; stays 1 after one that was killed.',
  start_timestamp_seconds: 'When the newest run began, in Unix time.',
  end_timestamp_seconds: 'When the newest run that came to an end did so, in Unix time.',
  last_success_timestamp_seconds: 'When the newest run ended that reached every host and failed on none, in Unix time.',
  duration_seconds: 'How long the newest ended run took.',
  exit_status: 'Exit status of the newest ended run: 0 converged, 2 drift, 3 failed, 4 unreachable, 65 bad input, 75 locked.',
  hosts: 'Hosts of the newest ended run by how they came out.',
  tasks: 'Tasks of the newest ended run by how they ended.',
  role_tasks: 'Tasks of the newest ended run that were not merely ok, by role.',
  warnings: 'Warnings of the newest ended run.',
  notifications_failed: 'Mails and webhooks of the newest ended run that could not be sent.',
  certificate_earliest_end_timestamp_seconds: 'When the first of the certificates that the newest ended run has seen ends, in Unix time.',
  backup_oldest_timestamp_seconds: 'When the oldest of the backups that the newest ended run has seen was finished, the newest of each kind counted, in Unix time.',
  certificates_unreadable: 'Certificates that the newest ended run has seen and could not read: nobody knows when they end.',
  backups_absent: 'Kinds of backup that the newest ended run has looked for and not found.',
  unsupported_versions: 'Versions that the newest ended run has seen whose support has ended.',
  info: 'Who made the newest run; always 1.',
} as const;
export type MetricName = keyof typeof METRICS;

export type Labels = Readonly<Record<string, string>>;
export interface Sample {
  readonly name: MetricName;
  readonly labels: Labels;
  readonly value: number;
}

/** Roles with metrics of their own: a label must not take any number of values. */
const MOST_ROLES = 50;
const ROLE_STATUSES = ['changed', 'failed', 'unreachable', 'unknown'] as const;

/** What tells runs apart: a time series of each metric for every nightly run that somebody has set up. */
export interface RunLabels {
  readonly inventory: string;
  readonly playbook: string;
  readonly mode: string;
}

/** Statuses of a run that has looked at every host and failed nowhere. */
function succeeded(status: RunReport['status']): boolean {
  return status === ExitStatus.ok || status === ExitStatus.drift;
}

/** What is known when a run begins: the old file's samples, but that a run is under way. @param now seconds since 1970 */
export function beginning(before: readonly Sample[], labels: RunLabels, now: number): readonly Sample[] {
  const of = { ...labels };
  return [...before.filter((s) => s.name !== 'in_progress' && s.name !== 'start_timestamp_seconds'), { name: 'in_progress', labels: of, value: 1 }, { name: 'start_timestamp_seconds', labels: of, value: now }];
}

/**
 * What is known when it has ended.
 *
 * @param before the samples of the run's beginning
 * @param now seconds since 1970
 * @param failedNotifications undefined when none were to be sent
 */
export function ending(before: readonly Sample[], labels: RunLabels, report: RunReport, now: number, failedNotifications: number | undefined): readonly Sample[] {
  const of = { ...labels };
  const begun = before.find((s) => s.name === 'start_timestamp_seconds')?.value ?? now;
  const samples: Sample[] = [];
  const put = (name: MetricName, value: number | undefined, more: Labels = {}): void => {
    if (value !== undefined) samples.push({ name, labels: { ...of, ...more }, value });
  };
  put('in_progress', 0);
  put('start_timestamp_seconds', begun);
  put('end_timestamp_seconds', now);
  put('last_success_timestamp_seconds', succeeded(report.status) ? now : before.find((s) => s.name === 'last_success_timestamp_seconds')?.value);
  put('duration_seconds', report.seconds ?? now - begun);
  put('exit_status', report.status ?? ExitStatus.internal);
  const states = hostsByState(report);
  for (const state of HOST_STATES) put('hosts', states[state], { state: stateWord(state, report) });
  for (const status of COUNTED) put('tasks', report.total[status], { status });
  for (const [role, counts] of Object.entries(report.roles).slice(0, MOST_ROLES)) for (const status of ROLE_STATUSES) put('role_tasks', counts[status], { role: role === '' ? '(none)' : role, status });
  put('warnings', report.warnings.length);
  put('notifications_failed', failedNotifications);
  const times = (subject: string): readonly number[] => report.observations.flatMap((seen) => (seen.subject === subject && seen.time !== undefined ? [Date.parse(seen.time) / 1000] : []));
  const least = (numbers: readonly number[]): number | undefined => (numbers.length === 0 ? undefined : Math.min(...numbers));
  put('certificate_earliest_end_timestamp_seconds', least(times('certificate')));
  put('backup_oldest_timestamp_seconds', least(times('backup')));
  // Without a date they would be in no gauge above, and be taken for good. Without any observation nobody has looked.
  const undated = (subject: string): number | undefined => {
    const seen = report.observations.filter((one) => one.subject === subject);
    return seen.length === 0 ? undefined : seen.filter((one) => one.time === undefined).length;
  };
  put('certificates_unreadable', undated('certificate'));
  put('backups_absent', undated('backup'));
  put('unsupported_versions', calendars(report, now * 1000).versions.filter((row) => row.tone === 'bad').length);
  put('info', 1, { version: report.version, controller: report.controller });
  return samples;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/** The whole file of a run's samples. */
export function metricsText(samples: readonly Sample[]): string {
  return expositionText(PREFIX, METRICS, samples);
}

/** Samples of one metric together under its HELP and TYPE, a newline at the end, no timestamps (the collector forbids them). @param metrics by name, with the text for HELP */
export function expositionText(prefix: string, metrics: Readonly<Record<string, string>>, samples: readonly { readonly name: string; readonly labels: Labels; readonly value: number }[]): string {
  return Object.entries(metrics)
    .map(([name, help]) => {
      const own = samples.filter((sample) => sample.name === name);
      if (own.length === 0) return '';
      const lines = own.map(({ labels, value }) => `${prefix}${name}{${Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`).join(',')}} ${String(value)}\n`);
      return `# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} gauge\n${lines.join('')}`;
    })
    .join('');
}

const isMetric = (name: string): name is MetricName => Object.hasOwn(METRICS, name);

/** The samples of an earlier file of these labels. What is not this program's, or of a run set up otherwise, is passed over. */
export function readMetrics(text: string, labels: RunLabels): readonly Sample[] {
  return text.split('\n').flatMap((line): readonly Sample[] => {
    const [, name = '', list = '', number = ''] = /^care_provision_run_(\w+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    const value = Number(number);
    if (!isMetric(name) || number === '' || !Number.isFinite(value)) return [];
    const read = Object.fromEntries([...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [key, text.replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))]));
    return Object.entries(labels).every(([key, text]) => read[key] === text) ? [{ name, labels: read, value }] : [];
  });
}
