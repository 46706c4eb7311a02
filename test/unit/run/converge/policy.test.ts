/** `converge:` of an inventory: read with its defaults, refused with file, line and column. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { main } from '../../../../src/cli/cli.ts';
import { fakeContext } from '../../cli/fakes.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-policy-'));
  mkdirSync(path.join(directory, 'roles', 'motd', 'tasks'), { recursive: true });
  writeFileSync(path.join(directory, 'roles', 'motd', 'role.yml'), 'summary: Says hello.\n');
  writeFileSync(path.join(directory, 'roles', 'motd', 'tasks', 'main.yml'), '- ping:\n');
  writeFileSync(path.join(directory, 'playbook.yml'), '- hosts: all\n  roles: [motd]\n');
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function validate(policy: string): Promise<{ status: number; err: string }> {
  writeFileSync(path.join(directory, 'inventory.yml'), `all:\n  hosts: {a: {}}\n  vars:\n${policy.replaceAll(/^/gm, '    ')}\n`);
  const context = fakeContext(directory);
  const status = await main(['validate', path.join(directory, 'inventory.yml'), path.join(directory, 'playbook.yml')], context);
  return { status, err: context.stderr.text() };
}

const WHOLE = `converge:
  mode: mend
  unattended: {default: report, roles: {motd: mend}, tags: {restart: report}}
  time_zone: Asia/Kolkata
  schedule: {at: "02:00", days: [mon, tue], jitter: 60, timeout: 600}
  windows: [{days: sat, from: "22:00", to: "05:00"}, {from: "00:00", to: "24:00"}]
  freeze: [{from: 2026-12-20, to: 2027-01-04, reason: end of the year}]
  max_changes: 40
  max_fail_percentage: 10`;

test('a whole policy is sound', async () => {
  expect(await validate(WHOLE)).toEqual({ status: 0, err: '' });
});

test.each([
  ['mode: mend', 'mode: fix', /inventory\.yml:5:\d+: .*(mend|report)/s],
  ['"22:00"', '22:00', /inventory\.yml:9:\d+: .*quote it, "22:00"/s],
  ['"22:00"', '"25:00"', /must be a time of day/],
  ['from: "22:00", to: "05:00"', 'from: "05:00", to: "05:00"', /ends when it begins is none/],
  ['days: sat', 'days: saturday', /inventory\.yml:9:\d+:/],
  ['Asia/Kolkata', 'Asia/Kochi', /inventory\.yml:7:\d+: .*time zone database/s],
  ['from: 2026-12-20, to: 2027-01-04', 'from: 2027-01-05, to: 2027-01-04', /ends before it begins/],
  ['to: 2027-01-04', 'to: "4 January"', /inventory\.yml:10:\d+: .*must be a date/s],
  ['motd: mend', 'modt: mend', /inventory\.yml:6:\d+: the variable converge: there is no role modt[^]*motd/],
  ['max_changes: 40', 'max_change: 40', /inventory\.yml:11:\d+: [^]*max_changes/],
  ['max_fail_percentage: 10', 'max_fail_percentage: 110', /inventory\.yml:12:\d+:/],
  ['timeout: 600', 'timeout: 5', /inventory\.yml:8:\d+:/],
])('%s is not %s', async (right, wrong, expected) => {
  expect(WHOLE).toContain(right);
  const { status, err } = await validate(WHOLE.replace(right, wrong));
  expect(status).toBe(65);
  expect(err).toMatch(expected);
});
