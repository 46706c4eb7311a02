import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatJson, loadInventory, type InventoryOptions } from '../../../../src/language/inventory/index.ts';
import { pythonText } from '../../../../src/language/inventory/python-text.ts';
import { spanOf } from '../../../../src/language/positions.ts';
import { Diagnostic, DiagnosticList } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { formatPlace } from '../../../../src/support/source.ts';

const before = process.cwd();
let scratch = '';

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'care-inventory-'));
  process.chdir(scratch);
});

afterEach(() => {
  process.chdir(before);
  rmSync(scratch, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(scratch, path)), { recursive: true });
    writeFileSync(join(scratch, path), text);
  }
}

function load(files: Readonly<Record<string, string>>, sources = ['hosts.yml'], options: InventoryOptions = {}) {
  write(files);
  return loadInventory(sources, options);
}

function problems(attempt: () => unknown): Diagnostic[] {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Diagnostic) return [error];
    if (error instanceof DiagnosticList) return [...error.list];
    throw error;
  }
  throw new Error('nothing was refused');
}

const CLUSTER = 'all: {children: {web: {hosts: {"web[1:3]": }}, db: {hosts: {db1: , db2: }}}}\n';

describe('broken inventories are refused, with a place', () => {
  it.each([
    ['all:\n  hots:\n    a:\n', 'hosts.yml:2:3', /Did you mean hosts/],
    ['all:\n  web:\n    hosts:\n', 'hosts.yml:2:3', /children/],
    ['all:\n  hosts:\n    - a\n    - b\n', 'hosts.yml:3:5', /"name:" in place of "- name"/],
    ['all:\n  hosts:\n    a: 10.0.0.1\n', 'hosts.yml:3:8', /must be a map, not a string/],
    ['web: [a]\n', 'hosts.yml:1:6', /group web must be a map/],
    ['all:\n  vars:\n    - a: 1\n', 'hosts.yml:3:5', /vars of group all must be a map/],
    ['all:\n  hosts:\n    1: {}\n', 'hosts.yml:3:5', /quote it: "1"/],
    ['all:\n  hosts:\n    no: {}\n', 'hosts.yml:3:5', /must be text/],
    ['2024:\n  hosts: {a: }\n', 'hosts.yml:1:1', /quote it: "2024"/],
    ['all:\n  hosts:\n    db[5:1]:\n', 'hosts.yml:3:5', /holds nothing/],
    ['all:\n  hosts:\n    db[01:5]:\n', 'hosts.yml:3:5', /equally long/],
    ['all:\n  hosts:\n    db[a:5]:\n', 'hosts.yml:3:5', /numbers or over letters/],
    ['all:\n  hosts:\n    db[1:]:\n', 'hosts.yml:3:5', /must have an end/],
    ['all:\n  hosts:\n    db[1:9:0]:\n', 'hosts.yml:3:5', /step/],
    ['all:\n  hosts:\n    "db[1:3":\n', 'hosts.yml:3:5', /not closed/],
    ['all:\n  hosts:\n    db[1:999999999]:\n', 'hosts.yml:3:5', /at most/],
    ['all:\n  hosts:\n    n[1:900].r[1:900]:\n', 'hosts.yml:3:5', /at most/],
    ['a: {children: {b: {children: {a: }}}}\n', 'hosts.yml:1:16', /the circle is b > a > b/],
    ['a: {children: {a: }}\n', 'hosts.yml:1:16', /cannot be inside/],
    ['a: {children: {all: }}\nall: {children: {a: }}\n', 'hosts.yml:2:18', /circle/],
    ['a: {vars: {ansible_group_priority: high}}\n', 'hosts.yml:1:36', /integer/],
    ['plugin: amazon.aws.aws_ec2\n', 'hosts.yml:1:1', /dynamic inventories/],
    ['- a\n', 'hosts.yml:1:1', /map of groups/],
    ['all: {hosts: {a: }}\nall: {hosts: {b: }}\n', 'hosts.yml:2:1', /set twice/],
  ])('%j', (text, place, words) => {
    const [problem, ...others] = problems(() => load({ 'hosts.yml': text }));
    expect(others).toEqual([]);
    expect(problem?.exitStatus).toBe(65);
    expect(problem?.span && formatPlace(problem.span)).toBe(place);
    expect(problem?.format()).toMatch(words);
  });

  it('reports several mistakes at once', () => {
    expect(problems(() => load({ 'hosts.yml': 'a: {hots: }\nb: {hosts: [x]}\n' }))).toHaveLength(2);
  });

  it.each([
    [{ 'inv/hosts': '[web]\na\nb\n' }, /INI form/],
    [{ 'inv/hosts': 'a\nb\n' }, /not a YAML inventory/],
    [{ 'inv/ec2.py': 'print()\n' }, /\.py/],
    [{ 'inv/run': '#!/bin/sh\necho {}\n' }, /dynamic/],
    [{ 'inv/x.toml': '' }, /\.toml/],
    [{ 'inv/a.yml': '$ANSIBLE_VAULT;1.1;AES256\n66\n' }, /vault/],
    [{ 'inv/a.yml': 'all: {hosts: {a: }}\n', 'inv/group_vars/all.yml': '- a\n' }, /must be a map, not a list/],
    [{ 'inv/a.yml': 'all: {hosts: {a: }}\n', 'inv/host_vars/a.yml': 'a: {{ x }}\n' }, /must be quoted/],
    [{ 'inv/a.yml': 'all: {hosts: {a: }}\n', 'inv/group_vars/all': '$ANSIBLE_VAULT;1.1;AES256\n66\n' }, /vault/],
    [{ 'inv/a.yml': 'all: {hosts: {a: }}\n', 'inv/group_vars/all.yml': '-----BEGIN AGE ENCRYPTED FILE-----\n' }, /no key/],
    [{}, /inv: there is no such file/],
  ])('of a directory: %j', (files, words) => {
    const [problem] = problems(() => load(files, ['inv']));
    expect(problem?.exitStatus).toBe(65);
    expect(problem?.format()).toMatch(words);
  });

  it('names the INI file given by itself', () => {
    expect(problems(() => load({ 'hosts.ini': '[web]\n' }, ['hosts.ini']))[0]?.message).toBe('hosts.ini is not a YAML inventory');
  });
});

describe('variables', () => {
  it('keep their places through every merge', () => {
    const inventory = load({
      'hosts.yml': 'all:\n  vars: {a: 1}\n  hosts:\n    h: {b: 2}\n',
      'group_vars/all.yml': 'c: 3\nd: 4\n',
      'host_vars/h.yml': '# own\nd: 5\n',
    });
    const variables = inventory.variablesOf('h');
    const place = (name: string) => {
      const span = spanOf(variables, name);
      return span === undefined ? undefined : formatPlace(span);
    };
    expect(variables).toEqual({ a: 1, b: 2, c: 3, d: 5 });
    expect(['a', 'b', 'c', 'd'].map(place)).toEqual(['hosts.yml:2:13', 'hosts.yml:4:12', 'group_vars/all.yml:1:4', 'host_vars/h.yml:2:4']);
  });

  it('of encrypted files are read with a key', () => {
    const files = { 'hosts.yml': 'all: {hosts: {h: }}\n', 'group_vars/all.yml': '-----BEGIN AGE ENCRYPTED FILE-----\nx\n' };
    expect(load(files, ['hosts.yml'], { decryptFile: () => 'v: 1\n' }).variablesOf('h')).toEqual({ v: 1 });
  });

  it('that are secrets can be listed without a key', () => {
    const armored = '-----BEGIN AGE ENCRYPTED FILE-----\nabc\n-----END AGE ENCRYPTED FILE-----\n';
    const inventory = load({ 'hosts.yml': `all: {hosts: {h: }}\n`, 'host_vars/h.yml': `pw: !secret |\n  ${armored.trim().replaceAll('\n', '\n  ')}\n` });
    expect(inventory.hostJson('h')).toEqual({ pw: { __care_secret: armored } });
    expect(inventory.graph({ variables: true })).toContain('{pw = ********}');
  });

  it('give what Ansible calls magic', () => {
    const inventory = load({ 'inv/hosts.yml': 'b: {hosts: {h.example.org: }}\na: {hosts: {h.example.org: , 192.0.2.1: }}\n' }, ['inv']);
    expect(inventory.magicVariablesOf('h.example.org')).toEqual({
      inventory_hostname: 'h.example.org',
      inventory_hostname_short: 'h',
      group_names: ['a', 'b'],
      inventory_file: join(process.cwd(), 'inv/hosts.yml'),
      inventory_dir: join(process.cwd(), 'inv'),
    });
    expect(inventory.magicVariablesOf('192.0.2.1')['inventory_hostname_short']).toBe('192.0.2.1');
  });

  it('of the implicit localhost are those of all', () => {
    const inventory = load({ 'hosts.yml': 'all: {hosts: {a: }, vars: {v: 1}}\n', 'host_vars/localhost.yml': 'w: 2\n' });
    expect(inventory.variablesOf('localhost')).toEqual({ v: 1, w: 2, ansible_connection: 'local' });
    expect(inventory.hosts).toEqual(['a']);
    expect(inventory.warnings).toEqual([]);
  });
});

describe('host patterns', () => {
  it('warn of parts that match nothing', () => {
    const said: string[] = [];
    expect(load({ 'hosts.yml': CLUSTER }).select('wbe,db1', undefined, (w) => said.push(w.format()))).toEqual(['db1']);
    expect(said).toEqual(['no host or group matches wbe\nDid you mean web?']);
  });

  it('are cut down by a limit', () => {
    const inventory = load({ 'hosts.yml': CLUSTER, 'retry.txt': 'db2\n\nweb2\n' });
    expect(inventory.select('web', 'web2,db')).toEqual(['web2']);
    expect(inventory.select('all', '@retry.txt')).toEqual(['web2', 'db2']);
    expect(inventory.select('all', '!web')).toEqual(['db1', 'db2']);
    expect(inventory.select('web', 'db')).toEqual([]);
  });

  it.each([
    ['wbe', /Did you mean web\?/],
    ['web:!bd1', /no host or group matches bd1\nDid you mean db1/],
    ['web,dbx*', /dbx/],
    ['web:!web', /leaves no host/],
    ['@nofile', /not there/],
    ['@.', /not a file/],
  ])('refuse the limit %s', (limit, words) => {
    const inventory = load({ 'hosts.yml': CLUSTER });
    const [problem] = problems(() => inventory.select('all', limit));
    expect(problem?.exitStatus).toBe(65);
    expect(problem?.format()).toMatch(words);
  });

  it.each([
    ['web[7]', /has 3, counted from 0/],
    ['~w(?=e)', /RE2/],
    ['!', /nothing after its sign/],
  ])('refuse %s', (pattern, words) => {
    const inventory = load({ 'hosts.yml': CLUSTER });
    expect(problems(() => inventory.select(pattern))[0]?.format()).toMatch(words);
  });
});

describe('questions about what is not there', () => {
  it('are answered with the nearest name', () => {
    const inventory = load({ 'hosts.yml': CLUSTER });
    expect(problems(() => inventory.variablesOf('bd1'))[0]?.format()).toMatch(/Did you mean db1/);
    expect(problems(() => inventory.hostsOfGroup('webb'))[0]?.format()).toMatch(/Did you mean web/);
    expect(problems(() => inventory.graph({ group: 'x' }))[0]?.exitStatus).toBe(65);
  });
});

it('warns of files of variables that nobody gets', () => {
  const inventory = load({
    'hosts.yml': CLUSTER,
    'group_vars/wbe.yml': 'a: 1\n',
    'group_vars/db.yml': 'a: 1\n',
    'group_vars/db.yaml': 'a: 2\n',
    'host_vars/web9/x.yml': 'a: 1\n',
    'host_vars/notes.txt': '',
  });
  expect(inventory.warnings.map((w) => w.format().split('\n').slice(-1)[0])).toEqual(['To do: put all of it into one directory', 'Did you mean web?', 'Did you mean web1?']);
  expect(inventory.variablesOf('db1')).toEqual({ a: 1 });
});

it('prints JSON as Python does', () => {
  expect(formatJson({ b: [], a: { é: NaN, 10: [1, 'x\n'], 9: {} } })).toBe('{\n    "a": {\n        "10": [\n            1,\n            "x\\n"\n        ],\n        "9": {},\n        "é": NaN\n    },\n    "b": []\n}');
});

it('writes values as Python does', () => {
  expect(pythonText({ a: [true, null, 1.5, 'it\'s', 'x"y', 'é\n\u0001 ', `'"`], s: new Secret('hush-hush') })).toBe(`{'a': [True, None, 1.5, "it's", 'x"y', 'é\\n\\x01 ', '\\'"'], 's': ********}`);
  expect(pythonText([Infinity, -Infinity, NaN])).toBe('[inf, -inf, nan]');
});
