/** Whom containerd asks for images: its hosts.toml (containerd's docs/hosts.md). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/container_runtime/templates/hosts.toml.hbs'), 'utf8');
const lines = (item: Readonly<Record<string, string | boolean | readonly string[]>>): readonly string[] => {
  const text = renderValue(TEMPLATE, createScope([{ values: { item }, templated: false }]));
  if (typeof text !== 'string') throw new Error('the file is text');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
};
const HOST = ['[host."https://mirror.example"]', '  capabilities = ["pull", "resolve"]'];

test('with a fallback the registry is asked under the name that containerd knows, docker.io under that of its API', () => {
  expect(lines({ registry: 'docker.io', endpoints: ['https://mirror.example'], fallback: true, ca: '' })).toEqual(HOST);
  expect(lines({ registry: '_default', endpoints: ['https://mirror.example'], fallback: true, ca: '' })).toEqual(HOST);
});

test('without, nobody but the mirrors', () => {
  expect(lines({ registry: 'docker.io', endpoints: ['https://mirror.example'], fallback: false, ca: '/etc/ssl/site.crt' })).toEqual(['server = "https://mirror.example"', 'ca = "/etc/ssl/site.crt"', ...HOST, '  ca = "/etc/ssl/site.crt"']);
});
