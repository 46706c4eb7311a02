import { describe, expect, test } from 'vitest';
import { combineReporters, statusOf } from '../../../src/cli/reporters/cli-reporter.ts';
import { duration } from '../../../src/cli/reporters/counts.ts';
import { emptySummary, jsonReporter } from '../../../src/cli/reporters/json.ts';
import { junitReporter, xmlText } from '../../../src/cli/reporters/junit.ts';
import { textEvents } from '../../../src/cli/reporters/text-events.ts';
import { verdict } from '../../../src/cli/reporters/text-recap.ts';
import { textReporter } from '../../../src/cli/reporters/text.ts';
import { JsonLineSchema } from '../../../src/cli/schemas/run-event.ts';
import { painter, wantsColour } from '../../../src/cli/terminal/colour.ts';
import type { RunEvent } from '../../../src/run/events.ts';
import { badInput, DiagnosticList, ExitStatus } from '../../../src/support/diagnostic.ts';
import { fakeOutput, register } from './fakes.ts';
import { XMLParser } from './xml.ts';
import { applied, checked, failed } from './recorded.ts';

const recordings: Readonly<Record<string, RunEvent[]>> = { applied, checked, failed };

function asText(events: readonly RunEvent[], verbose: number, diff: boolean): string {
  const lines = textEvents({ verbose, diff, paint: painter(false) });
  return `${events.flatMap(lines).join('\n')}\n`;
}

describe('text', () => {
  for (const [name, events] of Object.entries(recordings)) {
    test(`${name} is as recorded`, async () => {
      await expect(asText(events, 0, false)).toMatchFileSnapshot(`golden/${name}.txt`);
      await expect(asText(events, 1, true)).toMatchFileSnapshot(`golden/${name}-verbose-diff.txt`);
    });
  }

  test('text from a host cannot steer the terminal', () => {
    const text = asText(failed, 1, true);
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text).toContain('\\x1b[2J');
  });

  test('each status has a sentence that says what to do', () => {
    const summary = failed.at(-1);
    if (summary?.type !== 'summary') throw new Error('the recording has no summary');
    const asked = { mode: 'apply', inventory: 'inventory/lab', playbook: 'x/playbooks/site.yml' } as const;
    for (const status of Object.values(ExitStatus)) {
      expect(verdict({ ...summary, status }, asked)).toMatch(/[\w)]\.$|inventory\/lab$/);
    }
    expect(verdict({ ...summary, status: ExitStatus.unreachable }, asked)).toContain('web2');
    expect(verdict({ ...summary, status: ExitStatus.drift }, { ...asked, mode: 'check', playbook: 'a.yml,b.yml' })).toMatch(/To converge: care-provision apply inventory\/lab a\.yml b\.yml$/);
    expect(verdict({ ...summary, status: ExitStatus.drift }, { ...asked, mode: 'check', playbook: '(command line)' })).toMatch(/the same command without --check$/);
  });

  test('what to run next is the command as it was given, with its --limit, unless something in it was hidden', () => {
    const summary = checked.at(-1);
    if (summary?.type !== 'summary') throw new Error('the recording has no summary');
    const asked = { mode: 'check', inventory: 'a,b', playbook: 'site.yml' } as const;
    expect(verdict(summary, { ...asked, arguments: ['check', 'a', '--inventory', 'b', '--limit', 'web*:&x'] })).toMatch(/To converge: care-provision apply a --inventory b --limit 'web\*:&x'$/);
    expect(verdict(summary, { ...asked, arguments: ['check', 'a', '--out', 'plan.json'] })).toMatch(/To converge: care-provision apply plan\.json$/);
    expect(verdict(summary, { ...asked, arguments: ['check', 'a', '--extra-vars', 'x=********'] })).not.toContain('********');
  });

  test('after a plan that was carried out it is the plan, or another one when a part of it was made', () => {
    const summary = failed.at(-1);
    if (summary?.type !== 'summary') throw new Error('the recording has no summary');
    const asked = { mode: 'apply', inventory: 'inventory/lab', playbook: 'site.yml' } as const;
    const none = { ...summary, total: { ...summary.total, changed: 0 } };
    expect(verdict(none, { ...asked, arguments: ['apply', 'my plan.json', '--extra-vars', 'x=********'] })).toMatch(/run again: care-provision apply 'my plan\.json' --extra-vars … \(it is refused when hosts have moved meanwhile\)$/);
    expect(verdict({ ...summary, total: { ...summary.total, changed: 2 } }, { ...asked, arguments: ['apply', 'plan.json'] })).toMatch(/a part of the plan was made, so make another and apply that: care-provision check inventory\/lab … --out plan\.json$/);
    expect(verdict({ ...none, status: ExitStatus.drift }, { ...asked, mode: 'check', arguments: ['check', 'plan.json'] })).toMatch(/To converge: care-provision apply plan\.json$/);
    expect(verdict(none, { ...asked, inventory: 'a,b,', arguments: ['apply', 'a,b,', '--extra-vars', 'x=********'] })).not.toContain('plan');
  });

  test('a run of nothing is not called converged or verified', () => {
    const summary = emptySummary('x', ExitStatus.ok, new Date(0));
    for (const mode of ['apply', 'check', 'verify'] as const) expect(verdict(summary, { mode, inventory: 'i', playbook: '' })).toMatch(/^Nothing was run/);
  });

  test('the end of a long run on many hosts says once more what matters, and only that', async () => {
    const none = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };
    const hosts = Array.from({ length: 60 }, (_, i) => `node${String(i + 1).padStart(2, '0')}`);
    const [start, , , , , first] = applied;
    if (start?.type !== 'start' || first?.type !== 'task') throw new Error('the recording has changed');
    const events: RunEvent[] = [{ ...start, hosts }];
    const counts: Record<string, typeof none> = {};
    for (const [i, host] of hosts.entries()) {
      const changed = i % 2 === 0;
      const broken = i % 20 === 4;
      if (changed) events.push({ type: 'change', host, role: 'base', task: 'Configure chrony', resource: 'file /etc/chrony/chrony.conf', what: 'content', handler: false }, { ...first, host });
      if (broken) events.push({ ...first, host, task: 'Start chrony', status: 'failed', error: `${host}: chronyd does not start\nlook at its journal` });
      // One that a rescue takes care of.
      if (i === 1) events.push({ ...first, host, task: 'Try it', status: 'failed', error: 'no' });
      counts[host] = { ...none, ok: 3, changed: changed ? 1 : 0, failed: broken ? 1 : 0, rescued: i === 1 ? 1 : 0 };
    }
    events.push({ type: 'summary', run: start.run, time: start.time, status: 3, seconds: 70, total: { ...none, changed: 30, failed: 3 }, hosts: counts, roles: {}, slowest: [] });
    const text = asText(events, 0, false);
    await expect(text.slice(text.lastIndexOf('\n\nhost '))).toMatchFileSnapshot('golden/many-recap.txt');
  });

  test('durations read well', () => {
    expect([0.04, 59.94, 59.96, 245, 3599.6, 7380].map(duration)).toEqual(['0.0 s', '59.9 s', '1 min 00 s', '4 min 05 s', '1 h 00 min', '2 h 03 min']);
  });
});

describe('the live footer', () => {
  test('names the hosts at work, longest first, and leaves nothing behind', async () => {
    const output = fakeOutput(true, 60);
    let now = 0;
    const reporter = textReporter(output, { verbose: 0, diff: false, paint: painter(false), live: true, now: () => now });
    const [start, play, first, second] = applied;
    for (const event of [start, play, first]) if (event !== undefined) reporter.event(event);
    now = 2000;
    if (second !== undefined) reporter.event(second);
    now = 5000;
    reporter.event({ type: 'warning', message: 'look' });
    const drawn = output.text().slice(output.text().indexOf('warning: look'));
    expect(drawn).toContain('5.0 s  Base  2 of 2 hosts at work, 0 changed, 0 failed');
    expect(drawn.indexOf('web1  base : Configure chrony  5.0 s')).toBeGreaterThan(0);
    expect(drawn.indexOf('web2  base : Configure chrony  3.0 s')).toBeGreaterThan(drawn.indexOf('web1  base'));
    const before = output.text().length;
    await reporter.close();
    // Three rows are up: head and two hosts; they are erased and nothing is drawn again.
    expect(output.text().slice(before)).toBe('\u001b[3A\r\u001b[0J');
    expect(output.closed()).toBe(true);
  });

  test('is out of the way while a person is asked, and a notice stands above it', async () => {
    const output = fakeOutput(true, 0);
    const reporter = textReporter(output, { verbose: 0, diff: false, paint: painter(false), live: true, now: () => 0 });
    for (const event of applied.slice(0, 3)) reporter.event(event);
    expect(reporter.notice?.('interrupted')).toBe(true);
    expect(output.text()).toMatch(/interrupted\n\u001b\[\?7l0\.0 s {2}Base/);
    let during = '';
    await reporter.hold?.(async () => {
      const before = output.text().length;
      reporter.event({ type: 'warning', message: 'meanwhile' });
      await Promise.resolve();
      during = output.text().slice(before);
    });
    expect(during).toBe('');
    expect(output.text()).toMatch(/warning: meanwhile\n\u001b\[\?7l/);
    await reporter.close();
  });

  test('plain output has no escape sequence at all', async () => {
    const output = fakeOutput(false);
    const reporter = textReporter(output, { verbose: 1, diff: true, paint: painter(false), live: false });
    for (const event of [...applied, ...failed]) reporter.event(event);
    await reporter.close();
    expect(output.text()).not.toContain('\u001b');
  });
});

test('colour follows FORCE_COLOR, NO_COLOR, the terminal, in that order', () => {
  expect(wantsColour(true, {})).toBe(true);
  expect(wantsColour(false, {})).toBe(false);
  expect(wantsColour(true, { NO_COLOR: '1' })).toBe(false);
  expect(wantsColour(true, { NO_COLOR: '' })).toBe(true);
  expect(wantsColour(false, { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(true);
  expect(wantsColour(true, { FORCE_COLOR: '0' })).toBe(false);
  expect(wantsColour(true, { TERM: 'dumb' })).toBe(false);
  expect(painter(true)('red', 'x')).toBe('\u001b[31mx\u001b[39m');
});

function jsonLines(text: string): unknown[] {
  expect(text.endsWith('\n')).toBe(true);
  return text.trimEnd().split('\n').map((line): unknown => JSON.parse(line));
}

describe('json', () => {
  for (const [name, events] of Object.entries(recordings)) {
    test(`${name}: every event is a line of the schema, the last is the summary`, async () => {
      const output = fakeOutput();
      const reporter = jsonReporter(output);
      for (const event of events) reporter.event(event);
      reporter.aborted(new Error('too late to matter'), ExitStatus.internal);
      await reporter.close();
      const lines = jsonLines(output.text());
      expect(lines).toEqual(events);
      for (const line of lines) JsonLineSchema.parse(line);
      expect(lines.at(-1)).toMatchObject({ type: 'summary' });
    });
  }

  test('bad input ends with its errors and an empty summary', async () => {
    const output = fakeOutput();
    const file = { path: 'site.yml', text: '- hosts: all\n  taks: []\n' };
    const error = new DiagnosticList([
      badInput('unknown-keyword', 'taks is not a keyword of a play', { span: { file, start: 15, end: 19 }, detail: 'did you mean tasks?', remedy: 'write tasks' }),
      badInput('no-hosts', 'no host matches'),
    ]);
    const reporter = jsonReporter(output, () => new Date(0));
    reporter.aborted(error, statusOf(error));
    await reporter.close();
    const lines = jsonLines(output.text());
    for (const line of lines) JsonLineSchema.parse(line);
    expect(lines).toMatchObject([
      { type: 'error', kind: 'bad-input', code: 'unknown-keyword', message: 'taks is not a keyword of a play', file: 'site.yml', line: 2, column: 3, detail: 'did you mean tasks?', remedy: 'write tasks' },
      { type: 'error', code: 'no-hosts' },
      { type: 'summary', status: 65, run: '', time: '1970-01-01T00:00:00.000Z', hosts: {} },
    ]);
  });

  test('a secret is masked in texts, and cannot break what programs match on', async () => {
    register('changed', 'hunter2-for-json');
    const output = fakeOutput();
    const reporter = jsonReporter({ ...output, write: (text) => { raw += text; } });
    let raw = '';
    reporter.event({ type: 'task', host: 'web1', play: 'p', role: 'r', task: 't', module: 'command', status: 'changed', seconds: 1, at: 'x:1:1', handler: false, error: 'password hunter2-for-json changed' });
    await reporter.close();
    expect(JSON.parse(raw)).toMatchObject({ status: 'changed', error: 'password ******** ********' });
  });
});

describe('junit', () => {
  async function xml(events: readonly RunEvent[], error?: unknown): Promise<string> {
    const output = fakeOutput();
    const reporter = junitReporter(output);
    for (const event of events) reporter.event(event);
    if (error !== undefined) reporter.aborted(error, statusOf(error));
    await reporter.close();
    return output.text();
  }

  test('a suite a host, a case a task, valid XML whatever hosts say', async () => {
    const text = await xml(failed);
    const document = XMLParser.parse(text);
    expect(document.name).toBe('testsuites');
    expect(document.children.map((suite) => [suite.attributes['name'], suite.attributes['tests'], suite.attributes['failures'], suite.attributes['errors']])).toEqual([
      ['web1', '1', '1', '0'],
      ['web2', '1', '0', '1'],
      ['evil', '1', '1', '0'],
    ]);
    const hostile = document.children[2]?.children[0];
    expect(hostile?.attributes['name']).toBe('Ask (a&#10;b)');
    expect(hostile?.children[0]?.text).toContain('bad\ufffd[2J');
  });

  test('drift is a failed case in check mode, and a change passes in apply', async () => {
    const drift = XMLParser.parse(await xml(checked));
    expect(drift.children[0]?.attributes).toMatchObject({ tests: '2', failures: '1', skipped: '1' });
    expect(drift.children[0]?.children[0]?.children[0]).toMatchObject({ name: 'failure', attributes: { type: 'drift' }, text: 'package chrony: install 4.6.1' });
    const done = XMLParser.parse(await xml(applied));
    expect(done.children.map((suite) => suite.attributes['failures'])).toEqual(['0', '0']);
  });

  test('has what CI systems look for: totals, times, hosts', async () => {
    const document = XMLParser.parse(await xml(applied));
    expect(document.attributes).toEqual({ name: 'care-provision apply', tests: '7', failures: '0', errors: '0', time: '9.040' });
    expect(document.children[0]?.attributes).toEqual({ name: 'web1', hostname: 'web1', timestamp: '2026-11-22T10:15:00', tests: '5', failures: '0', errors: '0', skipped: '0', time: '4.510' });
  });

  test('a failure that was rescued is none, the one after it is', async () => {
    const [start, , first] = failed;
    const end = failed.at(-1);
    if (start === undefined || first?.type !== 'task' || end?.type !== 'summary') throw new Error('the recording has changed');
    const none = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };
    const document = XMLParser.parse(await xml([start, first, { ...first, task: 'second' }, { ...end, hosts: { web1: { ...none, failed: 1, rescued: 1 } } }]));
    expect(document.attributes['failures']).toBe('1');
    expect(document.children[0]?.children.map((each) => each.children[0]?.name)).toEqual(['system-out', 'failure']);
  });

  test('an error before the run is a suite of its own', async () => {
    const document = XMLParser.parse(await xml([], badInput('no-inventory', 'no such <file> & "more"')));
    expect(document.children[0]?.attributes).toMatchObject({ name: 'care-provision', errors: '1' });
    expect(document.children[0]?.children[0]?.children[0]?.attributes['message']).toBe('no such &lt;file&gt; &amp; &quot;more&quot;');
  });

  test('long texts are cut', () => {
    expect(xmlText('x'.repeat(70_000)).length).toBeLessThan(66_000);
  });
});

test('every reporter is closed, also when one cannot be', async () => {
  const good = fakeOutput();
  const bad = { ...fakeOutput(), close: () => { throw badInput('disk', 'no space left'); } };
  await expect(combineReporters([jsonReporter(bad), jsonReporter(good)]).close()).rejects.toThrow('no space left');
  expect(good.closed()).toBe(true);
});
