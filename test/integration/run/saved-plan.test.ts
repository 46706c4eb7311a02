/** Saved plans on real hosts: packages and the files they bring, handlers, a stale plan, a changed template. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { parsePlan } from '../../../src/run/saved-plan/format.ts';
import { hostVariables, inventoryOf, labProject, onHost, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOSTS = ['test-trixie', 'test-bookworm'] as const;
const [FIRST] = HOSTS;
const CLEAN = 'apt-get -q -y purge logrotate >/dev/null 2>&1; rm -rf /etc/saved-plan /etc/logrotate.conf /etc/logrotate.d';

const PLAYBOOK = `- hosts: all
  tasks:
    - { name: installed, package: { name: logrotate } }
    - { name: configured, copy: { dest: /etc/logrotate.conf, content: "weekly\\nrotate 8\\ninclude /etc/logrotate.d\\n" }, notify: tried }
    - { name: directory, file: { path: /etc/saved-plan, state: directory } }
    - { name: templated, template: { src: site.hbs, dest: /etc/saved-plan/site } }
    - { name: lines, lineinfile: { path: /etc/saved-plan/list, line: "{{ item }}", create: true }, loop: [one, two] }
    - { name: user, user: { name: planned, system: true } }
  handlers:
    - { name: tried, command: logrotate --debug /etc/logrotate.conf }
`;

let lab: Lab;
let project: LabProject;
beforeAll(async () => { lab = await sharedLab(); });
beforeEach(async () => {
  for (const host of HOSTS) await onHost(lab, host, `${CLEAN}; userdel planned 2>/dev/null || true`);
  project = labProject({ 'playbook.yml': PLAYBOOK, 'templates/site.hbs': 'host {{inventory_hostname}}\n', 'inventory.yml': inventoryOf(Object.fromEntries(HOSTS.map((host) => [host, hostVariables(lab, host)]))) });
});
afterEach(() => { project.remove(); });
afterAll(async () => {
  for (const host of HOSTS) await onHost(lab, host, `${CLEAN}; userdel planned 2>/dev/null || true`);
});

const care = (...words: readonly string[]): Promise<{ status: number | null; stdout: string; stderr: string }> => project.start(words).ended;
const saved = (): ReturnType<typeof parsePlan> => parsePlan(readFileSync(path.join(project.dir, 'plan.json'), 'utf8'), 'plan.json');

test('a plan is applied exactly: what apply reports is what the plan says, on every host', async () => {
  const checked = await care('check', 'inventory.yml', 'playbook.yml', '--out', 'plan.json');
  expect([checked.status, checked.stderr]).toEqual([2, `plan: ${project.dir}/plan.json\n`]);
  const plan = saved();
  expect(await onHost(lab, FIRST, 'ls -d /etc/saved-plan 2>/dev/null || true')).toBe('');
  const applied = await care('apply', 'plan.json', '--output', 'json');
  expect([applied.status, applied.stderr]).toEqual([0, '']);
  const events = applied.stdout.trim().split('\n').map((line) => JSON.parse(line) as { type: string; host: string; task: string; resource: string; message: string });
  const made = (host: string): string[] => events.filter((e) => e.type === 'change' && e.host === host).map((e) => `${e.task}: ${e.resource}`).sort();
  for (const host of HOSTS) {
    expect(made(host)).toEqual((plan.hosts[host]?.changes ?? []).map((c) => `${c.task}: ${c.resource}`).sort());
    expect(made(host)).toHaveLength(8);
    expect(await onHost(lab, host, 'cat /etc/saved-plan/site /etc/saved-plan/list; id -un planned; grep rotate /etc/logrotate.conf')).toContain(`host ${host}\none\ntwo\nplanned\nrotate 8`);
  }
  // The package has brought its configuration along: another step to the same end, and told.
  expect(events.filter((e) => e.type === 'warning').map((e) => e.message)).toEqual(HOSTS.map(() => expect.stringMatching(/^file \/etc\/logrotate.conf: the plan says create.*; after the plan's earlier changes it was content/) as string));
});

test('a stale plan is refused on all hosts: the one that drifted is named, with the file; so is a changed template', async () => {
  await care('apply', 'inventory.yml', 'playbook.yml');
  for (const host of HOSTS) await onHost(lab, host, 'rm /etc/saved-plan/site');
  expect((await care('check', 'inventory.yml', 'playbook.yml', '--out', 'plan.json')).status).toBe(2);
  await onHost(lab, FIRST, 'echo three >>/etc/saved-plan/list; sed -i /one/d /etc/saved-plan/list; echo by-hand >/etc/saved-plan/site');
  const stale = await care('apply', 'plan.json');
  expect([stale.status, stale.stdout]).toEqual([65, '']);
  expect(stale.stderr).toMatch(/\[test-trixie] file \/etc\/saved-plan\/site: expected absent; seen: file 0644 root:root 8 bytes/);
  expect(stale.stderr).toMatch(/\[test-trixie] file \/etc\/saved-plan\/list: expected nothing to be done; seen: /);
  expect(stale.stderr).not.toContain('[test-bookworm]');
  for (const host of HOSTS) expect(await onHost(lab, host, 'cat /etc/saved-plan/site 2>/dev/null || true')).toBe(host === FIRST ? 'by-hand' : '');
  await onHost(lab, FIRST, 'rm /etc/saved-plan/site; printf "one\\ntwo\\n" >/etc/saved-plan/list');
  project.write('templates/site.hbs', 'host {{inventory_hostname}} of ours\n');
  const template = await care('apply', 'plan.json');
  expect([template.status, template.stderr.includes('changed: templates/site.hbs')]).toEqual([65, true]);
  project.write('templates/site.hbs', 'host {{inventory_hostname}}\n');
  expect((await care('apply', 'plan.json')).status).toBe(0);
  expect(await onHost(lab, FIRST, 'cat /etc/saved-plan/site')).toBe(`host ${FIRST}`);
});
