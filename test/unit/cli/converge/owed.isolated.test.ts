/** A night that finds all as it should be, but for a handler that a run that was cut off still owes a host. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { convergeRunAction } from '../../../../src/cli/converge/run.ts';
import { handlerNoteId, takeUpOwed } from '../../../../src/run/handlers.ts';
import { loadProject } from '../../../../src/run/load.ts';
import { fakeContext } from '../fakes.ts';

const seen = vi.hoisted(() => ({ modes: [] as string[], owed: false }));
vi.mock('../../../../src/run/run.ts', async (original) => {
  const run = await original<typeof import('../../../../src/run/run.ts')>();
  return {
    ...run,
    runLoaded: (...[loaded, options]: Parameters<typeof run.runLoaded>) => {
      seen.modes.push(options.mode);
      // As the run does when it takes a note of root's up (below), which only root on a host of its own could be given.
      if (seen.owed) options.onOwed?.('one');
      return run.runLoaded(loaded, options);
    },
  };
});

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'care-owed-'));
  vi.stubEnv('CARE_STATE', path.join(dir, 'state'));
  seen.modes.length = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

async function converge(mode: string): Promise<readonly string[]> {
  writeFileSync(path.join(dir, 'night.yml'), `all:\n  hosts: {one: {}}\n  vars: {ansible_connection: local, converge: {mode: ${mode}}}\n`);
  writeFileSync(path.join(dir, 'playbook.yml'), '- hosts: all\n  tasks: [{name: nothing, command: "true", changed_when: false}]\n');
  const flags = { inventory: [], playbook: [], forks: 5, lockWait: 15, extraVars: [], timeout: 3600, verbose: 0 };
  await convergeRunAction({ ...fakeContext(dir), environment: { CARE_STATE: path.join(dir, 'state') } }, { inventory: path.join(dir, 'night.yml'), playbooks: [path.join(dir, 'playbook.yml')], flags });
  return seen.modes.splice(0);
}

test.each([
  [true, 'mend', ['check', 'apply']],
  [true, 'report', ['check']],
  [false, 'mend', ['check']],
])('owed: %s, policy: %s', { timeout: 30_000 }, async (owed, mode, modes) => {
  seen.owed = owed;
  expect(await converge(mode)).toEqual(modes);
});

test('the run tells of each handler that it takes up', () => {
  writeFileSync(path.join(dir, 'night.yml'), 'all: {hosts: {one: {}}}\n');
  writeFileSync(path.join(dir, 'playbook.yml'), '- hosts: all\n  tasks: []\n  handlers: [{name: restart, command: "true"}, {name: other, command: "true"}]\n');
  const { playbooks } = loadProject({ inventory: [path.join(dir, 'night.yml')], playbooks: [path.join(dir, 'playbook.yml')], mode: 'check' });
  const handlers = playbooks[0]?.plays[0]?.handlers ?? [];
  const told: string[] = [];
  const host = { name: 'one', owed: new Set(handlers.slice(0, 1).map(handlerNoteId)), notified: new Map(), noted: new Set<string>() };
  for (let play = 0; play < 2; play += 1) takeUpOwed({ options: { onOwed: (name) => { told.push(name); } }, emit: () => undefined }, host, handlers);
  expect([handlers.length, told, host.notified.size]).toEqual([2, ['one'], 1]);
});
