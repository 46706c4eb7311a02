import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findModule, modules } from '../../../src/modules/registry.ts';

test('every module folder is registered', () => {
  const root = new URL('../../../src/modules/', import.meta.url);
  const folders = readdirSync(root, { withFileTypes: true }).filter((e) => e.isDirectory() && e.name !== 'common').map((e) => e.name);
  const withIndex = folders.filter((f) => readdirSync(new URL(`${f}/`, root)).includes('index.ts'));
  expect(withIndex.filter((f) => !modules.has(f))).toEqual([]);
});

test('a module is found by its short and by its full name', () => {
  const file = modules.get('file');
  expect(file).toBeDefined();
  expect(findModule('file')).toBe(file);
  expect(findModule('ansible.builtin.file')).toBe(file);
  expect(findModule('community.mysql.file')).toBeUndefined();
  expect(findModule('fil')).toBeUndefined();
});

test('every module has a summary without a full stop, and an example', () => {
  for (const module of modules.values()) {
    expect(module.summary, module.name).not.toMatch(/\.$/);
    expect(module.examples.length, `${module.name} has examples`).toBeGreaterThan(0);
  }
});
