import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beginning, ending, METRICS, metricsText, readMetrics, type RunLabels } from '../../../../src/cli/report/metrics.ts';
import { metricsReporter } from '../../../../src/cli/report/metrics-reporter.ts';
import { badInput, ExitStatus } from '../../../../src/support/diagnostic.ts';
import { gathered } from './gathered.ts';
import { night, NOW, start, summary } from './sample.ts';

const LABELS: RunLabels = { inventory: 'inventory/production', playbook: 'site.yml', mode: 'check' };
const root = path.join(import.meta.dirname, '..', '..', '..', '..');

/** Series by name and labels, by the letter of the text format: HELP, TYPE, then samples, each metric once, no timestamps, a final newline. */
function parsed(text: string): Map<string, number> {
  expect(text.endsWith('\n')).toBe(true);
  const series = new Map<string, number>();
  const finished = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (help !== null) {
      current = help[1] ?? '';
      expect(finished).not.toContain(current);
      finished.add(current);
      continue;
    }
    if (line.startsWith('# TYPE ')) {
      expect(line).toBe(`# TYPE ${current} gauge`);
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)+)\} (-?\d+(?:\.\d+)?)$/.exec(line);
    expect(sample, line).not.toBeNull();
    expect(sample?.[1]).toBe(current);
    const key = `${sample?.[1] ?? ''}{${sample?.[2] ?? ''}}`;
    expect(series.has(key), key).toBe(false);
    series.set(key, Number(sample?.[3]));
  }
  return series;
}

const OF = 'inventory="inventory/production",playbook="site.yml",mode="check"';
const full = (name: string, more = ''): string => `care_provision_run_${name}{${OF}${more}}`;

describe('a night', () => {
  const begun = beginning([], LABELS, 1000);
  const series = parsed(metricsText(ending(begun, LABELS, gathered(night()), NOW / 1000, 1)));

  test('every metric that there is has a value, and the page, the mail and these agree', () => {
    expect([...new Set([...series.keys()].map((key) => key.replace(/\{.*/, '').replace('care_provision_run_', '')))].sort()).toEqual(Object.keys(METRICS).filter((name) => name !== 'last_success_timestamp_seconds').sort());
    expect(Object.fromEntries(['failed', 'unreachable', 'unfinished', 'unknown', 'drifted', 'converged'].map((state) => [state, series.get(full('hosts', `,state="${state}"`))]))).toEqual({ failed: 1, unreachable: 1, unfinished: 0, unknown: 1, drifted: 4, converged: 5 });
    expect(series.get(full('exit_status'))).toBe(3);
    expect(series.get(full('in_progress'))).toBe(0);
    expect(series.get(full('start_timestamp_seconds'))).toBe(1000);
    expect(series.get(full('duration_seconds'))).toBe(93.4);
    expect(series.get(full('notifications_failed'))).toBe(1);
    expect(series.get(full('certificate_earliest_end_timestamp_seconds'))).toBe(Date.parse('2026-11-29T03:00:00Z') / 1000);
    expect(series.get(full('backup_oldest_timestamp_seconds'))).toBe(Date.parse('2026-11-22T01:20:00Z') / 1000);
    expect(series.get(full('unsupported_versions'))).toBe(1);
    expect(series.get(full('certificates_unreadable'))).toBe(1);
    expect(series.get(full('backups_absent'))).toBe(1);
    expect(series.get(full('role_tasks', ',role="postgres",status="failed"'))).toBe(1);
  });

  test('a failed night does not touch the last success, a good one sets it', () => {
    const good = ending(begun, LABELS, gathered({ events: [[0, start('check', ['a'])], [1, summary(2, { a: { changed: 1 } })]] }), 2000, undefined);
    expect(parsed(metricsText(good)).get(full('last_success_timestamp_seconds'))).toBe(2000);
    // Nobody has looked for any: not the same as that all are there.
    expect([parsed(metricsText(good)).has(full('backups_absent')), parsed(metricsText(good)).has(full('certificates_unreadable'))]).toEqual([false, false]);
    const bad = ending(beginning(good, LABELS, 3000), LABELS, gathered(night()), 4000, undefined);
    expect(parsed(metricsText(bad)).get(full('last_success_timestamp_seconds'))).toBe(2000);
    expect(parsed(metricsText(bad)).has(full('notifications_failed'))).toBe(false);
  });
});

test('names of roles, hosts and paths cannot break the format, and are read back as they were', () => {
  const evil = { inventory: 'a"b\\c\nd{}', playbook: 'x,y="1"', mode: 'apply' };
  const samples = beginning([], evil, 5);
  expect(parsed(metricsText(samples)).size).toBe(2);
  expect(readMetrics(metricsText(samples), evil)).toEqual(samples);
  expect(readMetrics(metricsText(samples), LABELS)).toEqual([]);
  expect(readMetrics('care_provision_run_nonsense{} 1\nnode_load1 3\ncare_provision_run_hosts{ 1\n', LABELS)).toEqual([]);
});

test('roles beyond fifty have no series of their own', () => {
  const report = { ...gathered(night()), roles: Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`role${String(i)}`, gathered(night()).total])) };
  const text = metricsText(ending([], LABELS, report, 1, undefined));
  expect(text.split('\n').filter((line) => line.startsWith('care_provision_run_role_tasks'))).toHaveLength(200);
});

describe('the file', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'care-metrics-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const value = (file: string, name: string): number | undefined => parsed(readFileSync(file, 'utf8')).get(full(name));

  test('says that a run is under way, then how it ended, keeps the last success, and is for all to read', async () => {
    const file = path.join(directory, 'care.prom');
    let now = 1_000_000;
    const good = metricsReporter(file, LABELS, () => Promise.resolve(undefined), () => now);
    expect(value(file, 'in_progress')).toBe(1);
    expect(value(file, 'start_timestamp_seconds')).toBe(1000);
    now = 2_000_000;
    for (const event of [start('check', ['a']), summary(0, { a: { ok: 1 } })]) good.event(event);
    await good.close();
    expect([value(file, 'in_progress'), value(file, 'last_success_timestamp_seconds'), value(file, 'exit_status')]).toEqual([0, 2000, 0]);
    expect(statSync(file).mode & 0o777).toBe(0o644);
    // The next one hangs: what the one before said is there still, but that one is under way.
    now = 90_000_000;
    metricsReporter(file, LABELS, () => Promise.resolve(undefined), () => now);
    expect([value(file, 'in_progress'), value(file, 'start_timestamp_seconds'), value(file, 'end_timestamp_seconds'), value(file, 'last_success_timestamp_seconds')]).toEqual([1, 90_000, 2000, 2000]);
    // One that ends before it began has a status and no hosts.
    now = 91_000_000;
    const aborted = metricsReporter(file, LABELS, () => Promise.resolve(2), () => now);
    aborted.aborted(badInput('x', 'y'), ExitStatus.badInput);
    await aborted.close();
    expect([value(file, 'in_progress'), value(file, 'exit_status'), value(file, 'notifications_failed'), value(file, 'last_success_timestamp_seconds')]).toEqual([0, 65, 2, 2000]);
    // Nothing half-written is left beside it.
    expect(readdirSync(directory)).toEqual(['care.prom']);
  });

  test('that node_exporter would pass over, or that cannot be written, is refused before the run', () => {
    const none = (): Promise<undefined> => Promise.resolve(undefined);
    expect(() => metricsReporter(path.join(directory, 'care.txt'), LABELS, none)).toThrow(/\.prom/);
    expect(() => metricsReporter(path.join(directory, 'none', 'care.prom'), LABELS, none)).toThrow(/there is no directory/);
  });
});

/** Prometheus' own checker: on the path, or named by CARE_PROMTOOL. */
const promtool = [process.env['CARE_PROMTOOL'], '/usr/bin/promtool', '/usr/local/bin/promtool'].find((file) => file !== undefined && existsSync(file));

describe.skipIf(promtool === undefined)(`by promtool${promtool === undefined ? ' (skipped: it is not on this machine)' : ''}`, () => {
  test('the metrics pass its lint', () => {
    const text = metricsText(ending(beginning([], LABELS, 1000), LABELS, gathered(night()), NOW / 1000, 1));
    const checked = spawnSync(promtool ?? '', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect([checked.status, checked.stdout, checked.stderr]).toEqual([0, '', '']);
  });

  test('the rules of docs/reports.md tell a missed, a hung, a failed run and a drift', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'care-rules-'));
    try {
      const rules = /```yaml\n(groups:[\s\S]*?)```/.exec(readFileSync(path.join(root, 'docs', 'reports.md'), 'utf8'))?.[1] ?? '';
      writeFileSync(path.join(directory, 'rules.yml'), rules);
      const of = '{inventory="i", playbook="site.yml", mode="apply"}';
      const series = (name: string, values: string): string => `      - {series: 'care_provision_run_${name}${of}', values: '${values}'}`;
      const alert = (at: string, name: string): string => `      - {eval_time: ${at}, alertname: ${name}, exp_alerts: [{exp_labels: {severity: ${name.endsWith('Drift') ? 'info' : 'critical'}, inventory: i, playbook: site.yml, mode: apply${name.endsWith('Drift') ? ', state: drifted' : ''}}}]}`;
      const quiet = (at: string, name: string): string => `      - {eval_time: ${at}, alertname: ${name}, exp_alerts: []}`;
      const tests = [
        'rule_files: [rules.yml]', 'evaluation_interval: 10m', 'tests:', '  - interval: 10m', '    input_series:',
        series('start_timestamp_seconds', '0x400'), series('in_progress', '1x400'), series('exit_status', '3x400'), series('last_success_timestamp_seconds', '0x400'),
        `      - {series: 'care_provision_run_hosts{inventory="i", playbook="site.yml", mode="apply", state="drifted"}', values: '2x400'}`,
        '    alert_rule_test:',
        quiet('1h', 'CareProvisionRunStuck'), alert('4h', 'CareProvisionRunStuck'), quiet('20h', 'CareProvisionRunMissed'), alert('28h', 'CareProvisionRunMissed'), alert('1h', 'CareProvisionRunFailed'), alert('1h', 'CareProvisionDrift'), alert('60h', 'CareProvisionNoSuccess'),
      ];
      writeFileSync(path.join(directory, 'tests.yml'), `${tests.join('\n')}\n`);
      // Annotations are text for people; the labels decide.
      writeFileSync(path.join(directory, 'rules.yml'), rules.replaceAll(/\n +annotations:[^\n]*/g, ''));
      execFileSync(promtool ?? '', ['check', 'rules', path.join(directory, 'rules.yml')], { encoding: 'utf8' });
      const tested = spawnSync(promtool ?? '', ['test', 'rules', path.join(directory, 'tests.yml')], { encoding: 'utf8' });
      expect(tested.stdout + tested.stderr).toContain('SUCCESS');
      expect(tested.status).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
