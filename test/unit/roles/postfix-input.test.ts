/** What role postfix refuses before a host is touched, and where it says that it stands. */
import path from 'node:path';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, expect, it } from 'vitest';
import { validateProject } from '../../../src/run/validate-project.ts';
import { packageRoot } from '../../../src/support/package-root.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'care-postfix-'));
afterAll(() => { rmSync(dir, { recursive: true }); });

const GOOD = [
  'postfix_domain: care.test',
  'postfix_postmaster: ops@partner.test',
  'postfix_verify_password: "{{ secret \'verify-of-the-test\' }}"',
  'postfix_users: [{ name: care, password: "{{ secret \'care-of-the-test\' }}", senders: [noreply@care.test] }]',
];

/** The problems of an inventory whose variables are those, one a line from line 3 on. */
function problems(lines: readonly string[]): readonly string[] {
  const inventory = path.join(dir, 'hosts.yml');
  writeFileSync(inventory, ['all:', '  vars:', ...lines.map((line) => `    ${line}`), '  children: { postfix: { hosts: { m1: { ansible_host: 192.0.2.1 }, m2: { ansible_host: 192.0.2.2 } } } }', ''].join('\n'));
  return validateProject({ inventory: [inventory], playbooks: [path.join(packageRoot(), 'playbooks/postfix.yml')], limit: undefined, extraVars: {} }).problems.map((p) => p.format());
}

it('takes the least that it needs', () => {
  expect(problems(GOOD)).toEqual([]);
});

it.each([
  ['a domain that is none', { postfix_domain: 'care' }, /hosts\.yml:3:\d+.*postfix_domain/s],
  ['a postmaster without a domain', { postfix_postmaster: 'root' }, /hosts\.yml:4:\d+.*postfix_postmaster/s],
  ['a password in the open', { postfix_verify_password: 'in-the-open' }, /hosts\.yml:5:\d+.*postfix_verify_password/s],
  ['a login in capitals', { postfix_users: '[{ name: CARE, password: "{{ secret \'care-of-the-test\' }}", senders: [noreply@care.test] }]' }, /hosts\.yml:6:\d+.*postfix_users/s],
  ['a login without senders', { postfix_users: '[{ name: care, password: "{{ secret \'care-of-the-test\' }}" }]' }, /hosts\.yml:6:\d+.*senders/s],
] as const)('refuses %s, and says where', (_, wrong, said) => {
  const [[name, value] = ['', '']] = Object.entries(wrong);
  const found = problems(GOOD.map((line) => (line.startsWith(`${name}:`) ? `${name}: ${value}` : line)));
  expect(found.join('\n')).toMatch(said);
});

it.each([
  ['postfix_relayhost: { host: "smtp.example.net", tls: always }', 'tls'],
  ['postfix_dmarc_policy: refuse', 'postfix_dmarc_policy'],
  ['postfix_dkim_selector: "A B"', 'postfix_dkim_selector'],
  ['postfix_message_rate: many', 'postfix_message_rate'],
])('refuses %s', (line, said) => {
  const found = problems([...GOOD, line]).join('\n');
  expect(found).toContain(said);
  expect(found).toMatch(/hosts\.yml:7:\d+/);
});
