/**
 * JUnit XML, as CI systems read it: a suite a host, a case a task; in check mode drift is a failed case. There is no standard; what is
 * written is valid by the schema of Jenkins' xUnit plugin (junit-10.xsd), and has what GitLab and GitHub's reporters look for.
 */
import type { RunEvent, RunMode } from '../../run/events.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { Output } from '../terminal/output.ts';
import type { CliReporter } from './cli-reporter.ts';
import type { Summary } from './counts.ts';
import { errorLines } from './json.ts';
import { rescuedFailures } from './rescued.ts';

/** Characters of one error or output that are kept, so that memory does not grow with output. */
const LONGEST_TEXT = 64 * 1024;

type TaskEvent = Extract<RunEvent, { type: 'task' }>;
interface Case {
  readonly task: TaskEvent;
  readonly changes: readonly string[];
}

/** Text for XML 1.0 content and attributes; characters that XML cannot hold (production 2, "Char") become U+FFFD. */
export function xmlText(text: string): string {
  const masked = maskSecrets(text);
  const cut = masked.length > LONGEST_TEXT ? `${masked.slice(0, LONGEST_TEXT)}\n(cut off here)` : masked;
  return cut
    // Lone surrogates need no care: writing UTF-8 makes them U+FFFD.
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
    .replaceAll('\r', '&#13;');
}

/** As {@link xmlText}, for an attribute, where a parser would turn newlines and tabs into spaces. */
function attribute(text: string): string {
  return xmlText(text).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}

type Verdict = 'passed' | 'failure' | 'error' | 'skipped';

function verdict(task: TaskEvent, mode: RunMode): Verdict {
  switch (task.status) {
    case 'failed':
      return 'failure';
    case 'unreachable':
      return 'error';
    case 'skipped':
    case 'unknown':
      return 'skipped';
    case 'changed':
      return mode === 'check' ? 'failure' : 'passed';
    case 'ok':
    case 'ignored':
    case 'rescued':
      return 'passed';
  }
}

function caseXml({ task, changes }: Case, mode: RunMode): string {
  const name = task.item === undefined ? task.task : `${task.task} (${task.item})`;
  const open = `    <testcase classname="${attribute(`${task.host}.${task.role || task.play}`)}" name="${attribute(name)}" time="${task.seconds.toFixed(3)}"`;
  const body: string[] = [];
  const message = attribute(task.msg ?? task.status);
  const text = xmlText([task.error ?? task.msg ?? '', `at ${task.at}`].filter((part) => part !== '').join('\n'));
  switch (verdict(task, mode)) {
    case 'failure':
      if (task.status === 'changed') body.push(`      <failure type="drift" message="would change">${xmlText(changes.join('\n'))}</failure>`);
      else body.push(`      <failure type="failed" message="${message}">${text}</failure>`);
      break;
    case 'error':
      body.push(`      <error type="unreachable" message="${message}">${text}</error>`);
      break;
    case 'skipped':
      body.push(`      <skipped message="${message}"/>`);
      break;
    case 'passed':
      if (task.status !== 'ok') body.push(`      <system-out>${xmlText([task.status, ...changes, task.error ?? ''].filter((part) => part !== '').join('\n'))}</system-out>`);
      break;
  }
  return body.length === 0 ? `${open}/>` : `${open}>\n${body.join('\n')}\n    </testcase>`;
}

/** Cases by how they came out. */
interface Numbers {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
}
interface Suite extends Numbers {
  readonly xml: string;
}

function suiteOf(host: string, cases: readonly Case[], mode: RunMode, started: string): Suite {
  const count = (wanted: Verdict): number => cases.filter((each) => verdict(each.task, mode) === wanted).length;
  const seconds = cases.reduce((sum, each) => sum + each.task.seconds, 0);
  const numbers = { tests: cases.length, failures: count('failure'), errors: count('error') };
  // ISO 8601 without a zone, in UTC, as Ant and Maven write it.
  const when = started === '' ? '' : ` timestamp="${attribute(started.replace(/(\.\d+)?Z$/, ''))}"`;
  const head = `  <testsuite name="${attribute(host)}" hostname="${attribute(host)}"${when} tests="${String(numbers.tests)}" failures="${String(numbers.failures)}" errors="${String(numbers.errors)}" skipped="${String(count('skipped'))}" time="${seconds.toFixed(3)}">`;
  return { ...numbers, xml: [head, ...cases.map((each) => caseXml(each, mode)), '  </testsuite>'].join('\n') };
}

/** The cases of a host; a failure that a rescue took care of is none. */
function settled(cases: readonly Case[], failed: number | undefined): readonly Case[] {
  const rescued = rescuedFailures(cases.filter((each) => each.task.status === 'failed'), (each) => each.task.host, () => failed);
  return cases.map((each) => (rescued.has(each) ? { ...each, task: { ...each.task, status: 'rescued' } } : each));
}

/** The suite that says why a run ended before its end. */
function abortedSuite(error: unknown): Suite {
  const cases = errorLines(error).map((line) => {
    const where = line.file === undefined ? '' : `${line.file}:${String(line.line ?? 1)}:${String(line.column ?? 1)}: `;
    const text = [`${where}${line.message}`, line.detail ?? '', line.remedy ?? ''].filter((part) => part !== '').join('\n');
    return `    <testcase classname="care-provision" name="${attribute(line.code)}" time="0.000">\n      <error type="${line.kind}" message="${attribute(line.message)}">${xmlText(text)}</error>\n    </testcase>`;
  });
  const n = String(cases.length);
  const xml = [`  <testsuite name="care-provision" tests="${n}" failures="0" errors="${n}" skipped="0" time="0.000">`, ...cases, '  </testsuite>'].join('\n');
  return { tests: cases.length, failures: 0, errors: cases.length, xml };
}

/** The event without its result, which is not shown here and may be long, and with a bounded error. */
function bounded(event: TaskEvent): TaskEvent {
  return { ...event, result: '', ...(event.error === undefined ? {} : { error: event.error.slice(0, LONGEST_TEXT + 1) }) };
}

/** Collects the run and writes the whole document when closed. */
export function junitReporter(output: Output): CliReporter {
  let mode: RunMode = 'apply';
  let started = '';
  let summary: Summary | undefined;
  let aborted: Suite | undefined;
  const hosts = new Map<string, Case[]>();
  const pending = new Map<string, string[]>();
  const key = (event: { readonly host: string; readonly role: string; readonly task: string }): string => JSON.stringify([event.host, event.role, event.task]);
  return {
    event(event) {
      if (event.type === 'start') {
        mode = event.mode;
        started = event.time;
      }
      if (event.type === 'summary') summary = event;
      if (event.type === 'change') {
        const list = pending.get(key(event)) ?? [];
        list.push(`${event.resource}: ${event.what}`);
        pending.set(key(event), list);
      }
      if (event.type !== 'task') return;
      const cases = hosts.get(event.host) ?? [];
      cases.push({ task: bounded(event), changes: pending.get(key(event)) ?? [] });
      pending.delete(key(event));
      hosts.set(event.host, cases);
    },
    aborted(error) {
      aborted = abortedSuite(error);
    },
    async close() {
      await Promise.resolve();
      const suites = [...hosts].map(([host, cases]) => suiteOf(host, settled(cases, summary?.hosts[host]?.failed), mode, started));
      if (aborted !== undefined) suites.push(aborted);
      const sum = (name: keyof Numbers): string => String(suites.reduce((total, suite) => total + suite[name], 0));
      const head = `<testsuites name="care-provision ${mode}" tests="${sum('tests')}" failures="${sum('failures')}" errors="${sum('errors')}" time="${(summary?.seconds ?? 0).toFixed(3)}">`;
      output.write(['<?xml version="1.0" encoding="UTF-8"?>', head, ...suites.map((suite) => suite.xml), '</testsuites>', ''].join('\n'));
      output.close();
    },
  };
}
