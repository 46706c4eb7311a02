import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadInventory } from '../../../../src/language/inventory/index.ts';
import { Diagnostic, DiagnosticList } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'care-enc-'));
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function inventory(plain: string): ReturnType<typeof loadInventory> {
  mkdirSync(path.join(dir, 'group_vars'), { recursive: true });
  writeFileSync(path.join(dir, 'hosts.yml'), 'all: {hosts: {h: }}');
  writeFileSync(path.join(dir, 'group_vars/all.yml'), '-----BEGIN AGE ENCRYPTED FILE-----\nsealed\n-----END AGE ENCRYPTED FILE-----\n');
  return loadInventory([dir], { decryptFile: () => plain });
}

describe('a file of variables that is encrypted whole', () => {
  it('gives secrets, not texts', () => {
    const vars = inventory('password: hunter22\nnested: {token: [abcd1234]}\nport: 5432\n').variablesOf('h');
    expect(vars['password']).toBeInstanceOf(Secret);
    expect(JSON.stringify(vars)).not.toMatch(/hunter22|abcd1234/);
    expect(vars['port']).toBe(5432);
  });

  it('shows no line of itself in an error', () => {
    let text = '';
    try {
      inventory('password: hunter22\n  broken: [\n').variablesOf('h');
    } catch (error) {
      if (error instanceof Diagnostic) text = error.format();
      else if (error instanceof DiagnosticList) text = error.list.map((d) => d.format()).join('\n');
      else throw error;
    }
    expect(text).toMatch(/all\.yml:\d+:\d+/);
    expect(text).not.toContain('hunter22');
  });
});
