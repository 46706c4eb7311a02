/** Half-given settings of the archive of logs, which role logging refuses before a host is touched. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { validateProject } from '../../../src/run/validate-project.ts';
import { packageRoot } from '../../../src/support/package-root.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'care-log-archive-'));
afterAll(() => { rmSync(dir, { recursive: true }); });

const GOOD = {
  url: 'https://s3.site.example:9000/logs', access_key: 'logs', secret_key: '{{ secret "key-of-the-logs" }}',
  recipients: [`age1${'q'.repeat(58)}`],
};

function problems(archive: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}): string {
  const inventory = path.join(dir, 'hosts.yml');
  const vars = Object.fromEntries(Object.entries(archive).map(([name, value]) => [name === 'recipients' ? 'logging_archive_recipients' : `logging_archive_s3_${name}`, value]));
  const hosts = { l1: { ansible_host: '192.0.2.1' }, l2: { ansible_host: '192.0.2.2' } };
  writeFileSync(inventory, JSON.stringify({ all: { hosts: { h1: { ansible_host: '192.0.2.3' } }, children: { logging: { hosts, vars: { ...vars, ...more } } } } }));
  return validateProject({ inventory: [inventory], playbooks: [path.join(packageRoot(), 'playbooks/logging.yml')], limit: undefined, extraVars: {} }).problems.map((p) => p.format()).join('\n');
}

it('takes no archive, and a whole one', () => {
  expect([problems({}), problems(GOOD), problems({ ...GOOD, region: 'eu-1', ca: '/etc/ssl/certs/ca-certificates.crt' })]).toEqual(['', '', '']);
});

it.each<[string, object, RegExp]>([
  ['a store without TLS', { ...GOOD, url: 'http://s3.site.example:9000/logs' }, /logging_archive_s3_url is not encrypted on its way/],
  ['no account', { ...GOOD, access_key: undefined }, /needs logging_archive_s3_access_key/],
  ['no key', { ...GOOD, secret_key: undefined }, /needs logging_archive_s3_secret_key/],
  ['a key in the open', { ...GOOD, secret_key: 'key-of-the-logs' }, /logging_archive_s3_secret_key must be a secret/],
  ['nobody who may read it', { ...GOOD, recipients: [] }, /needs logging_archive_recipients/],
  ['a private key of age', { ...GOOD, recipients: [`AGE-SECRET-KEY-1${'Q'.repeat(58)}`] }, /are no public age keys/],
  ['an account for no store', { ...GOOD, url: undefined, recipients: undefined }, /without logging_archive_s3_url/],
])('refuses %s', (_what, archive, said) => {
  const told = problems({ ...archive });
  expect(told).toMatch(said);
  // The line of the inventory itself is shown; where it holds a key in the open, that is what is to be seen.
  if (!told.includes('must be a secret')) expect(told).not.toMatch(/QQQ|key-of-the-logs/);
});
