import { describe, expect, test } from 'vitest';
import { adHocArguments } from '../../../src/cli/adhoc-arguments.ts';
import { listingText } from '../../../src/cli/actions/listing.ts';
import { factsReporter } from '../../../src/cli/reporters/facts.ts';
import { painter } from '../../../src/cli/terminal/colour.ts';
import { findModule } from '../../../src/modules/registry.ts';
import type { RunEvent } from '../../../src/run/events.ts';
import { fakeOutput } from './fakes.ts';

function args(name: string, text?: string): unknown {
  const module = findModule(name);
  if (module === undefined) throw new Error(`no module ${name}`);
  return adHocArguments(module, text);
}

describe('-a', () => {
  test('plain text is the command itself', () => {
    expect(args('command', 'echo a=1 b')).toBe('echo a=1 b');
  });
  test('key=value words take the type that the argument has', () => {
    expect(args('file', 'path=/x mode=0644 recurse=yes')).toEqual({ path: '/x', mode: '0644', recurse: true });
    expect(args('wait_for', 'port=22 timeout=5')).toEqual({ port: 22, timeout: 5 });
    expect(args('file', "path='/a b'")).toEqual({ path: '/a b' });
  });
  test('a map in braces is YAML', () => {
    expect(args('file', '{path: /x, mode: "0644"}')).toEqual({ path: '/x', mode: '0644' });
  });
  test('nothing is no arguments', () => {
    expect(args('ping')).toEqual({});
  });
  test.each([['file', '/x', /is not key=value/], ['file', '{path', /neither JSON nor YAML/]])('%s %s is refused', (name, text, message) => {
    expect(() => args(name, text)).toThrow(message);
  });
});

test('facts are one object by host, trouble goes to stderr', async () => {
  const stdout = fakeOutput();
  const stderr = fakeOutput();
  const reporter = factsReporter(stdout, stderr, painter(false));
  const task = (host: string, more: Partial<Extract<RunEvent, { type: 'task' }>>): RunEvent => ({ type: 'task', host, play: 'p', role: '', task: 'facts', module: 'debug', status: 'ok', seconds: 0, at: 'x:1:1', handler: false, ...more });
  reporter.event(task('b', { result: '{"ansible_facts": {"hostname": "b"}}' }));
  reporter.event(task('a', { result: '{"ansible_facts": {"hostname": "a"}}' }));
  reporter.event(task('c', { status: 'unreachable', error: 'no route' }));
  await reporter.close();
  expect(stdout.text()).toBe(`${JSON.stringify({ a: { hostname: 'a' }, b: { hostname: 'b' } }, undefined, 2)}\n`);
  expect(stderr.text()).toContain('unreachable: [c] facts');
});

test('a listing shows plays with hosts and tasks', () => {
  const plays = [{ play: 'Base', pattern: 'all', hosts: ['a', 'b'], tasks: [{ role: 'base', task: 'Do', tags: ['x'] }, { role: '', task: 'Say', tags: [] }] }];
  expect(listingText(plays, { hosts: true, tasks: false })).toBe('play: Base (all)\n  2 hosts\n    a\n    b\n');
  expect(listingText(plays, { hosts: false, tasks: true })).toBe('play: Base (all)\n  2 tasks\n    base : Do  [x]\n    Say\n');
});
