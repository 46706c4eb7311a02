import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sharedName, type HeldLocks } from '../../../src/run/locks.ts';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { testProject, type TestProject } from './support.ts';

let project: TestProject;
beforeEach(() => {
  project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { name: first, copy: { dest: "{{ work }}/a", content: x } }\n    - { name: between, command: "true", changed_when: false }\n    - { name: second, copy: { dest: "{{ work }}/b", content: x } }\n    - { name: third, command: "touch {{ work }}/c" }\n' });
});
afterEach(() => { project.remove(); });

/** Locks that another run takes over after so many looks at them. */
function takenAfter(looks: number): HeldLocks & { readonly warn: (message: string) => void } {
  let left = looks;
  let warn: (message: string) => void = () => undefined;
  return {
    check: () => {
      left -= 1;
      return left < 0 ? Promise.reject(new Diagnostic({ kind: 'locked', code: 'lease-lost', summary: 'the inventory was taken over by another run' })) : Promise.resolve();
    },
    tell: (now) => { warn = now; },
    release: () => Promise.reject(new Error('not the run\'s to give back')),
    warn: (message) => { warn(message); },
  };
}

test('a run that has lost its inventory changes nothing more, says why, and ends as locked', async () => {
  const result = await project.run({ held: takenAfter(2) });
  expect(result.status).toBe(75);
  expect(result.tasks).toEqual(['one|first|changed', 'one|between|ok', 'one|second|failed']);
  expect(result.events.find((e) => e.type === 'task' && e.status === 'failed')).toMatchObject({ error: expect.stringContaining('was taken over by another run') as string });
  expect(['a', 'b', 'c'].map((name) => existsSync(path.join(project.dir, 'work', name)))).toEqual([true, false, false]);
  const before = await project.run({ held: takenAfter(0) });
  expect([before.status, before.changes]).toEqual([75, []]);
});

test('a look that changes nothing needs no lock; trouble with locks is a warning of the run', async () => {
  expect((await project.run({ mode: 'check', held: takenAfter(0) })).status).toBe(2);
  const held = takenAfter(9);
  const events: string[] = [];
  await project.run({ held, begun: () => Promise.resolve(), reporter: { event: (e) => { if (e.type === 'play') held.warn('no lease'); if (e.type === 'warning') events.push(e.message); }, close: () => Promise.resolve() } });
  expect(events).toEqual(['no lease']);
});

test('an inventory has one name for all controllers: its path in the repository, else in the project', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'care-name-'));
  try {
    mkdirSync(path.join(dir, 'site', 'playbooks'), { recursive: true });
    mkdirSync(path.join(dir, 'site', 'inventory', 'lab'), { recursive: true });
    expect(sharedName(path.join(dir, 'site', 'inventory', 'lab', '.'))).toBe('inventory/lab');
    execFileSync('git', ['init', '-q', dir]);
    expect(sharedName(path.join(dir, 'site', 'inventory', 'lab'))).toBe('site/inventory/lab');
    expect(sharedName(dir)).toBe(path.basename(dir));
    symlinkSync('lab', path.join(dir, 'site', 'inventory', 'production'));
    symlinkSync('site', path.join(dir, 'linked'));
    expect(sharedName(path.join(dir, 'site', 'inventory', 'production'))).toBe('site/inventory/lab');
    expect(sharedName(path.join(dir, 'linked', 'inventory', 'lab'))).toBe('site/inventory/lab');
    expect(sharedName('a,b,')).toBe('a,b,');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
