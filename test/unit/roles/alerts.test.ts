/** The alert catalogue of role monitoring: complete, with a page for each alert and a case for each; the cases run in promtool where there is one. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const ROOT = path.join(import.meta.dirname, '..', '..', '..');
const RULES = path.join(ROOT, 'roles', 'monitoring', 'files', 'rules');
const CASES = path.join(import.meta.dirname, 'rules');

const rulesSchema = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^[A-Z][A-Za-z]+$/),
          expr: z.string(),
          for: z.string().regex(/^\d+[smhd]$/),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info', 'none']), route: z.literal('second').optional(), watchdog: z.string().optional() }),
          annotations: z.strictObject({ summary: z.string().min(10), runbook_url: z.string() }),
        }),
      ),
    }),
  ),
});
const casesSchema = z.looseObject({
  rule_files: z.array(z.string()),
  tests: z.array(
    z.looseObject({ alert_rule_test: z.array(z.looseObject({ alertname: z.string(), exp_alerts: z.array(z.looseObject({ exp_labels: z.record(z.string(), z.string()) })).optional() })) }),
  ),
});

const files = readdirSync(RULES).filter((name) => name.endsWith('.yml'));
const alerts = files.flatMap((name) => rulesSchema.parse(parse(readFileSync(path.join(RULES, name), 'utf8'))).groups.flatMap((g) => g.rules.map((rule) => ({ ...rule, file: name }))));
const names = [...new Set(alerts.map((a) => a.alert))];

/** Headings of a page as they are linked to. */
const anchors = (page: string): readonly string[] => readFileSync(path.join(ROOT, 'docs', 'runbooks', page), 'utf8').split('\n').flatMap((line) => (line.startsWith('## ') ? [line.slice(3).toLowerCase()] : []));

describe('the catalogue', () => {
  test('every alert has a page that exists, and every page an alert', () => {
    const linked = alerts.map((a) => /^\{\{ \$externalLabels\.runbooks \}\}\/([a-z-]+\.md)#([a-z]+)$/.exec(a.annotations.runbook_url));
    expect(alerts.filter((_, i) => linked[i] === null)).toEqual([]);
    for (const [i, link] of linked.entries()) {
      expect(link?.[2]).toBe(alerts[i]?.alert.toLowerCase());
      expect(anchors(link?.[1] ?? ''), alerts[i]?.alert).toContain(link?.[2]);
    }
    const pages = readdirSync(path.join(ROOT, 'docs', 'runbooks')).flatMap((page) => anchors(page));
    expect([...pages].sort()).toEqual(names.map((name) => name.toLowerCase()).sort());
  });

  test('an alert has one rule for each severity, and its files are those that the role installs', () => {
    const keys = alerts.map((a) => `${a.alert} ${a.labels.severity}`);
    expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
    const vars = z.looseObject({ monitoring_rule_files: z.array(z.string()) }).parse(parse(readFileSync(path.join(ROOT, 'roles', 'monitoring', 'vars', 'main.yml'), 'utf8')));
    expect([...vars.monitoring_rule_files, 'converge-expected'].map((name) => `${name}.yml`).sort()).toEqual([...files].sort());
  });

  test('a critical alert hides the warning of the same thing alone', () => {
    const config = readFileSync(path.join(ROOT, 'roles', 'monitoring', 'templates', 'alertmanager.yml.hbs'), 'utf8');
    const equal = (/target_matchers: \['severity="warning"'\], equal: \[([^\]]+)\]/.exec(config)?.[1] ?? '').split(', ');
    const twice = names.filter((name) => ['critical', 'warning'].every((severity) => alerts.some((a) => a.alert === name && a.labels.severity === severity)));
    // What a summary names is what tells one alert from the next.
    const told = alerts.filter((a) => twice.includes(a.alert)).flatMap((a) => [...a.annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => `${a.alert}: ${label}`));
    expect(told.filter((one) => !equal.includes(one.split(': ')[1] ?? ''))).toEqual([]);
    expect(told).toContain('FilesystemAlmostFull: mountpoint');
  });

  test('every rule has a case in which it fires, and one in which it does not', () => {
    const cases = readdirSync(CASES).flatMap((name) => casesSchema.parse(parse(readFileSync(path.join(CASES, name), 'utf8'))).tests.flatMap((t) => t.alert_rule_test));
    const fired = new Set(cases.flatMap((c) => (c.exp_alerts ?? []).map((e) => `${c.alertname} ${e.exp_labels['severity'] ?? ''}`)));
    expect(alerts.map((a) => `${a.alert} ${a.labels.severity}`).filter((key) => !fired.has(key))).toEqual([]);
    const silent = new Set(cases.flatMap((c) => (c.exp_alerts === undefined || c.exp_alerts.length === 0 ? [c.alertname] : [])));
    expect(names.filter((name) => name !== 'Watchdog' && !silent.has(name))).toEqual([]);
  });
});

/** Seconds of a duration as rules have it. */
const seconds = (text: string): number => Number(text.slice(0, -1)) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[text.slice(-1)] ?? Number.NaN);
/** Fetched and evaluated every 15 s, gathered by Alertmanager for 10 s. */
const ON_THE_WAY = 15 + 15 + 10;
const TWO_MINUTES = 120;

describe('how soon people are told', () => {
  const page = readFileSync(path.join(ROOT, 'docs', 'roles', 'monitoring.md'), 'utf8');
  const section = page.slice(page.indexOf('## How soon'), page.indexOf('\n## ', page.indexOf('## How soon') + 1));
  const rows = section.split('\n').filter((line) => /^\| \d/.test(line)).map((line) => line.split('|').slice(1, 3).map((cell) => cell.trim()));
  const written = rows.flatMap(([duration = '', named = '']) => [...named.matchAll(/\b[A-Z][a-z]+[A-Z]\w+/g)].map(([name]) => `${name} ${duration}`));

  test('the numbers on the way are those of the role', () => {
    const alertmanager = readFileSync(path.join(ROOT, 'roles', 'monitoring', 'templates', 'alertmanager.yml.hbs'), 'utf8');
    expect(/^ {2}group_wait: (\w+)$/m.exec(alertmanager)?.[1]).toBe('10s');
    const role = z.looseObject({ options: z.looseObject({ monitoring_scrape_seconds: z.looseObject({ default: z.number() }) }) }).parse(parse(readFileSync(path.join(ROOT, 'roles', 'monitoring', 'role.yml'), 'utf8')));
    expect(role.options.monitoring_scrape_seconds.default).toBe(15);
  });

  test('who waits longer than two minutes stands on the page, with how long and why', () => {
    // What a host gathers itself each minute may be a minute old; what a nightly run has written is as it is.
    const age = (expr: string): number => (/\bcare_(?!converge_|provision_)/.test(expr) ? 60 : 0);
    const late = alerts.filter((a) => ['critical', 'warning'].includes(a.labels.severity) && age(a.expr) + ON_THE_WAY + seconds(a.for) > TWO_MINUTES);
    expect([...written].sort()).toEqual(late.map((a) => `${a.alert} ${a.for}`).sort());
    expect(late.map((a) => a.alert)).not.toContain('HostDown');
  });
});

const promtool = spawnSync('promtool', ['--version']).error === undefined;

/**
 * The cases of a file with the rules alone that each is about: promtool evaluates every rule at every moment of every case, and no rule is about another.
 *
 * @returns files of cases, and of rules, by their names
 */
function casesByRules(name: string): ReadonlyMap<string, string> {
  const whole = casesSchema.parse(parse(readFileSync(path.join(CASES, name), 'utf8')));
  const groups = whole.rule_files.flatMap((file) => rulesSchema.parse(parse(readFileSync(path.join(CASES, file), 'utf8'))).groups);
  const alertsOf = (each: (typeof whole.tests)[number]): string => [...new Set(each.alert_rule_test.map((one) => one.alertname))].sort().join('+');
  return new Map([...new Set(whole.tests.map(alertsOf))].flatMap((about): readonly (readonly [string, string])[] => {
    const tests = whole.tests.filter((each) => alertsOf(each) === about);
    const own = `${name.replace('.yml', '')}-${about}`;
    const rules = groups.map((group) => ({ ...group, rules: group.rules.filter((rule) => about.split('+').includes(rule.alert)) })).filter((group) => group.rules.length > 0);
    return [[`${own}.rules.yml`, JSON.stringify({ groups: rules })], [`${own}.test.yml`, JSON.stringify({ ...whole, rule_files: [`${own}.rules.yml`], tests })]];
  }));
}

// The drill of the role runs them in Debian's own promtool on a lab host, each file with all of its rules.
describe.skipIf(!promtool)('promtool (Debian package prometheus)', () => {
  test('every rule is sound, and fires and stays silent as its cases say', () => {
    const checked = spawnSync('promtool', ['check', 'rules', ...files.map((name) => path.join(RULES, name))], { encoding: 'utf8' });
    expect(checked.status, checked.stderr).toBe(0);
    const directory = mkdtempSync(path.join(tmpdir(), 'care-alerts-'));
    try {
      const written = readdirSync(CASES).flatMap((name) => [...casesByRules(name)]);
      for (const [name, text] of written) writeFileSync(path.join(directory, name), text);
      // A fifth of its time goes into looking for memory that could be had again; it needs little, and not for long.
      const tested = spawnSync('promtool', ['test', 'rules', ...written.map(([name]) => name).filter((name) => name.endsWith('.test.yml'))], { cwd: directory, encoding: 'utf8', timeout: 150_000, env: { ...process.env, GOGC: '400' } });
      expect(tested.status, tested.stdout + tested.stderr).toBe(0);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }, 180_000);
});
