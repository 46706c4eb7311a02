import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostKeyDiagnostic } from '../../../src/transport/host-key.ts';
import { fingerprint, hashedName, judgeHostKey, keyTypeOf, knownHostsName, matchesHost, orderAlgorithms, parseKnownHosts } from '../../../src/transport/known-hosts.ts';
import { addTrusted, type OfferedKey } from '../../../src/transport/trust.ts';

let dir = '';
const keys: Record<string, { type: string; base64: string; blob: Buffer; print: string }> = {};

function key(name: string): { type: string; base64: string; blob: Buffer; print: string } {
  const found = keys[name];
  if (found === undefined) throw new Error(`no key ${name}`);
  return found;
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'care-kh-'));
  for (const [name, type] of [['a', 'ed25519'], ['b', 'ed25519'], ['r', 'ecdsa']] as const) {
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', join(dir, name)]);
    const [keyType = '', base64 = ''] = readFileSync(join(dir, `${name}.pub`), 'utf8').trim().split(' ');
    const print = execFileSync('ssh-keygen', ['-lf', join(dir, `${name}.pub`)], { encoding: 'utf8' }).split(' ')[1] ?? '';
    keys[name] = { type: keyType, base64, blob: Buffer.from(base64, 'base64'), print };
  }
});
afterAll(() => { rmSync(dir, { recursive: true, force: true }); });

function line(hosts: string, name: string, marker = ''): string {
  return `${marker}${hosts} ${key(name).type} ${key(name).base64}`;
}

function verdict(text: string, host: string, name: string): string {
  return judgeHostKey(parseKnownHosts(text, 'kh'), host, key(name).blob).verdict;
}

describe('known_hosts', () => {
  it('matches a file that ssh-keygen -H has hashed', () => {
    const file = join(dir, 'hashed');
    writeFileSync(file, `${line('db1.example.org', 'a')}\n${line('[db1.example.org]:2222', 'b')}\n`);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('example');
    expect(verdict(text, 'db1.example.org', 'a')).toBe('trusted');
    expect(verdict(text, 'db1.example.org', 'b')).toBe('changed');
    expect(verdict(text, '[db1.example.org]:2222', 'b')).toBe('trusted');
    expect(verdict(text, 'db2.example.org', 'a')).toBe('unknown');
  });

  it('writes hashes that ssh-keygen finds', () => {
    const file = join(dir, 'ours');
    writeFileSync(file, `${line(hashedName('[h]:2200', Buffer.alloc(20, 7)), 'a')}\n`);
    expect(execFileSync('ssh-keygen', ['-F', '[h]:2200', '-f', file], { encoding: 'utf8' })).toContain(key('a').base64);
  });

  it.each([
    ['db1', 'db1', true],
    ['DB1', 'db1', true],
    ['db*', 'db12', true],
    ['db?', 'db12', false],
    ['*.example.org,!bad.example.org', 'good.example.org', true],
    ['*.example.org,!bad.example.org', 'bad.example.org', false],
    ['!bad.example.org', 'good.example.org', false],
    ['[h]:2222', 'h', false],
    ['[h]:2222', '[h]:2222', true],
    ['[*.x]:22*', '[a.x]:2222', true],
    ['10.0.0.1,db1', '10.0.0.1', true],
    ['d.1', 'db1', false],
    ['|1|AAAA', 'db1', false],
  ])('%s matches %s: %s', (field, name, expected) => {
    expect(matchesHost(field, name)).toBe(expected);
  });

  it('names ports as OpenSSH does', () => {
    expect(knownHostsName('DB1', 22)).toBe('db1');
    expect(knownHostsName('::1', 2222)).toBe('[::1]:2222');
  });

  it('a revocation beats every other line', () => {
    expect(verdict(`${line('h', 'a')}\n${line('*', 'a', '@revoked ')}`, 'h', 'a')).toBe('revoked');
    expect(verdict(`${line('h', 'a')}\n${line('*', 'b', '@revoked ')}`, 'h', 'a')).toBe('trusted');
  });

  it('tells certificate authorities from unknown hosts', () => {
    expect(verdict(line('*.x', 'a', '@cert-authority '), 'h.x', 'b')).toBe('certificate-only');
    expect(verdict(`${line('*.x', 'a', '@cert-authority ')}\n${line('h.x', 'b')}`, 'h.x', 'b')).toBe('trusted');
    // The authority's own key is not a host key.
    expect(verdict(line('*.x', 'a', '@cert-authority '), 'h.x', 'a')).toBe('certificate-only');
  });

  it('skips comments, garbage, keys whose type is not what the line says, and unknown markers', () => {
    const text = `# comment\n\ngarbage\nh ssh-rsa ${key('a').base64}\n@other ${line('h', 'a')}\n${line('h', 'a')} a comment\n`;
    expect(parseKnownHosts(text, 'f').map((l) => l.line)).toEqual([6]);
  });

  it('offers the algorithms of known keys first', () => {
    expect(orderAlgorithms(parseKnownHosts(line('h', 'r'), 'f'), 'h')[0]).toBe('ecdsa-sha2-nistp256');
    expect(orderAlgorithms([], 'h')[0]).toBe('ssh-ed25519');
    expect(orderAlgorithms([], 'h')).not.toContain('ssh-rsa');
  });

  it('prints fingerprints as ssh-keygen does', () => {
    expect(fingerprint(key('a').blob)).toBe(key('a').print);
    expect(keyTypeOf(key('r').blob)).toBe('ecdsa-sha2-nistp256');
    expect(keyTypeOf(Buffer.from([0, 0]))).toBeUndefined();
  });

  it('says where, what and what to do', () => {
    const text = `\n${line('h', 'a')}`;
    const d = hostKeyDiagnostic('web1', 'h', key('b').blob, judgeHostKey(parseKnownHosts(text, '/k'), 'h', key('b').blob), ['/k']);
    expect(d?.code).toBe('host-key-changed');
    expect(d?.detail).toContain(key('b').print);
    expect(d?.detail).toContain(`${key('a').print} (/k:2)`);
    expect(d?.remedy).toContain('care-provision trust INVENTORY web1 --replace');
    const unknown = hostKeyDiagnostic('web1', 'h', key('b').blob, { verdict: 'unknown' }, ['/k']);
    expect(unknown?.remedy).toContain('care-provision trust INVENTORY web1');
    expect(unknown?.kind).toBe('unreachable');
  });
});

describe('addTrusted', () => {
  const offered = (host: string, name: string): OfferedKey => ({ name: host, keyType: key(name).type, key: key(name).blob, fingerprint: key(name).print });

  it('creates a private file that ssh-keygen reads, and is idempotent', async () => {
    const file = join(dir, 'new', 'known_hosts');
    const first = await addTrusted(file, [offered('h', 'a'), offered('h', 'r')], { hash: true, replace: false });
    expect(first.added).toHaveLength(2);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(execFileSync('ssh-keygen', ['-F', 'h', '-f', file], { encoding: 'utf8' })).toContain(key('r').base64);
    const text = readFileSync(file, 'utf8');
    const second = await addTrusted(file, [offered('h', 'a')], { hash: true, replace: false });
    expect([second.added, second.kept.length, readFileSync(file, 'utf8')]).toEqual([[], 1, text]);
  });

  it('refuses another key of the same type unless told to replace', async () => {
    const file = join(dir, 'replace');
    writeFileSync(file, `# mine\n${line('h,10.0.0.1', 'a')}\n${line('other', 'a')}\n${line('h', 'b', '@revoked ').replace(key('b').base64, key('a').base64)}`);
    await expect(addTrusted(file, [offered('h', 'b')], { hash: false, replace: false })).rejects.toMatchObject({ code: 'host-key-changed' });
    const change = await addTrusted(file, [offered('h', 'b')], { hash: false, replace: true });
    expect(change.removed).toEqual([`${file}:2`]);
    const text = readFileSync(file, 'utf8');
    expect(text).toBe(`# mine\n${line('10.0.0.1', 'a')}\n${line('other', 'a')}\n${line('h', 'a', '@revoked ')}\n${line('h', 'b')}\n`);
    await expect(addTrusted(file, [offered('h', 'a')], { hash: false, replace: true })).rejects.toMatchObject({ code: 'host-key-revoked' });
  });

  it('does not touch a pattern that covers the host', async () => {
    const file = join(dir, 'pattern');
    writeFileSync(file, `${line('*.x', 'a')}\n`);
    await expect(addTrusted(file, [offered('h.x', 'b')], { hash: false, replace: true })).rejects.toMatchObject({ code: 'known-hosts-pattern' });
    expect(readFileSync(file, 'utf8')).toBe(`${line('*.x', 'a')}\n`);
  });

  it('lets writers in one after another, and names the lock that a dead one left', async () => {
    const file = join(dir, 'many');
    await Promise.all(Array.from({ length: 8 }, (_, i) => addTrusted(file, [offered(`h${String(i)}`, 'a')], { hash: false, replace: false })));
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(8);
    writeFileSync(`${file}.lock`, '4194305\n');
    await expect(addTrusted(file, [offered('h9', 'a')], { hash: false, replace: false })).rejects.toMatchObject({ code: 'known-hosts-locked', remedy: expect.stringContaining(`rm ${file}.lock`) as string });
    expect(readFileSync(file, 'utf8')).not.toContain('h9');
  });
});
