/** JUnit XML, as CI systems read it: a suite a host, a case a task; in check mode drift is a failed case. */
import type { RunEvent, RunMode } from '../../run/events.ts';
import { maskSecrets } from '../../support/secret.ts';
import type { Output } from '../terminal/output.ts';
import type { CliReporter } from './cli-reporter.ts';
import { errorLines } from './json.ts';

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

function suiteXml(host: string, cases: readonly Case[], mode: RunMode): string {
  const count = (wanted: Verdict): number => cases.filter((each) => verdict(each.task, mode) === wanted).length;
  const seconds = cases.reduce((sum, each) => sum + each.task.seconds, 0);
  const head = `  <testsuite name="${attribute(host)}" tests="${String(cases.length)}" failures="${String(count('failure'))}" errors="${String(count('error'))}" skipped="${String(count('skipped'))}" time="${seconds.toFixed(3)}">`;
  return [head, ...cases.map((each) => caseXml(each, mode)), '  </testsuite>'].join('\n');
}

/** The suite that says why a run ended before its end. */
function abortedXml(error: unknown): string {
  const cases = errorLines(error).map((line) => {
    const where = line.file === undefined ? '' : `${line.file}:${String(line.line ?? 1)}:${String(line.column ?? 1)}: `;
    const text = [`${where}${line.message}`, line.detail ?? '', line.remedy ?? ''].filter((part) => part !== '').join('\n');
    return `    <testcase classname="care-provision" name="${attribute(line.code)}" time="0.000">\n      <error type="${line.kind}" message="${attribute(line.message)}">${xmlText(text)}</error>\n    </testcase>`;
  });
  const n = String(cases.length);
  return [`  <testsuite name="care-provision" tests="${n}" failures="0" errors="${n}" skipped="0" time="0.000">`, ...cases, '  </testsuite>'].join('\n');
}

/** The event without its result, which is not shown here and may be long, and with a bounded error. */
function bounded(event: TaskEvent): TaskEvent {
  return { ...event, result: '', ...(event.error === undefined ? {} : { error: event.error.slice(0, LONGEST_TEXT + 1) }) };
}

/** Collects the run and writes the whole document when closed. */
export function junitReporter(output: Output): CliReporter {
  let mode: RunMode = 'apply';
  let aborted: string | undefined;
  const hosts = new Map<string, Case[]>();
  const pending = new Map<string, string[]>();
  const key = (event: { readonly host: string; readonly role: string; readonly task: string }): string => JSON.stringify([event.host, event.role, event.task]);
  return {
    event(event) {
      if (event.type === 'start') mode = event.mode;
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
      aborted = abortedXml(error);
    },
    async close() {
      await Promise.resolve();
      const suites = [...hosts].map(([host, cases]) => suiteXml(host, cases, mode));
      if (aborted !== undefined) suites.push(aborted);
      output.write(['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="care-provision ${mode}">`, ...suites, '</testsuites>', ''].join('\n'));
      output.close();
    },
  };
}
