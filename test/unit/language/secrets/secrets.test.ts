import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { armor, Encrypter } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Diagnostic } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { formatPlace } from '../../../../src/support/source.ts';
import type { Value, ValueMap } from '../../../../src/support/value.ts';
import { EncryptedValue } from '../../../../src/language/encrypted.ts';
import { concealTexts, decryptAll, decryptValue, editSecret, encryptFile, encryptValue, generateSecret, initSecrets, inventorySecrets, rotateSecrets, type IdentityOptions } from '../../../../src/language/secrets/index.ts';
import { createScope } from '../../../../src/language/scope.ts';
import { parseYaml } from '../../../../src/language/yaml.ts';

let root: string;
let inventory: string;
let mine: IdentityOptions;

const person = (name: string): IdentityOptions => ({ environment: { CARE_IDENTITY_FILE: join(root, 'keys', `${name}.txt`), PATH: process.env['PATH'] } });
const at = (...parts: string[]): string => join(inventory, ...parts);
const read = (...parts: string[]): string => readFileSync(at(...parts), 'utf8');

async function rejected(promise: Promise<unknown>): Promise<Diagnostic> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Diagnostic) return error;
    throw error;
  }
  return expect.fail('nothing was thrown');
}
function thrown(run: () => unknown): Diagnostic {
  try {
    run();
  } catch (error) {
    if (error instanceof Diagnostic) return error;
    throw error;
  }
  return expect.fail('nothing was thrown');
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'care-secrets-'));
  inventory = join(root, 'inventory');
  mkdirSync(inventory);
  mine = person('me');
  await initSecrets(inventory, 'me', mine);
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('init', () => {
  it('makes a private key for its owner only and lists the public one, once', async () => {
    const key = join(root, 'keys', 'me.txt');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, 'keys')).mode & 0o777).toBe(0o700);
    const before = read('secrets', 'recipients.txt');
    const again = await initSecrets(inventory, 'me', mine);
    expect(again).toMatchObject({ identityMade: false, recipientAdded: false });
    expect(read('secrets', 'recipients.txt')).toBe(before);
    const other = await initSecrets(inventory, 'you', person('you'));
    expect(read('secrets', 'recipients.txt')).toBe(`${before}${other.recipient}  # you\n`);
    expect(readFileSync(key, 'utf8')).toContain('AGE-SECRET-KEY-1');
    expect(before).not.toContain('AGE-SECRET');
  });
});

describe('the private key', () => {
  it('is refused when others can read it, when it is missing, and when it is no key', async () => {
    const armored = (await encryptValue(inventory, new Secret('plain-text-x'))).replace(/^!secret \|\n/, '').replaceAll('  ', '');
    const key = join(root, 'keys', 'me.txt');
    expect(decryptValue(armored, mine).reveal()).toBe('plain-text-x');
    chmodSync(key, 0o640);
    expect(thrown(() => decryptValue(armored, mine))).toMatchObject({ code: 'open-key-file' });
    chmodSync(key, 0o600);
    writeFileSync(key, '# nothing\n');
    expect(thrown(() => decryptValue(armored, mine)).code).toBe('bad-key-file');
    writeFileSync(key, 'AGE-SECRET-KEY-PQ-1ABC\n');
    expect(thrown(() => decryptValue(armored, mine)).format()).not.toContain('1ABC');
    rmSync(key);
    expect(thrown(() => decryptValue(armored, mine))).toMatchObject({ code: 'no-key' });
  });

  it('may be protected by a passphrase in a file', async () => {
    const armored = (await encryptValue(inventory, new Secret('s'), 0)).replace('!secret |\n', '');
    const key = join(root, 'keys', 'me.txt');
    const encrypter = new Encrypter();
    encrypter.setPassphrase('open sesame');
    encrypter.setScryptWorkFactor(8);
    writeFileSync(key, armor.encode(await encrypter.encrypt(readFileSync(key))));
    expect(thrown(() => decryptValue(armored, mine)).code).toBe('locked-key');
    const passphrase = join(root, 'pass');
    writeFileSync(passphrase, 'open sesame\n', { mode: 0o600 });
    expect(decryptValue(armored, { environment: { ...mine.environment, CARE_IDENTITY_PASSPHRASE_FILE: passphrase } }).reveal()).toBe('s');
    writeFileSync(passphrase, 'wrong\n');
    expect(thrown(() => decryptValue(armored, { environment: { ...mine.environment, CARE_IDENTITY_PASSPHRASE_FILE: passphrase } })).code).toBe('locked-key');
  });
});

describe('values in YAML', () => {
  it('come back through the parser and the scope, decrypted once, only when used', async () => {
    const text = `port: 5432\ndb:\n  password: ${await encryptValue(inventory, new Secret('p{{x}}w-secret'), 4)}url: "postgres://{{ db.password }}@h"\n`;
    const value = parseYaml({ path: 'vars.yml', text }, { dialect: 'ansible' }) as ValueMap;
    const secrets = inventorySecrets([inventory], mine);
    const scope = createScope([{ values: value, templated: true }], { decrypt: secrets.decrypt });
    const url = scope.get('url');
    expect(url instanceof Secret && url.reveal()).toBe('postgres://p{{x}}w-secret@h');
    const { password } = (value['db'] ?? {}) as { password: unknown };
    if (!(password instanceof EncryptedValue)) return expect.fail('not an encrypted value');
    expect(secrets.decrypt(password)).toBe(secrets.decrypt(password));
    const without = createScope([{ values: value, templated: true }], { decrypt: inventorySecrets([inventory], person('nobody')).decrypt });
    expect(without.get('port')).toBe(5432);
    expect(thrown(() => without.get('url')).code).toBe('no-key');
    await initSecrets(join(root, 'other.yml'), 'x', person('stranger'));
    const wrong = thrown(() => createScope([{ values: value, templated: true }], { decrypt: inventorySecrets([inventory], person('stranger')).decrypt }).get('url'));
    expect(wrong.code).toBe('wrong-key');
    expect(wrong.span === undefined ? '' : formatPlace(wrong.span)).toMatch(/^vars\.yml:3:/);
  });

  it('decrypts a hundred of one inventory', async () => {
    const values: EncryptedValue[] = [];
    for (let i = 0; i < 100; i += 1) values.push(new EncryptedValue((await encryptValue(inventory, new Secret(`value ${String(i)}`), 0)).replace('!secret |\n', ''), { file: { path: 'x', text: '' }, start: 0, end: 0 }));
    const { decrypt } = inventorySecrets([inventory], mine);
    values.forEach((value, i) => { expect(decrypt(value).reveal()).toBe(`value ${String(i)}`); });
  });

  it('of a whole file are secrets too', async () => {
    writeFileSync(at('all.yml'), 'a: hidden-value\nn: 3\nl: [x-hidden]\n', { mode: 0o640 });
    await encryptFile(inventory, at('all.yml'));
    expect(statSync(at('all.yml')).mode & 0o777).toBe(0o640);
    const text = inventorySecrets([inventory], mine).decryptFile({ path: 'all.yml', text: read('all.yml') });
    expect(text).toBe('a: hidden-value\nn: 3\nl: [x-hidden]\n');
    const value: Value = concealTexts(parseYaml({ path: 'all.yml', text }, { dialect: 'ansible' }));
    expect(value).toMatchObject({ n: 3 });
    expect(value).toHaveProperty('a', expect.any(Secret));
    expect(value).toHaveProperty('l', [expect.any(Secret)]);
    expect((await rejected(encryptFile(inventory, at('all.yml')))).code).toBe('already-encrypted');
    expect(decryptAll(at('all.yml'), mine).map((s) => s.value.reveal())).toEqual([text]);
  });
});

describe('rotate', () => {
  const decrypted = (path: string, who: IdentityOptions): Record<string, string> => Object.fromEntries(decryptAll(path, who).map((s) => [s.path, s.value.reveal()]));

  it('encrypts all anew for the recipients of now, and leaves every other character alone', async () => {
    const block = await encryptValue(inventory, new Secret('one-secret'), 6);
    const inline = JSON.stringify((await encryptValue(inventory, new Secret('two-secret'), 0)).replace('!secret |\n', ''));
    mkdirSync(at('group_vars', 'all'), { recursive: true });
    const text = `# a comment\nlist:\n  - name: "ä" # odd   spacing\n    pw: ${block}  - pw: !secret ${inline}   # trailing\nport:   5432\n\n\nlast: 'x'`;
    writeFileSync(at('group_vars', 'all', 'vars.yml'), text);
    writeFileSync(at('plain.yml'), 'a:   1\n');
    writeFileSync(at('whole.yml'), 'w: 3\n');
    await encryptFile(inventory, at('whole.yml'));
    const you = person('you');
    await initSecrets(inventory, 'you', you);
    expect(thrown(() => decryptAll(at('group_vars', 'all', 'vars.yml'), you)).code).toBe('wrong-key');
    const result = await rotateSecrets(inventory, [], mine);
    expect(result.files).toEqual([{ path: at('group_vars', 'all', 'vars.yml'), values: 2 }, { path: at('whole.yml'), values: 1 }]);
    expect(read('plain.yml')).toBe('a:   1\n');
    for (const who of [mine, you]) {
      expect(decrypted(at('group_vars', 'all', 'vars.yml'), who)).toEqual({ 'list.0.pw': 'one-secret', 'list.1.pw': 'two-secret' });
      expect(decrypted(at('whole.yml'), who)).toEqual({ '': 'w: 3\n' });
    }
    const bare = (t: string): string => t.replaceAll(/-----BEGIN AGE[\s\S]*?-----END AGE ENCRYPTED FILE-----/g, 'AGE');
    expect(bare(read('group_vars', 'all', 'vars.yml'))).toBe(bare(text));
    expect(readdirSync(inventory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('changes nothing when one value cannot be read, or when its caller would be locked out', async () => {
    writeFileSync(at('a.yml'), `x: ${await encryptValue(inventory, new Secret('first-secret'))}`);
    const a = read('a.yml');
    const foreign = join(root, 'foreign');
    mkdirSync(foreign);
    await initSecrets(foreign, 'them', person('them'));
    writeFileSync(at('b.yml'), `y: ${await encryptValue(foreign, new Secret('second-secret'))}`);
    expect((await rejected(rotateSecrets(inventory, [], mine))).code).toBe('wrong-key');
    expect(read('a.yml')).toBe(a);
    rmSync(at('b.yml'));
    writeFileSync(at('secrets', 'recipients.txt'), readFileSync(join(foreign, 'secrets', 'recipients.txt')));
    expect((await rejected(rotateSecrets(inventory, [], mine))).code).toBe('lock-out');
    expect(read('a.yml')).toBe(a);
  });

  it('says so when a private key stands among the recipients', async () => {
    writeFileSync(at('secrets', 'recipients.txt'), `# x\n${/AGE-SECRET.*/.exec(readFileSync(join(root, 'keys', 'me.txt'), 'utf8'))?.[0] ?? ''}\n`);
    const d = await rejected(rotateSecrets(inventory, [], mine));
    expect(d.code).toBe('bad-recipient');
    expect(d.remedy).toContain('PRIVATE');
  });
});

describe('generate', () => {
  it.each([
    ['password', 24, /^[A-Za-z0-9]{24}$/],
    ['hex', 16, /^[0-9a-f]{32}$/],
    ['base64', 32, /^[A-Za-z0-9+/]{43}=$/],
    ['uuid', undefined, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ['ssh-ed25519', undefined, /^-----BEGIN OPENSSH PRIVATE KEY-----\n[\s\S]+-----END OPENSSH PRIVATE KEY-----\n$/],
  ] as const)('makes a %s once', async (kind, length, pattern) => {
    const request = { name: 'db_password', kind, ...(length === undefined ? {} : { length }) };
    const first = await generateSecret(inventory, request);
    expect(first).toEqual({ file: at('group_vars', 'all', 'generated.yml'), made: true });
    const text = read('group_vars', 'all', 'generated.yml');
    expect((await generateSecret(inventory, request)).made).toBe(false);
    expect(read('group_vars', 'all', 'generated.yml')).toBe(text);
    const [value] = decryptAll(first.file, mine);
    expect(value?.path).toBe('db_password');
    expect(value?.value.reveal()).toMatch(pattern);
    expect(/db_password_public: "ssh-ed25519 AAAA[^"]+ db_password"/.test(text)).toBe(kind === 'ssh-ed25519');
    await generateSecret(inventory, { name: 'second', kind: 'hex' });
    expect(read('group_vars', 'all', 'generated.yml').startsWith(text)).toBe(true);
    expect(decryptAll(first.file, mine)).toHaveLength(2);
  });

  it('refuses weak lengths, bad names and files that are not maps', async () => {
    expect((await rejected(generateSecret(inventory, { name: 'x', kind: 'password', length: 8 }))).code).toBe('bad-length');
    expect((await rejected(generateSecret(inventory, { name: 'a-b', kind: 'hex' }))).code).toBe('bad-name');
    for (const content of ['- a\n', '{a: 1}\n', 'a: [\n', '--- \na: 1\n---\nb: 2\n']) {
      writeFileSync(at('g.yml'), content);
      expect((await rejected(generateSecret(inventory, { name: 'x', kind: 'hex', file: 'g.yml' }))).kind).toBe('bad-input');
      expect(read('g.yml')).toBe(content);
    }
  });
});

describe('edit', () => {
  const editor = (script: string): IdentityOptions & { editor: string } => {
    const path = join(root, 'editor.sh');
    writeFileSync(path, `#!/bin/sh\necho "$1 $(stat -c %a "$1")" > ${root}/seen\n${script}\n`, { mode: 0o700 });
    return { ...mine, editor: path };
  };

  it('changes one value in place, and removes what it showed', async () => {
    const other = await encryptValue(inventory, new Secret('other-secret'));
    writeFileSync(at('v.yml'), `# top\ndb:\n  pw: ${await encryptValue(inventory, new Secret('old-secret'), 4)}o: ${other}`);
    expect(await editSecret(inventory, at('v.yml'), 'db.pw', editor('sed -i s/old/new/ "$1"'))).toBe(true);
    expect(decryptAll(at('v.yml'), mine).map((s) => s.value.reveal())).toEqual(['new-secret', 'other-secret']);
    expect(read('v.yml').endsWith(`o: ${other}`)).toBe(true);
    const [path = '', mode] = readFileSync(join(root, 'seen'), 'utf8').trim().split(' ');
    expect(mode).toBe('600');
    expect(existsSync(path)).toBe(false);
    expect(existsSync(join(path, '..'))).toBe(false);
  });

  it('writes nothing when nothing changed or the editor failed', async () => {
    writeFileSync(at('v.yml'), `pw: ${await encryptValue(inventory, new Secret('old-secret'))}`);
    const before = read('v.yml');
    expect(await editSecret(inventory, at('v.yml'), 'pw', editor('true'))).toBe(false);
    expect((await rejected(editSecret(inventory, at('v.yml'), 'pw', editor('echo x > "$1"; exit 3')))).code).toBe('editor-failed');
    expect(read('v.yml')).toBe(before);
    expect(existsSync(readFileSync(join(root, 'seen'), 'utf8').split(' ')[0] ?? '')).toBe(false);
    expect((await rejected(editSecret(inventory, at('v.yml'), 'wp', editor('true')))).remedy).toContain('pw');
  });

  it('makes and edits whole files, and sees when somebody else was faster', async () => {
    expect(await editSecret(inventory, at('s.yml'), undefined, editor('echo "a: b" > "$1"'))).toBe(true);
    expect(decryptAll(at('s.yml'), mine).map((s) => s.value.reveal())).toEqual(['a: b\n']);
    const raced = await rejected(editSecret(inventory, at('s.yml'), undefined, editor(`echo x >> ${at('s.yml')}; echo "a: c" > "$1"`)));
    expect(raced.code).toBe('file-changed');
    writeFileSync(at('open.yml'), 'a: 1\n');
    expect((await rejected(editSecret(inventory, at('open.yml'), undefined, editor('true')))).code).toBe('not-encrypted');
  });
});
