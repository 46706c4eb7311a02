import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { valueFrom } from '../../../src/cli/actions/secrets.ts';
import { main } from '../../../src/cli/cli.ts';
import { SECRET_KINDS } from '../../../src/cli/commands/secrets.ts';
import { GENERATED_KINDS } from '../../../src/language/secrets/index.ts';
import { fakeContext, type FakeContext } from './fakes.ts';

let directory = '';
let inventory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'care-secrets-'));
  inventory = join(directory, 'inventory');
  mkdirSync(inventory);
  vi.stubEnv('CARE_IDENTITY_FILE', join(directory, 'identity.txt'));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

async function care(...args: readonly string[]): Promise<FakeContext & { status: number }> {
  const context = fakeContext(directory);
  return { ...context, status: await main(args, context) };
}

describe('secrets', () => {
  test('init, generate, decrypt, rotate: the value is made once and shown only when asked for', async () => {
    expect((await care('secrets', 'init', inventory)).stdout.text()).toContain('a new private key');
    expect((await care('secrets', 'init', inventory)).stdout.text()).toContain('has your key already');
    const made = await care('secrets', 'generate', inventory, 'db_password', '--length', '40');
    expect([made.status, made.stdout.text()]).toEqual([0, `${join(inventory, 'group_vars', 'all', 'generated.yml')}: db_password made\n`]);
    const file = join(inventory, 'group_vars', 'all', 'generated.yml');
    const before = readFileSync(file, 'utf8');
    expect((await care('secrets', 'generate', inventory, 'db_password')).stdout.text()).toContain('is there already and stays');
    expect(readFileSync(file, 'utf8')).toBe(before);
    const shown = (await care('secrets', 'decrypt', file, 'db_password')).stdout.text();
    expect(shown).toMatch(/^[A-Za-z0-9]{40}\n$/);
    expect((await care('secrets', 'decrypt', file)).stdout.text()).toBe(`db_password: "${shown.trim()}"\n`);
    const rotated = await care('secrets', 'rotate', inventory);
    expect(rotated.stdout.text()).toContain('1 file encrypted anew');
    expect((await care('secrets', 'decrypt', file, 'db_password')).stdout.text()).toBe(shown);
    // Everywhere else it is masked by now.
    rotated.stdout.write(shown);
    expect(rotated.stdout.text()).not.toContain(shown.trim());
  });

  test('a whole file is encrypted in place', async () => {
    const file = join(directory, 'key.pem');
    writeFileSync(file, 'a private key\n');
    expect((await care('secrets', 'encrypt', inventory, file)).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('BEGIN AGE ENCRYPTED FILE');
    expect((await care('secrets', 'decrypt', file)).stdout.text()).toBe('a private key\n');
    expect((await care('secrets', 'encrypt', inventory, file)).status).toBe(65);
  });

  test('an unknown key is refused with the nearest', async () => {
    const { status, stderr } = await care('secrets', 'decrypt', join(inventory, 'group_vars', 'all', 'generated.yml'), 'db_pasword');
    expect(status).toBe(65);
    expect(stderr.text()).toContain('Did you mean db_password?');
  });

  test('the kinds offered are those there are', () => {
    expect(SECRET_KINDS).toEqual(GENERATED_KINDS);
  });

  test('a value on stdin loses one final newline, and is bounded', async () => {
    expect(await valueFrom(Readable.from([Buffer.from('caf'), Buffer.from('é\n\n')]))).toBe('café\n');
    await expect(valueFrom(Readable.from([Buffer.alloc(1024 * 1024), 'x']))).rejects.toThrow('larger than 1 MiB');
  });
});
