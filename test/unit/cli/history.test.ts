import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import { maskedVariables, runArguments } from '../../../src/cli/run-arguments.ts';
import type { RunDetails, RunSummary } from '../../../src/state/store.ts';
import type { Recurrence } from '../../../src/state/recurrence.ts';
import { testProject, type TestProject } from '../run/support.ts';
import { fakeContext, register } from './fakes.ts';

let project: TestProject;
let state = '';
beforeEach(() => {
  state = mkdtempSync(path.join(tmpdir(), 'care-state-'));
  vi.stubEnv('CARE_STATE', state);
  vi.stubEnv('SSH_CONNECTION', '192.0.2.7 50000 192.0.2.1 22');
  vi.stubEnv('SUDO_USER', '');
  project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { name: motd, copy: { dest: "{{ work }}/motd", content: "{{ text }}\\n" } }\n    - { name: once, copy: { dest: "{{ work }}/once", content: x } }\n' });
});
afterEach(() => {
  vi.unstubAllEnvs();
  project.remove();
  rmSync(state, { recursive: true, force: true });
});

async function care(...words: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const context = fakeContext(project.dir);
  const status = await main(words, context);
  return { status, out: context.stdout.text(), err: context.stderr.text() };
}
const apply = (...more: readonly string[]): ReturnType<typeof care> => care('apply', path.join(project.dir, 'inventory.yml'), path.join(project.dir, 'playbook.yml'), '-e', 'text=hello', '--lock-wait', '15', ...more);
const runs = async (): Promise<RunSummary[]> => JSON.parse((await care('history', '--output', 'json')).out) as RunSummary[];

describe('the history of real runs', () => {
  test('who, from where, with what; each change with its difference though none was asked for', async () => {
    const first = await apply('--limit', 'one');
    expect([first.status, first.err]).toEqual([0, '']);
    expect(first.out).not.toContain('+hello');
    const [run] = await runs();
    const shown = await care('history', 'show', run?.id ?? '', '--output', 'json');
    const details = JSON.parse(shown.out) as RunDetails;
    expect(details).toMatchObject({ user: userInfo().username, origin: 'ssh 192.0.2.7', mode: 'apply', status: 0 });
    expect(details.arguments).toEqual(['apply', path.join(project.dir, 'inventory.yml'), path.join(project.dir, 'playbook.yml'), '--limit', 'one', '--extra-vars', 'text=********', '--lock-wait', '15']);
    expect(details.revisions.map((r) => [r.of, r.commit])).toEqual([['inventory', null], ['playbook', null]]);
    expect(details.changes.map((c) => [c.resource, c.diff?.includes('+hello')])).toEqual([[`file ${project.dir}/work/motd`, true], [`file ${project.dir}/work/once`, false]]);
    const text = (await care('history', 'show', run?.id ?? '', '--diff')).out;
    expect(text).toContain(`by ${userInfo().username} on `);
    expect(text).toContain('(ssh 192.0.2.7)');
    expect(text).toContain('as: care-provision apply ');
    expect(text).toContain('+hello');
    expect((await care('apply', path.join(project.dir, 'inventory.yml'), path.join(project.dir, 'playbook.yml'), '-e', 'text=other', '--output', 'json')).out).not.toContain('"diff"');
  });

  test('drift: what came back is told with what mended it, and how the file was found; 2', async () => {
    const motd = path.join(project.dir, 'work', 'motd');
    await apply();
    expect(await care('drift')).toMatchObject({ status: 0, out: 'nothing has come back in 30 days\n' });
    writeFileSync(motd, 'by somebody else\n');
    utimesSync(motd, new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:05Z'));
    expect((await care('check', path.join(project.dir, 'inventory.yml'), path.join(project.dir, 'playbook.yml'), '-e', 'text=hello')).status).toBe(2);
    await apply();
    expect(readFileSync(motd, 'utf8')).toBe('hello\n');
    const { status, out } = await care('drift', '--diff');
    expect(status).toBe(2);
    expect(out).toContain(`file ${motd} on 1 host\n  [one] 2 times since `);
    expect(out).toContain(`the file found was last written 2026-01-02T03:04:05.000Z, owner ${userInfo().username}`);
    expect(out).toContain('-by somebody else');
    expect(out).toMatch(/who else: unknown, nothing else in this history changes it; as it was found it belonged to /);
    expect(out).toContain('1 thing came back in 30 days');
    const found = JSON.parse((await care('drift', '--output', 'json', '--host', 'one')).out) as Recurrence[];
    expect(found).toMatchObject([{ host: 'one', times: 2, mended: true, episodes: [{ inputs: null }, { inputs: 'unknown', seen: { modified: '2026-01-02T03:04:05.000Z' } }] }]);
    expect((await care('drift', '--host', 'two')).status).toBe(0);
    expect((await care('drift', '--times', '3')).status).toBe(0);
  });

  test('diff of two runs, and what is wrong with the names', async () => {
    await apply();
    await apply('-e', 'text=other');
    const [second, first] = await runs();
    const { status, out } = await care('history', 'diff', first?.id ?? '', second?.id ?? '');
    expect(status).toBe(0);
    expect(out).toContain('only in a: changes\n  [one] once');
    expect(out).toMatch(/changed in both, not alike\n {2}a:\n {2}\[one] motd .*\n {2}b:\n {2}\[one] motd/);
    expect(JSON.parse((await care('history', 'diff', first?.id ?? '', first?.id ?? '', '--output', 'json')).out)).toMatchObject({ changes: { same: 2 }, differences: [] });
    expect(await care('history', 'diff', first?.id ?? '', 'nonsense')).toMatchObject({ status: 65, out: '', err: expect.stringContaining('no run, or more than one, begins with nonsense') as string });
  });

  test('retention: by the environment, and at once', async () => {
    for (let i = 0; i < 3; i += 1) await apply();
    expect(await care('history', 'prune', '--keep-runs', '2')).toMatchObject({ status: 0, out: 'dropped 1 run\n' });
    vi.stubEnv('CARE_HISTORY_RUNS', '1');
    const context = { ...fakeContext(project.dir), environment: { CARE_HISTORY_RUNS: '1' } };
    expect(await main(['history', 'prune'], context)).toBe(0);
    expect(await runs()).toHaveLength(1);
    const bad = { ...fakeContext(project.dir), environment: { CARE_HISTORY_RUNS: 'many' } };
    expect(await main(['apply', path.join(project.dir, 'inventory.yml'), path.join(project.dir, 'playbook.yml')], bad)).toBe(65);
    expect(bad.stderr.text()).toContain('CARE_HISTORY_RUNS must be a whole number from 1 to 9999999, not "many"');
  });
});

describe('the words that the history keeps', () => {
  test('values of variables are never kept, files are by name', () => {
    expect(maskedVariables('a=1 b="two words" @x')).toBe('a=******** b=********');
    expect(maskedVariables(`pw='correct horse=battery' b=2`)).toBe('pw=******** b=********');
    expect(maskedVariables(`pw='not closed horse=1`)).toBe('********');
    expect(maskedVariables('@vars.yml')).toBe('@vars.yml');
    expect(maskedVariables('{"pw": "x"}')).toBe('********');
    expect(maskedVariables('nonsense')).toBe('********');
  });

  test('options as they were understood; a known secret is masked wherever it stands', () => {
    register('hunter2hunter2');
    const flags = { inventory: ['inv2'], playbook: [], limit: 'hunter2hunter2', tags: ['a', 'b'], skipTags: [], forks: 5, extraVars: ['x=1'], diff: true, lockWait: 9, output: 'json', verbose: 2 } as const;
    expect(runArguments({ mode: 'check', inventory: 'inv', playbooks: ['p.yml'], flags })).toEqual(['check', 'inv', 'p.yml', '--inventory', 'inv2', '--limit', '********', '--tags', 'a,b', '--forks', '5', '--extra-vars', 'x=********', '--diff', '--lock-wait', '9']);
  });
});
