/** The examples of all modules, read as `validate` reads a playbook. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify, parse } from 'yaml';
import { modules } from '../../../src/modules/registry.ts';
import { validateProject } from '../../../src/run/validate-project.ts';
import { DiagnosticList, Diagnostic } from '../../../src/support/diagnostic.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-examples-'));
  writeFileSync(path.join(directory, 'inventory.yml'), 'all:\n  hosts:\n    one:\n');
});
afterAll(() => { rmSync(directory, { recursive: true }); });

/** What an example leaves to the reader: its own variables, files and handlers. */
const OF_THE_READER = ['undefined-variable', 'file-not-found', 'unknown-handler'];

function problems(task: string): readonly string[] {
  const playbook = path.join(directory, 'playbook.yml');
  writeFileSync(playbook, stringify([{ hosts: 'all', tasks: [parse(task, { version: '1.2' }) as unknown].flat() }], { version: '1.2' }));
  try {
    const found = validateProject({ inventory: [path.join(directory, 'inventory.yml')], playbooks: [playbook], limit: undefined, extraVars: {} });
    expect(found.tasks).toBeGreaterThan(0);
    return found.problems.filter((p) => !OF_THE_READER.includes(p.code)).map((p) => `${p.code}: ${p.format()}`);
  } catch (error) {
    if (error instanceof DiagnosticList) return error.list.map((p) => `${p.code}: ${p.format()}`);
    if (error instanceof Diagnostic) return [`${error.code}: ${error.format()}`];
    throw error;
  }
}

test.each([...modules.values()].flatMap((m) => m.examples.map((e) => [`${m.name}: ${e.title}`, e.yaml] as const)))('%s', (_title, task) => {
  expect(problems(task)).toEqual([]);
});

test('a mistake in an example would be found', () => {
  expect(problems('file: { path: /x, state: directry }\n')).not.toEqual([]);
  expect(problems('ping: {}\nwhen: "1 +"\n')).not.toEqual([]);
});
