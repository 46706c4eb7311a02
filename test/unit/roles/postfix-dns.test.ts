/** The program of role postfix that prints the DNS records and looks them up, with a stand-in for dig; the drill asks a real server. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createScope } from '../../../src/language/scope.ts';
import { renderValue } from '../../../src/language/template/index.ts';

const TEMPLATE = readFileSync(path.join(import.meta.dirname, '../../../roles/postfix/templates/care-postfix-dns.hbs'), 'utf8');
const SHELLS: readonly { readonly name: string; readonly words: readonly string[] }[] = [{ name: 'dash', words: ['dash'] }, { name: 'busybox', words: ['busybox', 'sh'] }];
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-postfix-dns-'));
  mkdirSync(path.join(directory, 'dkim'));
  execFileSync('openssl', ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', path.join(directory, 'dkim', 'a.key')], { stdio: 'ignore' });
  const values = {
    postfix_domain: 'care.test', postfix_domain_names: ['care.test', 'lab.test'], postfix_nameservers: ['192.0.2.1', '192.0.2.2'], postfix_dkim_dir: path.join(directory, 'dkim'), postfix_dkim_host: 'm1',
    postfix_dns_ttl: 3600, postfix_mta_sts: 'off', postfix_peers: [{ hostname: 'm1.care.test' }],
  };
  const text = renderValue(TEMPLATE, createScope([{ values, templated: false }]));
  if (typeof text !== 'string') throw new Error('the program is text');
  writeFileSync(path.join(directory, 'program'), text.replaceAll('/etc/care-provision/postfix/dns-records', path.join(directory, 'records')));
  writeFileSync(path.join(directory, 'records'), ['care.test. 3600 IN MX 10 m1.care.test.', 'care.test. 3600 IN TXT "v=spf1 ip4:192.0.2.9 -all"', 'm1.care.test. 3600 IN A 192.0.2.9', ''].join('\n'));
  // The first server is down; the second answers what the file of the name and type holds.
  writeFileSync(path.join(directory, 'dig'), `#!/bin/sh\nfor w in "$@"; do case $w in @192.0.2.1) exit 9 ;; +* | @*) ;; *) key="\${key-}\${key+-}$w" ;; esac; done\ncat "${directory}/answers/$key" 2>/dev/null\nexit 0\n`);
  chmodSync(path.join(directory, 'dig'), 0o755);
});
afterAll(() => { rmSync(directory, { recursive: true, force: true }); });

interface Outcome {
  readonly status: number;
  readonly stdout: string;
}
function run(shell: readonly string[], answers: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Outcome> {
  rmSync(path.join(directory, 'answers'), { recursive: true, force: true });
  mkdirSync(path.join(directory, 'answers'));
  for (const [name, text] of Object.entries(answers)) writeFileSync(path.join(directory, 'answers', name), text);
  const [program = 'sh', ...first] = shell;
  return new Promise((resolve) => {
    execFile(program, [...first, path.join(directory, 'program'), ...args], { env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` }, timeout: 20_000 }, (error, stdout) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout });
    });
  });
}

describe.each(SHELLS)('care-postfix-dns, $name', ({ words: shell }) => {
  const zone = async (): Promise<readonly string[]> => (await run(shell, {}, 'zone')).stdout.trim().split('\n');
  /** What a DNS that has everything says. */
  async function everything(): Promise<Record<string, string>> {
    const dkim = (await zone()).filter((line) => line.includes('_domainkey')).map((line) => [`TXT-${line.split(' ')[0] ?? ''}`, `${line.slice(line.indexOf('"'))}\n`] as const);
    return { 'MX-care.test.': '20 m2.care.test.\n10 m1.care.test.\n', 'TXT-care.test.': '"something=else"\n"v=spf1 ip4:192.0.2.9 -all"\n', 'A-m1.care.test.': '192.0.2.9\n', ...Object.fromEntries(dkim) };
  }

  test('prints the key of the host for every domain, in strings of at most 255 characters', async () => {
    const keys = (await zone()).filter((line) => line.includes('_domainkey'));
    expect(keys.map((line) => line.split(' ')[0])).toEqual(['m1-a._domainkey.care.test.', 'm1-a._domainkey.lab.test.']);
    const strings = [...(keys[0] ?? '').matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '');
    expect(strings.every((text) => text.length <= 255)).toBe(true);
    expect(strings.join('')).toMatch(/^v=DKIM1; k=rsa; p=MII[A-Za-z0-9+/]{380,}=*$/);
  });

  test('is content when everything is there, whatever else is', async () => {
    expect(await run(shell, await everything(), 'check')).toEqual({ status: 0, stdout: '' });
  });

  test.each([
    ['A-m1.care.test.', '192.0.2.99\n', 'missing: m1.care.test. 3600 IN A 192.0.2.9\n  there is: 192.0.2.99'],
    ['MX-care.test.', '10 m1.care.test.example.\n', 'missing: care.test. 3600 IN MX 10 m1.care.test.'],
    ['TXT-care.test.', '"v=spf1 ip4:192.0.2.9 -all"\n"v=spf1 -all"\n', 'more than one record that begins "v=spf1: care.test.'],
    ['TXT-m1-a._domainkey.lab.test.', '', 'missing: m1-a._domainkey.lab.test. 3600 IN TXT "v=DKIM1'],
  ])('says what is wrong with %s', async (name, answer, said) => {
    const { status, stdout } = await run(shell, { ...(await everything()), [name]: answer }, 'check');
    expect([status, stdout]).toEqual([1, expect.stringContaining(said)]);
  });

  test('a selector is published when every domain has its key, and not when there is none', async () => {
    const all = await everything();
    expect((await run(shell, { ...all, 'A-m1.care.test.': '' }, 'published', 'a')).status).toBe(0);
    expect((await run(shell, { ...all, 'TXT-m1-a._domainkey.lab.test.': '"v=DKIM1; k=rsa; p="\n' }, 'published', 'a')).status).toBe(1);
    expect((await run(shell, all, 'published', 'b')).status).toBe(1);
  });
});
