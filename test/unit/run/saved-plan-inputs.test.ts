/** Everything that a saved plan was made from is held on to: what is reached by links, beside playbooks, and what is edited meanwhile. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import type { RunEvent } from '../../../src/run/events.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import { applyPlan } from '../../../src/run/saved-plan/apply.ts';
import { parsePlan } from '../../../src/run/saved-plan/format.ts';
import { fakeContext } from '../cli/fakes.ts';
import { testProject, type TestProject } from './support.ts';

/** What is hidden has no digest in a plan: that it is what was read rests on the inputs alone. */
const PLAYBOOK = `- hosts: all
  tasks:
    - { name: hidden, copy: { dest: "{{ work }}/hidden", content: "{{ default token 'none' }}" }, no_log: true }
    - { name: file, copy: { src: token, dest: "{{ work }}/file" }, no_log: true }
`;

let project: TestProject;
const cwd = process.cwd();
beforeEach(() => {
  vi.stubEnv('CARE_STATE', mkdtempSync(path.join(tmpdir(), 'care-state-')));
  project = testProject({ 'playbooks/site.yml': PLAYBOOK, 'playbooks/files/token': 'first' });
  process.chdir(project.dir);
});
afterEach(() => {
  process.chdir(cwd);
  vi.unstubAllEnvs();
  project.remove();
});

const work = (name: string): string => path.join(project.dir, 'work', name);
async function care(...words: readonly string[]): Promise<{ status: number; err: string }> {
  const context = fakeContext(project.dir);
  const status = await main(words[0] === 'apply' ? [...words, '--lock-wait', '15'] : words, context);
  return { status, err: context.stderr.text() };
}
const check = (inventory = 'inventory.yml', ...more: readonly string[]): ReturnType<typeof care> => care('check', inventory, 'playbooks/site.yml', '--out', 'plan.json', ...more);

describe('an input is held on to', () => {
  test.each([
    ['variables beside the playbook', 'playbooks/group_vars/all.yml', 'token: "one"\n', 'token: "two"\n', 'inventory.yml'],
    ['an inventory that is a link to a folder', 'inventories/real/group_vars/all.yml', 'token: "one"\n', 'token: "two"\n', 'inventories/production'],
    ['artifacts.yml beside an inventory file', 'artifacts.yml', '{}\n', '# another\n{}\n', 'inventory.yml'],
  ])('%s', async (_name, file, before, after, inventory) => {
    mkdirSync('inventories/real', { recursive: true });
    if (inventory !== 'inventory.yml') {
      renameSync('inventory.yml', 'inventories/real/hosts.yml');
      symlinkSync('real', 'inventories/production');
    }
    project.write(file, before);
    expect((await check(inventory)).status).toBe(2);
    project.write(file, after);
    const { status, err } = await care('apply', 'plan.json');
    expect([status, existsSync(work('hidden'))]).toEqual([65, false]);
    expect(err).toContain(`changed: ${file.replace('inventories/real', 'inventories/production')}`);
  });

  test('a file of hosts that --limit names', async () => {
    project.write('hosts.txt', 'one\n');
    expect((await check('inventory.yml', '--limit', '@hosts.txt')).status).toBe(2);
    project.write('hosts.txt', '# the same, and more\none\n');
    expect(await care('apply', 'plan.json')).toMatchObject({ status: 65, err: expect.stringContaining('changed: hosts.txt') as string });
  });

  test('a link that leads back up ends', async () => {
    project.write('playbooks/roles/one/role.yml', 'summary: one\n');
    symlinkSync('..', 'playbooks/roles/one/loop');
    project.write('playbooks/site.yml', `${PLAYBOOK}  roles: [one]\n`);
    expect((await check()).status).toBe(2);
    expect(Object.keys(parsePlan(readFileSync('plan.json', 'utf8'), 'p').inputs).filter((name) => name.includes('/roles/'))).toEqual(['playbooks/roles/one/role.yml']);
  });
});

describe('an input that is edited meanwhile', () => {
  test('while check reads it: there is no plan, since nobody knows which of the two it shows', async () => {
    project.write('playbooks/site.yml', `${PLAYBOOK}    - { name: somebody edits, command: "sh -c 'echo more >>@DIR@/playbooks/files/token'", check_mode: false, changed_when: false }\n`);
    const { status, err } = await check();
    expect([status, existsSync('plan.json')]).toEqual([65, false]);
    expect(err).toMatch(/files were changed while check was reading them[^]*changed: playbooks\/files\/token/);
  });

  const applying = async (edit: (event: RunEvent) => void): Promise<{ status: unknown; errors: readonly string[] }> => {
    await check();
    const errors: string[] = [];
    const options: RunOptions = {
      mode: 'apply', inventory: [], playbooks: [], limit: undefined, tags: [], skipTags: [], forks: 1, extraVars: {}, startAtTask: undefined, diff: true, becomePassword: undefined, lockWaitSeconds: 15,
      hostLockDirectory: path.join(project.dir, 'lock'), stop: new AbortController().signal, kill: new AbortController().signal, prompt: undefined,
      reporter: {
        event(event) {
          edit(event);
          if (event.type === 'task' && event.status === 'failed') errors.push(event.error ?? '');
        },
        close: () => Promise.resolve(),
      },
    };
    const plan = parsePlan(readFileSync('plan.json', 'utf8'), 'plan.json');
    const status = await applyPlan(options, { plan, file: 'plan.json', accepted: [], moreInputs: [], checkOnly: false });
    return { status, errors };
  };

  test('after the look, before apply uses it: the task that uses it fails, and nothing of it is changed', async () => {
    const { status, errors } = await applying((event) => {
      if (event.type === 'start') project.write('playbooks/files/token', 'other');
    });
    expect([status, existsSync(work('hidden')), existsSync(work('file'))]).toEqual([3, true, false]);
    expect(errors).toEqual(['hidden by no_log']);
  });

  test('one that nobody touches is used as ever', async () => {
    const { status } = await applying(() => undefined);
    expect([status, readFileSync(work('file'), 'utf8')]).toEqual([0, 'first']);
  });
});

describe('what a task is told by the host', () => {
  test('an action with other arguments than the plan has is another one, whatever its name says of them', async () => {
    project.write('work/said', 'first');
    project.write('playbooks/site.yml', `- hosts: all
  tasks:
    - { name: ask, command: "cat @DIR@/work/said", register: said, check_mode: false, changed_when: false }
    - { name: tell, command: { cmd: "tee @DIR@/work/told", stdin: "{{ said.stdout }}" } }
`);
    await check();
    project.write('work/said', 'other');
    const { status, err } = await care('apply', 'plan.json');
    expect([status, existsSync(work('told'))]).toEqual([65, false]);
    expect(err).toMatch(/\[one] command tee [^:]*: expected the content or arguments of the plan[^;]*; seen: others are wanted now/);
  });

  test('a task delegated to another host than the plan says is not done there', async () => {
    project.write('inventory.yml', 'all: { vars: { ansible_connection: local }, hosts: { one: , two: } }\n');
    project.write('work/leader', 'one');
    project.write('playbooks/site.yml', `- hosts: one
  tasks:
    - { name: ask, command: "cat @DIR@/work/leader", register: leader, check_mode: false, changed_when: false }
    - { name: promote, copy: { dest: "@DIR@/work/promoted", content: yes }, delegate_to: "{{ leader.stdout }}" }
`);
    project.write('work/leader', 'two');
    await check();
    expect(parsePlan(readFileSync('plan.json', 'utf8'), 'p').hosts['one']?.changes[0]?.resource).toBe(`file ${work('promoted')} on two`);
    project.write('work/leader', 'localhost');
    const { status, err } = await care('apply', 'plan.json');
    expect([status, existsSync(work('promoted'))]).toEqual([65, false]);
    expect(err).toMatch(/promoted on localhost: expected nothing to be done/);
  });
});
