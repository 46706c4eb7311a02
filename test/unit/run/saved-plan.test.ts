/** Saved plans on this machine: written by check, applied exactly, refused when anything has moved. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import { PlanGate } from '../../../src/run/saved-plan/enforce.ts';
import { parsePlan, planText, type SavedPlan } from '../../../src/run/saved-plan/format.ts';
import { Secret } from '../../../src/support/secret.ts';
import { fakeContext } from '../cli/fakes.ts';
import { testProject, type TestProject } from './support.ts';

const PLAYBOOK = `- hosts: all
  tasks:
    - { name: lines, lineinfile: { path: "{{ work }}/conf", line: "{{ item }}", create: true }, loop: [a=1, b=2], notify: reload }
    - { name: greeting, template: { src: motd.hbs, dest: "{{ work }}/motd" } }
    - { name: kept, copy: { dest: "{{ work }}/kept", content: same } }
    - { name: act, command: { cmd: "touch {{ work }}/acted", creates: "{{ work }}/acted" } }
  handlers:
    - { name: reload, command: "sh -c 'echo reloaded >> {{ work }}/log'" }
`;

let project: TestProject;
const cwd = process.cwd();
beforeEach(() => {
  vi.stubEnv('CARE_STATE', mkdtempSync(path.join(tmpdir(), 'care-state-')));
  project = testProject({ 'playbook.yml': PLAYBOOK, 'templates/motd.hbs': 'welcome to {{inventory_hostname}}\n' });
  writeFileSync(work('kept'), 'same');
  writeFileSync(work('conf'), 'a=1\n');
  process.chdir(project.dir);
});
afterEach(() => {
  process.chdir(cwd);
  vi.unstubAllEnvs();
  project.remove();
});

function work(name: string): string {
  return path.join(project.dir, 'work', name);
}
async function care(...words: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const context = fakeContext(project.dir);
  // This machine is the host, and other tests may be at it.
  const status = await main(words[0] === 'apply' ? [...words, '--lock-wait', '15'] : words, context);
  return { status, out: context.stdout.text(), err: context.stderr.text() };
}
/** Relative paths, as a person would give them, so that the plan may be applied elsewhere. */
const check = (...more: readonly string[]): ReturnType<typeof care> => care('check', 'inventory.yml', 'playbook.yml', '--out', 'plan.json', ...more);
const plan = (): SavedPlan => parsePlan(readFileSync('plan.json', 'utf8'), 'plan.json');
const read = (name: string): string => readFileSync(work(name), 'utf8');

describe('a saved plan', () => {
  test('holds what check predicted, with what it rests on, and is applied exactly; afterwards it is stale', async () => {
    const checked = await check();
    expect([checked.status, checked.err]).toEqual([2, `plan: ${project.dir}/plan.json\n`]);
    expect(statSync('plan.json').mode & 0o777).toBe(0o600);
    const { hosts, inputs, inventory, playbooks } = plan();
    expect([inventory, playbooks, Object.keys(inputs)]).toEqual([['inventory.yml'], ['playbook.yml'], ['inventory.yml', 'playbook.yml', 'templates/motd.hbs']]);
    expect(hosts['one']?.changes.map((c) => [c.task, c.resource.replace(project.dir, ''), c.handler])).toEqual([
      ['lines', 'file /work/conf', false],
      ['greeting', 'file /work/motd', false],
      ['act', `command touch ${project.dir}/work/acted`.replace(project.dir, ''), false],
      ['reload', `command sh -c echo reloaded >> ${work('log')}`.replace(project.dir, ''), true],
    ]);
    expect(hosts['one']?.changes[0]?.diff).toContain('+b=2');
    expect(hosts['one']?.changes[0]?.state).toContainEqual({ id: `content:${work('conf')}`, of: `content of ${work('conf')}`, seen: expect.stringContaining('4 bytes') as string, digest: expect.stringMatching(/^sha256:/) as string, doubt: null });
    expect(hosts['one']?.changes[1]?.state[0]).toMatchObject({ seen: 'absent', doubt: null });
    const still = await care('apply', 'plan.json', '--check');
    expect([still.status, existsSync(work('motd'))]).toEqual([2, false]);
    const applied = await care('apply', 'plan.json');
    expect([applied.status, applied.err]).toEqual([0, '']);
    expect([read('conf'), read('motd'), read('log'), existsSync(work('acted'))]).toEqual(['a=1\nb=2\n', 'welcome to one\n', 'reloaded\n', true]);
    const again = await care('apply', 'plan.json');
    expect(again.status).toBe(65);
    expect(again.err).toContain('it looks as if it had been applied already');
    expect(again.err).toContain(`[one] file ${work('conf')}: expected content 4 → 8 bytes by lines; seen: nothing is to be done to it any more`);
  });

  test('a host that has moved is refused, the file named with what was expected and seen; nothing is changed', async () => {
    await check();
    writeFileSync(work('conf'), 'a=1\nc=3\n');
    const { status, out, err } = await care('apply', 'plan.json');
    expect([status, out]).toEqual([65, '']);
    expect(err).toMatch(/hosts are not as they were when the plan was made, so nothing was changed/);
    expect(err).toMatch(/\[one] content of \S+\/conf: expected [^;]*sha256 \w+; seen: [^;]*sha256 \w+/);
    expect([read('conf'), existsSync(work('motd')), existsSync(work('acted'))]).toEqual(['a=1\nc=3\n', false, false]);
    expect((await care('apply', 'plan.json', '--check')).status).toBe(65);
  });

  test('drift in what the plan leaves alone is named as well: it was to stay as it was', async () => {
    await check();
    writeFileSync(work('kept'), 'other');
    const { status, err } = await care('apply', 'plan.json');
    expect([status, read('kept')]).toEqual([65, 'other']);
    expect(err).toContain(`[one] file ${work('kept')}: expected nothing to be done; seen: `);
  });

  test.each([
    ['templates/motd.hbs', 'hello {{inventory_hostname}}\n', 'changed: templates/motd.hbs'],
    ['playbook.yml', `${PLAYBOOK}# a comment\n`, 'changed: playbook.yml'],
    ['group_vars/all.yml', 'x: 1\n', 'new: group_vars/all.yml'],
  ])('a changed input is refused by its name: %s', async (name, text, expected) => {
    await check();
    project.write(name, text);
    const { status, err } = await care('apply', 'plan.json');
    expect([status, existsSync(work('motd'))]).toEqual([65, false]);
    expect(err).toContain('are not those that the plan was made with');
    expect(err).toContain(expected);
  });

  test('an input that is gone, an edited plan, a plan that is cut off, a plan of another version', async () => {
    await check();
    const whole = readFileSync('plan.json', 'utf8');
    const refused = async (text: string): Promise<string> => {
      writeFileSync('plan.json', text);
      const { status, err } = await care('apply', 'plan.json');
      expect([status, existsSync(work('motd'))]).toEqual([65, false]);
      return err;
    };
    expect(await refused(whole.replace('welcome to', 'goodbye to'))).toContain('is not what check has written');
    expect(await refused(whole.slice(0, -100))).toContain('is not a whole plan');
    expect(await refused(whole.replace('"hosts": {', '"more": 1,\n "hosts": {'))).toContain('is no plan that this version reads');
    const { digest: _digest, ...body } = parsePlan(whole, 'p');
    expect(await refused(planText({ ...body, version: '0.0.1' }))).toContain('was made by care-provision 0.0.1');
    rmSync('templates/motd.hbs');
    expect(await refused(whole)).toContain('gone: templates/motd.hbs');
  });

  test('what the plan has answered cannot be given again; the same variables must be', async () => {
    await check('-e', 'extra=1');
    expect(await care('apply', 'plan.json', '--limit', 'one', '-t', 'x')).toMatchObject({ status: 64, err: expect.stringContaining('--limit, --tags cannot be given with a plan') as string });
    expect(await care('apply', 'plan.json')).toMatchObject({ status: 65, err: expect.stringContaining('was made with --extra-vars for extra, and is to be applied without --extra-vars') as string });
    expect(await care('apply', 'inventory.yml', 'playbook.yml', '--accept-unknown', 'x')).toMatchObject({ status: 64 });
    expect((await care('apply', 'plan.json', '-e', 'extra=1')).status).toBe(0);
    expect(await check('--out', 'no/such/folder/plan.json')).toMatchObject({ status: 64 });
  });

  test('a plan of nothing is a plan: it is refused when there is something', async () => {
    await care('apply', 'inventory.yml', 'playbook.yml');
    expect((await check()).status).toBe(0);
    expect(plan().hosts['one']).toEqual({ changes: [], unknown: [] });
    expect((await care('apply', 'plan.json')).status).toBe(0);
    rmSync(work('motd'));
    expect((await care('apply', 'plan.json')).status).toBe(65);
    expect(existsSync(work('motd'))).toBe(false);
  });

  test('a host that fails in check leaves no plan; one that fails when it is looked at again stops it', async () => {
    const fails = PLAYBOOK.replace('  tasks:', '  tasks:\n    - { name: look, slurp: { src: "{{ work }}/kept" } }');
    project.write('playbook.yml', fails);
    await check();
    rmSync(work('kept'));
    const { status, err } = await care('apply', 'plan.json');
    expect(status).toBe(3);
    expect(err).toMatch(/whether it still fits cannot be told of every host, so nothing was changed[^]*\[one] failed: look:/);
    rmSync('plan.json');
    const without = await check();
    expect([without.status, existsSync('plan.json')]).toEqual([3, false]);
    expect(without.err).toContain('no plan was written');
  });
});

describe('what check mode cannot tell', () => {
  beforeEach(() => {
    project.write('playbook.yml', `- hosts: all
  tasks:
    - { name: ask, command: "cat {{ work }}/kept", register: answer }
    - { name: depends, copy: { dest: "{{ work }}/depends", content: "{{ answer.stdout }}" } }
    - { name: maybe, command: "touch {{ work }}/maybe", register: m, changed_when: "m.rc == 0" }
    - { name: sure, copy: { dest: "{{ work }}/sure", content: x } }
`);
  });

  test('is listed, refused, and done when it is named', async () => {
    await check();
    expect(plan().hosts['one']?.unknown.map((u) => u.task)).toEqual(['depends', 'maybe']);
    const refused = await care('apply', 'plan.json', '--accept-unknown', 'maybe');
    expect([refused.status, existsSync(work('sure'))]).toEqual([65, false]);
    expect(refused.err).toContain('[one] depends: ');
    expect(refused.err).toContain('--accept-unknown "depends"');
    expect(refused.err).not.toContain('"maybe"');
    const done = await care('apply', 'plan.json', '--accept-unknown', 'maybe', '--accept-unknown', 'depends');
    expect([done.status, read('depends'), existsSync(work('maybe'))]).toEqual([0, 'same', true]);
  });
});

describe('secrets', () => {
  test('are not in the plan in any form; a secret file that was written meanwhile is noticed all the same', async () => {
    const secret = 'pa55';
    project.write('playbook.yml', '- hosts: all\n  tasks:\n    - { name: secret, copy: { dest: "{{ work }}/secret", content: "{{ pw }}", mode: "0600" } }\n    - { name: hidden, copy: { dest: "{{ work }}/hidden", content: tell-nobody }, no_log: true }\n');
    writeFileSync(work('secret'), 'old1', { mode: 0o600 });
    writeFileSync(work('hidden'), 'old2');
    const options = { extraVars: { pw: new Secret(secret) } };
    const { predict, planOf } = await import('../../../src/run/saved-plan/make.ts');
    const { applyPlan } = await import('../../../src/run/saved-plan/apply.ts');
    let text = '';
    await project.run({ ...options, mode: 'check' });
    const base = { mode: 'check', inventory: ['inventory.yml'], playbooks: ['playbook.yml'], limit: undefined, tags: [], skipTags: [], forks: 1, startAtTask: undefined, diff: true, becomePassword: undefined, lockWaitSeconds: 0, hostLockDirectory: path.join(project.dir, 'lock'), stop: new AbortController().signal, kill: new AbortController().signal, prompt: undefined, reporter: { event: () => undefined, close: () => Promise.resolve() }, ...options } as const;
    text = planText(planOf(await predict(base, []), base));
    expect(text).not.toContain(secret);
    expect(text).not.toContain('tell-nobody');
    const { createHash } = await import('node:crypto');
    for (const plain of [secret, 'old1', 'old2', 'tell-nobody']) expect(text).not.toContain(createHash('sha256').update(plain).digest('hex'));
    const saved = parsePlan(text, 'p');
    const request = { plan: saved, file: 'p', accepted: [], moreInputs: [], checkOnly: false };
    // Same length, same attributes, another time.
    writeFileSync(work('secret'), 'old9', { mode: 0o600 });
    utimesSync(work('secret'), new Date('2026-02-03T04:05:06Z'), new Date('2026-02-03T04:05:06Z'));
    await expect(applyPlan(base, request)).rejects.toMatchObject({ code: 'stale-plan', detail: expect.stringContaining('last written 2026-02-03T04:05:06.000Z') as string });
    const fresh = parsePlan(planText(planOf(await predict(base, []), base)), 'p');
    expect(await applyPlan(base, { ...request, plan: fresh })).toBe(0);
    expect([read('secret'), read('hidden')]).toEqual([secret, 'tell-nobody']);
  });
});

describe('the gate, when the host moves between the look and the change', () => {
  test('nothing of the task is changed, and it says what was expected and seen; what the plan says and nobody needs is told', async () => {
    await check();
    const saved = plan();
    writeFileSync(work('conf'), 'a=1\nc=3\n');
    const result = await project.run({ gate: new PlanGate(saved, []) });
    expect(result.status).toBe(3);
    const failed = result.events.find((e) => e.type === 'task' && e.status === 'failed');
    expect(failed).toMatchObject({ task: 'lines', error: expect.stringMatching(/conf: not changed, since the host has changed after the plan was made[^]*expected 4 bytes[^]*seen: 8 bytes/) as string });
    expect([read('conf'), existsSync(work('motd'))]).toEqual(['a=1\nc=3\n', false]);
    writeFileSync(work('conf'), 'a=1\nb=2\n');
    const less = await project.run({ gate: new PlanGate(saved, []) });
    expect([less.status, read('motd')]).toEqual([0, 'welcome to one\n']);
    expect(less.events.flatMap((e) => (e.type === 'warning' ? [e.message.replace(project.dir, '')] : []))).toEqual(expect.arrayContaining([expect.stringMatching(/^file \/work\/conf: the plan says .* and it was not needed any more$/)]));
  });

  test('a change that the plan does not have, or an action, is not made', async () => {
    await check();
    const saved = plan();
    const none = { hosts: { one: { changes: [], unknown: [] } } };
    const result = await project.run({ gate: new PlanGate(none, []) });
    expect([result.status, result.changes]).toEqual([3, []]);
    const only = { hosts: { one: { changes: (saved.hosts['one']?.changes ?? []).filter((c) => c.task !== 'act'), unknown: [] } } };
    const action = await project.run({ gate: new PlanGate(only, []) });
    expect(action.events.find((e) => e.type === 'task' && e.status === 'failed')).toMatchObject({ task: 'act', error: expect.stringContaining('not changed, since the plan does not say so') as string });
    expect([read('motd'), existsSync(work('acted'))]).toEqual(['welcome to one\n', false]);
  });

  test('other words for the same thing pass only for what check mode was in doubt of, after changes of the plan itself, and are told', async () => {
    const reworded = (task: string): Pick<SavedPlan, 'hosts'> => ({ hosts: { one: { unknown: [], changes: (plan().hosts['one']?.changes ?? []).map((c) => (c.task === task ? { ...c, what: 'something else' } : c)) } } });
    await check();
    const first = await project.run({ gate: new PlanGate(reworded('lines'), []) });
    expect(first.events.find((e) => e.type === 'task' && e.status === 'failed')).toMatchObject({ task: 'lines', error: expect.stringContaining('expected something else; seen: content 4 → 8 bytes') as string });
    expect([read('conf'), existsSync(work('motd'))]).toEqual(['a=1\n', false]);
    // Nothing before it could make another step of it: that something has been changed by then says nothing.
    const later = await project.run({ gate: new PlanGate(reworded('greeting'), []) });
    expect(later.events.find((e) => e.type === 'task' && e.status === 'failed')).toMatchObject({ task: 'greeting', error: expect.stringContaining('expected something else; seen: create') as string });
    expect([read('conf'), existsSync(work('motd'))]).toEqual(['a=1\nb=2\n', false]);
    // A command may have done anything: now check mode was in doubt.
    project.write('playbook.yml', PLAYBOOK.replace('  tasks:', '  tasks:\n    - { name: first, command: { cmd: "touch {{ work }}/first", creates: "{{ work }}/first" } }'));
    await check();
    expect(plan().hosts['one']?.changes.map((c) => [c.task, c.doubt === null])).toEqual([['first', true], ['greeting', false]]);
    // Whether the last command is needed cannot be told then: it stands for the person who accepts it.
    const doubted = await project.run({ gate: new PlanGate(reworded('greeting'), ['act']) });
    expect([doubted.status, read('motd')]).toEqual([0, 'welcome to one\n']);
    expect(doubted.events.flatMap((e) => (e.type === 'warning' ? [e.message.replace(project.dir, '')] : []))).toEqual(["file /work/motd: the plan says something else; after the plan's earlier changes it was create, mode 0644, 15 bytes"]);
  });
});
