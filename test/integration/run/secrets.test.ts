/** A secret of the inventory stands in no output, report, history, message or argument list on the way to its file. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { eventually, hostVariables, inventoryOf, labProject, onHost, PROGRAM, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

const HOST = 'test-trixie';
/** Quotes and blanks, which escaping in JSON, XML and shell would hide from a plain search. */
const SECRET = `Tr0ub4dor "&3" it's-xyzzy`;
/** A piece that survives every escaping. */
const TELLTALES = ['Tr0ub4dor', 'xyzzy', Buffer.from(SECRET).toString('base64').slice(0, 24)];
let lab: Lab;
let project: LabProject;
let state: string;

const PLAYBOOK = `
- hosts: all
  tasks:
    - { name: into a file, copy: { dest: /root/secret-file, content: "password={{ the_password }}\\n", mode: "0600" } }
    - { name: slowly, shell: "mkdir -p /root/secret-run; sleep 2", environment: { PW: "{{ the_password }}" }, changed_when: false }
    - { name: echoed, shell: "echo \\"it is $PW\\"; printf %s \\"$PW\\" | base64; echo \\"on stderr $PW\\" >&2", environment: { PW: "{{ the_password }}" }, register: said, changed_when: false }
    - { name: shown, debug: { var: said } }
    - { name: said, debug: { msg: "pw is {{ the_password }}" } }
    - { name: looped, debug: { msg: "{{ item }}" }, loop: ["{{ the_password }}"] }
    - { name: hidden, shell: "echo unregistered-but-hidden", no_log: true, changed_when: false }
    - { name: fails, shell: "echo \\"$PW is wrong\\" >&2; exit 1", environment: { PW: "{{ the_password }}" } }
`;

beforeAll(async () => {
  lab = await sharedLab();
  project = labProject({ 'playbook.yml': PLAYBOOK, 'inv/hosts.yml': inventoryOf({ [HOST]: hostVariables(lab, HOST) }) });
  state = mkdtempSync(path.join(tmpdir(), 'care-secret-state-'));
  process.env['CARE_IDENTITY_FILE'] = path.join(state, 'identity.txt');
  execFileSync(PROGRAM, ['secrets', 'init', 'inv'], { cwd: project.dir });
  const value = execFileSync(PROGRAM, ['secrets', 'encrypt', 'inv', '--name', 'the_password'], { cwd: project.dir, input: SECRET, encoding: 'utf8' });
  project.write('inv/group_vars/all.yml', value);
});
afterAll(async () => {
  delete process.env['CARE_IDENTITY_FILE'];
  project.remove();
  rmSync(state, { recursive: true });
  await onHost(lab, HOST, 'rm -rf /root/secret-file /root/secret-run');
});

it.each(['text', 'json', 'junit'])('%s, with -v and --diff', async (format) => {
  const home = path.join(state, format);
  await onHost(lab, HOST, 'rm -rf /root/secret-file /root/secret-run');
  const run = project.start(['apply', 'inv', 'playbook.yml', '-v', '--diff', '--output', format], home);
  await eventually(async () => (await onHost(lab, HOST, 'ls /root')).includes('secret-run'), 20_000, () => 'the slow task began');
  // Every argument list, there and here.
  expect(await onHost(lab, HOST, "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")).not.toMatch(/Tr0ub4dor|xyzzy/);
  expect(execFileSync('sh', ['-c', "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'Tr0ub4dor [\"]&3' || true"], { encoding: 'utf8' }).trim()).toBe('0');
  const { status, stdout, stderr } = await run.ended;
  expect([status, stderr]).toEqual([3, '']);
  for (const task of ['into a file', 'echoed', 'fails']) expect(stdout).toContain(task);
  expect(stdout).toContain('********');
  expect(stdout).not.toContain('unregistered-but-hidden');
  const written = existsSync(home) ? readdirSync(home).map((name) => readFileSync(path.join(home, name), 'latin1')) : [];
  expect(written.join('')).toContain('********');
  for (const text of [stdout, ...written]) for (const telltale of TELLTALES) expect(text).not.toContain(telltale);
  expect(await onHost(lab, HOST, 'cat /root/secret-file; stat -c %a /root/secret-file')).toBe(`password=${SECRET}\n600`);
});
