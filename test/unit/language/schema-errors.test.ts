import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { schemaErrors } from '../../../src/language/schema-errors.ts';
import { parseYaml } from '../../../src/language/yaml.ts';
import { formatPlace } from '../../../src/support/source.ts';

const Play = z.strictObject({
  hosts: z.union([z.string(), z.array(z.string())]),
  become: z.boolean().optional(),
  serial: z.union([z.int().positive(), z.string()]).optional(),
  state: z.enum(['present', 'absent']).default('present'),
  vars: z.record(z.string(), z.strictObject({ type: z.string() })).optional(),
  size: z.union([z.boolean(), z.int()]).optional(),
  list: z.array(z.string().min(2)).min(1).optional(),
  port: z.int().max(65535).optional(),
  tasks: z.lazy(() => z.array(z.strictObject({ name: z.string('must be a name') }))).optional(),
});

function complaints(text: string): string[] {
  const value = parseYaml({ path: 'p.yml', text }, { dialect: 'strict' });
  const result = Play.safeParse(value);
  if (result.success) throw new Error('the schema refused nothing');
  return schemaErrors(result.error, value, { what: 'a play', schema: Play }).list.map((d) =>
    [d.span === undefined ? '?' : formatPlace(d.span), d.code, d.message, d.detail, d.remedy].filter((part) => part !== undefined).join(' | '),
  );
}

describe('schemaErrors', () => {
  it.each([
    ['hosts: a\nbecme: true\n', 'p.yml:2:1 | unknown-key | becme is not known in a play | did you mean become?'],
    ['hosts: a\nbecome: yes\n', 'p.yml:2:9 | invalid-value | become must be true or false | in a play, found a string: "yes" | YAML 1.2 reads yes as a string: write true'],
    ['become: true\n', 'p.yml:1:1 | missing-key | hosts is missing in a play | hosts must be a string, or a list'],
    ['hosts: 3\n', 'p.yml:1:8 | invalid-value | hosts must be a string, or a list | in a play, found an integer: 3'],
    ['hosts: [a, 3]\n', 'p.yml:1:12 | invalid-value | hosts[1] must be a string | in a play, found an integer: 3'],
    ['hosts: a\nstate: presnt\n', 'p.yml:2:8 | invalid-value | state must be one of present, absent | in a play, found a string: "presnt" | did you mean present?'],
    ['hosts: a\nvars:\n  x: {typ: int, type: a}\n', 'p.yml:3:7 | unknown-key | typ is not known in vars.x of a play | did you mean type?'],
    ['hosts: a\nsize: no\n', 'p.yml:2:7 | invalid-value | size must be true or false, or a number | in a play, found a string: "no" | YAML 1.2 reads no as a string: write false'],
    ['hosts: a\nlist: []\n', 'p.yml:2:7 | invalid-value | list must have at least 1 entries | in a play, found a list'],
    ['hosts: a\nlist: [x]\n', 'p.yml:2:8 | invalid-value | list[0] must have at least 2 characters | in a play, found a string: "x"'],
    ['hosts: a\nport: 70000\n', 'p.yml:2:7 | invalid-value | port must be at most 65535 | in a play, found an integer: 70000'],
    ['hosts: a\ntasks:\n  - nam: x\n    name: y\n', 'p.yml:3:5 | unknown-key | nam is not known in tasks[0] of a play | did you mean name?'],
    ['hosts: a\ntasks:\n  - name: [x]\n', 'p.yml:3:11 | invalid-value | tasks[0].name must be a name | in a play, found a list'],
    ['- a\n', 'p.yml:1:1 | invalid-value | a play must be a map | found a list'],
  ])('explains %j', (text, expected) => {
    expect(complaints(text)).toEqual([expected]);
  });

  it('reports every complaint', () => {
    expect(complaints('hosts: 1\nfoo: 2\n')).toHaveLength(2);
  });
});
