/** Hosts are connected to as soon as all input is known to be good, and not before. */
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadProject } from '../../../src/run/load.ts';
import { firstHosts } from '../../../src/run/play-run.ts';
import { testProject, type TestProject } from './support.ts';

let project: TestProject | undefined;
let callers = 0;
const server = createServer((socket) => {
  callers += 1;
  socket.on('error', () => undefined).resume();
});

beforeEach(async () => {
  callers = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  project?.remove();
  project = undefined;
  await new Promise((resolve) => server.close(resolve));
});

/** A project whose host is the listener. */
function make(playbook: string): TestProject {
  project = testProject({ 'playbook.yml': playbook });
  project.write('inventory.yml', `all:\n  hosts:\n    one: { ansible_host: 127.0.0.1, ansible_port: ${String((server.address() as AddressInfo).port)}, ansible_user: nobody, ansible_password: x }\n`);
  return project;
}

it.each([
  ['a task', '- hosts: all\n  tasks:\n    - meta: flush_handler\n'],
  ['a template', '- hosts: all\n  tasks:\n    - copy: { dest: /tmp/x, content: "{{#if }}" }\n'],
  ['a later play', '- hosts: all\n  tasks: []\n- hosts: all\n  tasks:\n    - no_such_module: {}\n'],
])('nobody is called when %s is wrong', async (_what, playbook) => {
  await expect(make(playbook).run()).rejects.toThrow();
  // A call that had been begun would have come by now: the listener is on this machine.
  await new Promise((resolve) => { setTimeout(resolve, 100); });
  expect(callers).toBe(0);
});

it('nobody is called before the run may begin', async () => {
  await expect(make('- hosts: all\n  tasks: []\n').run({ begun: () => new Promise((_resolve, reject) => { setTimeout(() => { reject(new Error('not recorded')); }, 100); }) })).rejects.toThrow('not recorded');
  expect(callers).toBe(0);
});

it('all of the first batch are called, before the first of them has answered', async () => {
  const kill = new AbortController();
  const running = make('- hosts: all\n  tasks: []\n').run({ kill: kill.signal, stop: kill.signal });
  while (callers === 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
  kill.abort();
  await running;
  expect(callers).toBe(1);
});

it.each([
  ['the first play that has hosts', '- hosts: none\n  tasks: []\n- hosts: all\n  tasks: []\n', {}, ['a', 'b', 'c', 'd']],
  ['as many as are begun with at once', '- hosts: all\n  tasks: []\n', { forks: 3 }, ['a', 'b', 'c']],
  ['the first batch', '- hosts: all\n  serial: [2, 100%]\n  tasks: []\n', {}, ['a', 'b']],
  ['those of the limit', '- hosts: all\n  serial: 1\n  tasks: []\n', { limit: 'c:d' }, ['c']],
  ['nobody', '- hosts: none\n  tasks: []\n', {}, []],
])('is begun with: %s', (_what, playbook, options, expected) => {
  project = testProject({ 'playbook.yml': playbook }, ['a', 'b', 'c', 'd']);
  project.write('inventory.yml', 'all:\n  hosts: { a: {}, b: {}, c: {}, d: {} }\n  children: { none: {} }\n');
  const loaded = loadProject({ inventory: [path.join(project.dir, 'inventory.yml')], playbooks: [path.join(project.dir, 'playbook.yml')], mode: 'apply' });
  expect(firstHosts(loaded, { limit: undefined, forks: 10, ...options })).toEqual(expected);
});
