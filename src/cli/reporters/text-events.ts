/** The run's events as plain lines: pure, so that golden tests hold every word. */
import type { RunEvent, RunMode } from '../../run/events.ts';
import { safeLine, safeLines } from '../../support/terminal-text.ts';
import type { Colour, Paint } from '../terminal/colour.ts';
import { duration, plural } from './counts.ts';
import { Notes } from './text-notes.ts';
import { recap } from './text-recap.ts';

export interface TextOptions {
  /** 0: changes and trouble; 1 (`-v`): every task, and results. */
  readonly verbose: number;
  readonly diff: boolean;
  readonly paint: Paint;
}

type TaskEvent = Extract<RunEvent, { type: 'task' }>;
type ChangeEvent = Extract<RunEvent, { type: 'change' }>;
type StartEvent = Extract<RunEvent, { type: 'start' }>;

const INDENT = '    ';

function indented(text: string): string[] {
  return safeLines(text).trimEnd().split('\n').map((line) => `${INDENT}${line}`.trimEnd());
}

const TASK_COLOURS: Readonly<Record<TaskEvent['status'], Colour>> = {
  ok: 'green',
  changed: 'yellow',
  failed: 'red',
  skipped: 'cyan',
  unreachable: 'red',
  unknown: 'magenta',
  ignored: 'cyan',
  rescued: 'cyan',
};

/** `[host] role : task`, as Ansible's users read it. */
function heading(event: { readonly host: string; readonly role: string; readonly task: string; readonly handler?: boolean; readonly item?: string }): string {
  const role = event.role === '' ? '' : `${safeLine(event.role)} : `;
  const item = event.item === undefined ? '' : ` (item=${safeLine(event.item)})`;
  return `[${safeLine(event.host)}] ${role}${event.handler === true ? 'handler ' : ''}${safeLine(event.task)}${item}`;
}

const MODE_WORDS: Readonly<Record<RunMode, string>> = { apply: 'apply', check: 'check (nothing is touched)', verify: 'verify' };

/** Lines for a diff, coloured as git does. */
function diffLines(diff: string, paint: Paint): string[] {
  return indented(diff).map((line) => {
    const mark = line.charAt(INDENT.length);
    if (mark === '+') return paint('green', line);
    if (mark === '-') return paint('red', line);
    return mark === '@' ? paint('cyan', line) : line;
  });
}

/**
 * Turns events into lines, remembering only what it needs for words that depend on the mode.
 *
 * @returns a function from event to lines without newlines; none for what is not shown
 */
export function textEvents(options: TextOptions): (event: RunEvent) => string[] {
  const { paint } = options;
  let start: StartEvent | undefined;
  const notes = new Notes();
  const shown = new Set<string>();
  const key = (event: TaskEvent | ChangeEvent): string => JSON.stringify([event.host, event.role, event.task]);

  function change(event: ChangeEvent): string[] {
    shown.add(key(event));
    const word = event.unknown === true ? 'may change' : start?.mode === 'check' ? 'would change' : 'changed';
    const line = `${paint(event.unknown === true ? 'magenta' : 'yellow', `${word}:`)} ${heading(event)} — ${safeLine(event.resource)}: ${safeLine(event.what)}`;
    return options.diff && event.diff !== undefined && event.diff !== '' ? [line, ...diffLines(event.diff, paint)] : [line];
  }

  function task(event: TaskEvent): string[] {
    const hadChanges = shown.delete(key(event));
    const label = `${paint(TASK_COLOURS[event.status], `${event.status === 'changed' && start?.mode === 'check' ? 'would change' : event.status}:`)} ${heading(event)}`;
    const time = options.verbose > 0 && event.seconds >= 0.05 ? ` (${duration(event.seconds)})` : '';
    const long = (event.msg ?? '').trimEnd().includes('\n');
    const message = event.msg === undefined || event.msg === '' || long ? '' : ` — ${safeLine(event.msg)}`;
    const below = long && event.msg !== undefined ? indented(event.msg) : [];
    const results = event.result === undefined || event.result === '' || (options.verbose === 0 && event.module !== 'debug') ? [] : indented(event.result);
    switch (event.status) {
      case 'failed':
      case 'unreachable':
      case 'ignored':
      case 'rescued': {
        const error = event.error ?? event.msg;
        const place = ` (${safeLine(event.at)})`;
        return [`${label}${place}${time}`, ...(error === undefined || error === '' ? [] : indented(error)), ...results];
      }
      case 'unknown':
        return [`${label}${message}${time}`, ...below, ...results];
      case 'changed':
        return hadChanges && options.verbose === 0 ? results : [`${label}${message}${time}`, ...below, ...results];
      case 'ok':
        if (options.verbose > 0) return [`${label}${message}${time}`, ...below, ...results];
        return event.module === 'debug' ? [`${label}${message}`, ...below, ...results] : [];
      case 'skipped':
        return options.verbose > 0 ? [`${label}${message}`] : [];
    }
  }

  function shownLines(event: RunEvent): string[] {
    switch (event.type) {
      case 'start':
        start = event;
        return [paint('bold', `care-provision ${event.version} ${MODE_WORDS[event.mode]}: ${safeLine(event.inventory)}, ${safeLine(event.playbook)}, ${plural(event.hosts.length, 'host')} (run ${event.run})`)];
      case 'play':
        return ['', paint('bold', `play: ${safeLine(event.play)}`) + ` (${plural(event.hosts.length, 'host')})`];
      case 'task-start':
      case 'observation':
        return [];
      case 'task':
        notes.task(event);
        return task(event);
      case 'retry':
        return [`${paint('gray', 'retrying:')} [${safeLine(event.host)}] ${safeLine(event.task)} (attempt ${String(event.attempt)} of ${String(event.of)})`];
      case 'change':
        notes.change(event);
        return change(event);
      case 'warning':
        return [`${paint('yellow', 'warning:')} ${event.host === undefined ? '' : `[${safeLine(event.host)}] `}${safeLine(event.message)}`];
      case 'summary':
        return recap(event, start ?? { mode: 'apply', inventory: 'INVENTORY', playbook: '' }, notes, paint);
    }
  }

  return (event) => {
    const lines = shownLines(event);
    notes.printed(lines.length);
    return lines;
  };
}
