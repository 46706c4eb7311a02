/** A run and its rollback on this machine, through the whole engine. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { RunOptions } from '../../../src/run/options.ts';
import { rollBack, type RollbackRequest } from '../../../src/run/rollback.ts';
import { ExitStatus } from '../../../src/support/diagnostic.ts';
import { testProject, type Result, type TestProject } from './support.ts';

let project: TestProject;
afterEach(() => { project.remove(); });

const isRoot = process.getuid?.() === 0;
const at = (name: string): string => path.join(project.dir, 'work', name);
const read = (name: string): string => readFileSync(at(name), 'utf8');
const mode = (name: string): string => (statSync(at(name)).mode & 0o7777).toString(8);
const kept = (): string => path.join(project.dir, 'runs');
const runOf = (result: Result): string => result.events.flatMap((e) => (e.type === 'start' ? [e.run] : []))[0] ?? '';
const warnings = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'warning' ? [e.message] : []));
const errors = (result: Result): string => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [e.error ?? ''] : [])).join('\n');

const keeping = (more: Partial<RunOptions['keep']> = {}): Partial<RunOptions> => ({ keep: { directory: kept(), runs: 10, bytes: 1024 * 1024, ...more } });
const apply = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ ...keeping(), ...options });
const back = (run: string, request: Partial<RollbackRequest> = {}, options: Partial<RunOptions> = {}): Promise<Result> =>
  project.run({ ...keeping(), ...options }, (all) => rollBack(all, { run, hosts: undefined, moved: 'refuse', withoutPlaybooks: true, directory: kept(), ...request }));

const PLAYBOOK = `- hosts: all
  tasks:
    - { name: content, copy: { dest: "{{ work }}/kept.conf", content: "new\\n", mode: "0640" }, notify: told }
    - { name: made, copy: { dest: "{{ work }}/made.conf", content: "made\\n" } }
    - { name: mode, file: { path: "{{ work }}/mode", mode: "0600" } }
    - { name: directory, file: { path: "{{ work }}/new/below", state: directory } }
    - { name: within, copy: { dest: "{{ work }}/new/below/file", content: "x" } }
    - { name: link, file: { path: "{{ work }}/link", src: "{{ work }}/made.conf", state: link } }
    - { name: gone, file: { path: "{{ work }}/gone", state: absent } }
    - { name: tree, file: { path: "{{ work }}/tree", state: absent } }
    - { name: lines, lineinfile: { path: "{{ work }}/lines", line: two } }
    - { name: more lines, lineinfile: { path: "{{ work }}/lines", line: three } }
    - { name: command, command: "touch {{ work }}/by-command" }
  handlers:
    - { name: told, shell: "echo told >>{{ work }}/told" }
`;

function before(): void {
  project = testProject({ 'playbook.yml': PLAYBOOK });
  writeFileSync(at('kept.conf'), 'old\n', { mode: 0o604 });
  writeFileSync(at('mode'), 'm', { mode: 0o644 });
  writeFileSync(at('gone'), 'was here', { mode: 0o600 });
  mkdirSync(at('tree/deep'), { recursive: true });
  writeFileSync(at('tree/deep/leaf'), 'leaf');
  symlinkSync('deep/leaf', at('tree/link'));
  writeFileSync(at('lines'), 'one\n');
  symlinkSync('/nowhere', at('link'));
  chmodSync(at('kept.conf'), 0o604);
}

function expectBefore(): void {
  expect([read('kept.conf'), mode('kept.conf'), mode('mode'), read('gone'), mode('gone'), read('lines')]).toEqual(['old\n', '604', '644', 'was here', '600', 'one\n']);
  expect([existsSync(at('made.conf')), existsSync(at('new')), readlinkSync(at('link'))]).toEqual([false, false, '/nowhere']);
  expect([read('tree/deep/leaf'), readlinkSync(at('tree/link'))]).toEqual(['leaf', 'deep/leaf']);
}

describe.runIf(isRoot)('rollback', () => {
  test('puts content, modes, links, removed files and trees back, and removes what was made', async () => {
    before();
    const applied = await apply();
    expect([applied.status, read('kept.conf'), read('lines'), read('told')]).toEqual([ExitStatus.ok, 'new\n', 'one\ntwo\nthree\n', 'told\n']);
    const run = runOf(applied);
    expect((statSync(kept()).mode & 0o777).toString(8)).toBe('700');

    const checked = await back(run, {}, { mode: 'check' });
    expect([checked.status, read('kept.conf'), existsSync(at('gone'))]).toEqual([ExitStatus.drift, 'new\n', false]);
    const rolled = await back(run);
    expect(rolled.status).toBe(ExitStatus.ok);
    // What check says is what is done.
    expect(rolled.changes).toEqual(checked.changes);
    expectBefore();
    expect(warnings(rolled)).toEqual(['handler told is in none of the playbooks and did nothing to a unit: it is not run', expect.stringMatching(/^out of reach of a rollback: command touch .*by-command/) as string, expect.stringMatching(/^out of reach of a rollback: shell .*told/) as string]);
    expect(existsSync(at('by-command'))).toBe(true);

    expect((await back(run)).changes).toEqual([]);
    // A rollback is a run, and can itself be rolled back.
    const again = await back(runOf(rolled));
    expect([again.status, read('kept.conf'), mode('kept.conf'), read('lines'), read('new/below/file'), mode('mode')]).toEqual([ExitStatus.ok, 'new\n', '640', 'one\ntwo\nthree\n', 'x', '600']);
    // What came back with a directory is nobody's in particular.
    expect([existsSync(at('tree')), warnings(again)]).toEqual([true, [`directory ${at('tree')} is left, since deep, link in it is not the run's`, 'handler told is in none of the playbooks and did nothing to a unit: it is not run']]);
    expect(readdirSync(at('.')).filter((name) => name.startsWith('.care-'))).toEqual([]);
  });

  test('a converged run keeps nothing, check and verify neither', async () => {
    before();
    project.write('playbook.yml', '- hosts: all\n  tasks:\n    - { file: { path: "{{ work }}/mode", mode: "0644" } }\n    - { command: "true", changed_when: false }\n    - { stat: { path: "{{ work }}/mode" } }\n');
    expect((await apply()).status).toBe(ExitStatus.ok);
    project.write('playbook.yml', PLAYBOOK);
    await apply({ mode: 'check' });
    expect(existsSync(kept())).toBe(false);
  });

  test('what has changed since is refused and named, left, or overwritten', async () => {
    before();
    const run = runOf(await apply());
    writeFileSync(at('made.conf'), 'by hand\n');
    const refused = await back(run);
    expect([refused.status, read('kept.conf'), read('made.conf')]).toEqual([ExitStatus.failed, 'new\n', 'by hand\n']);
    expect(errors(refused)).toContain(`file ${at('made.conf')}: its content was changed after the run`);
    expect(errors(refused)).toContain('--moved leave');
    const left = await back(run, { moved: 'leave' });
    expect([left.status, read('kept.conf'), read('made.conf')]).toEqual([ExitStatus.ok, 'old\n', 'by hand\n']);
    expect(warnings(left)[0]).toBe(`left as it is: file ${at('made.conf')}: its content was changed after the run`);
    expect([(await back(run, { moved: 'overwrite' })).status, existsSync(at('made.conf'))]).toEqual([ExitStatus.ok, false]);
  });

  test('a later run that has changed the same is named', async () => {
    before();
    const run = runOf(await apply());
    project.write('playbook.yml', '- hosts: all\n  tasks:\n    - { copy: { dest: "{{ work }}/kept.conf", content: "newer\\n" } }\n');
    const later = runOf(await apply());
    expect(errors(await back(run))).toContain(`(run ${later} has changed it: roll that one back first)`);
    await back(later);
    expect([(await back(run)).status, read('kept.conf')]).toEqual([ExitStatus.ok, 'old\n']);
  });

  test('a directory with something else in it is left, and said so', async () => {
    before();
    const run = runOf(await apply());
    writeFileSync(at('new/theirs'), '');
    const rolled = await back(run);
    expect([rolled.status, existsSync(at('new/below')), existsSync(at('new/theirs'))]).toEqual([ExitStatus.ok, false, true]);
    expect(warnings(rolled)).toContain(`directory ${at('new')} is left, since theirs in it is not the run's`);
  });

  test('a change that failed left nothing to put back; the validation of a file is asked again', async () => {
    project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { copy: { dest: "{{ work }}/a", content: "good new", validate: "grep -q good %s" } }\n    - { copy: { dest: "{{ work }}/b", content: "bad", validate: "grep -q good %s" } }\n' });
    writeFileSync(at('a'), 'bad old');
    writeFileSync(at('b'), 'good');
    const applied = await apply();
    expect([applied.status, read('a'), read('b')]).toEqual([ExitStatus.failed, 'good new', 'good']);
    const rolled = await back(runOf(applied));
    expect([rolled.status, read('a'), read('b')]).toEqual([ExitStatus.failed, 'good new', 'good']);
    expect(errors(rolled)).toContain('validation failed: grep -q good %s');
  });

  test('secrets stay in the copy: not in the journal, the diff, or the report', async () => {
    project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { copy: { dest: "{{ work }}/secret", content: "second-secret-words", mode: "0600" }, no_log: true }\n' });
    writeFileSync(at('secret'), 'first-secret-words', { mode: 0o600 });
    const applied = await apply();
    const folder = path.join(kept(), runOf(applied));
    const journals = readdirSync(folder).filter((name) => name.endsWith('.journal')).map((name) => readFileSync(path.join(folder, name), 'utf8'));
    expect(journals.join('')).toContain(at('secret'));
    expect(journals.join('')).not.toMatch(/first-secret|second-secret/);
    const rolled = await back(runOf(applied), {}, { diff: true });
    expect([rolled.status, read('secret')]).toEqual([ExitStatus.ok, 'first-secret-words']);
    expect(JSON.stringify([applied.events, rolled.events])).not.toMatch(/first-secret|second-secret/);
  });

  test('the number of runs and bytes is bounded; what is too large is named', async () => {
    project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { copy: { dest: "{{ work }}/f", content: "{{ content }}" } }\n' });
    const runs: string[] = [];
    for (const content of ['1', '2', '3', '4']) runs.push(runOf(await apply({ ...keeping({ runs: 2 }), extraVars: { content } })));
    expect(readdirSync(kept()).sort()).toEqual([...runs].sort().slice(-2));
    writeFileSync(at('f'), 'x'.repeat(3000));
    const large = await apply({ ...keeping({ bytes: 4096 }), extraVars: { content: '5' } });
    const rolled = await back(runOf(large), {}, { extraVars: { content: '' } });
    const lost = `file ${at('f')}: with its 3000 bytes, more than 2048 of one run are not kept`;
    expect(warnings(rolled)).toEqual([`not put back: ${lost}`]);
    expect([rolled.status, errors(rolled)]).toEqual([ExitStatus.failed, expect.stringContaining(`not all is back of run ${runOf(large)}: ${lost}`) as string]);
    expect(lstatSync(at('f')).size).toBe(1);
    // That of a run that the host has dropped by now.
    const dropped = await back(runs[0] ?? '', { hosts: ['one'], changed: ['one'] }, { extraVars: { content: '' } });
    expect([dropped.status, errors(dropped)]).toEqual([ExitStatus.failed, expect.stringContaining(`nothing was put back of run ${runs[0] ?? ''}`) as string]);
  });

  test('a host that has nothing of the run says what it has', async () => {
    before();
    const run = runOf(await apply());
    const none = '20200101-000000-abcdef';
    const rolled = await back(none);
    expect([rolled.status, warnings(rolled)]).toEqual([ExitStatus.failed, [`nothing is kept here of run ${none}; what is kept is of ${run}`]]);
    // One that the run may have begun with and has not changed, as the history has it: nothing is amiss.
    expect([(await back(none, { hosts: ['one'] })).status, (await back(none, { hosts: ['one'], changed: ['one'] }, { mode: 'check' })).status]).toEqual([ExitStatus.ok, ExitStatus.failed]);
  });

  test('what is lost does not keep the rest from being put back', async () => {
    before();
    const run = runOf(await apply());
    const folder = path.join(kept(), run);
    const copy = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('/gone')) ?? '';
    rmSync(path.join(folder, copy));
    const rolled = await back(run);
    expect([rolled.status, read('kept.conf')]).toEqual([ExitStatus.failed, 'old\n']);
    expect(errors(rolled)).toContain(`not all is back of run ${run}: file ${at('gone')}: its copy is missing`);
  });
});

test.runIf(isRoot)('of a run that this history does not know, one host that has something of it is enough', async () => {
  project = testProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { copy: { dest: "{{ work }}/f", content: "new" } }\n' }, ['one', 'two']);
  writeFileSync(at('f'), 'old');
  const run = runOf(await apply({ limit: 'one' }));
  // Both names are this machine.
  project.write('inventory.yml', `all:\n  hosts:\n    one: { ansible_connection: local, work: ${at('')} }\n    two: { ansible_connection: local, work: ${at('')} }\n`);
  expect([(await back(run)).status, read('f'), (await back('20200101-000000-abcdef')).status]).toEqual([ExitStatus.ok, 'old', ExitStatus.failed]);
});

test.runIf(isRoot)('attributes first, then content, or the whole directory: all of it is back', async () => {
  project = testProject({ 'playbook.yml': `- hosts: all
  tasks:
    - { name: mode, file: { path: "{{ work }}/both", mode: "0600" } }
    - { name: directory, file: { path: "{{ work }}/tree", state: directory, mode: "0700" } }
    - { name: now, command: "true" }
    - { name: content, copy: { dest: "{{ work }}/both", content: "new\\n" } }
    - { name: tree, file: { path: "{{ work }}/tree", state: absent } }
` });
  writeFileSync(at('both'), 'old\n', { mode: 0o644 });
  mkdirSync(at('tree'), { mode: 0o755 });
  writeFileSync(at('tree/leaf'), 'leaf');
  const run = runOf(await apply());
  expect([read('both'), mode('both'), existsSync(at('tree'))]).toEqual(['new\n', '600', false]);
  const result = await back(run);
  expect([result.status, errors(result), warnings(result).filter((each) => each.startsWith('not put back'))]).toEqual([ExitStatus.ok, '', []]);
  expect([read('both'), mode('both'), read('tree/leaf'), mode('tree')]).toEqual(['old\n', '644', 'leaf', '755']);
});

test.runIf(isRoot)('a handler of a role is not taken for one of that name that a play has', async () => {
  project = testProject({
    'playbook.yml': '- hosts: all\n  roles: [r]\n',
    'roles/r/role.yml': 'summary: r\n',
    'roles/r/tasks/main.yml': '- { name: content, copy: { dest: "{{ work }}/x", content: "new\\n" }, notify: told }\n',
    'roles/r/handlers.yml': '- { name: told, shell: "echo role >>{{ work }}/told" }\n',
  });
  const run = runOf(await apply());
  expect(read('told')).toBe('role\n');
  project.write('playbook.yml', '- hosts: all\n  tasks: []\n  handlers: [{ name: told, shell: "echo play >>{{ work }}/told" }]\n');
  const result = await back(run, { withoutPlaybooks: false });
  expect([result.status, existsSync(at('x')), read('told')]).toEqual([ExitStatus.ok, false, 'role\n']);
  expect(warnings(result)).toContain('handler r : told is in none of the playbooks and did nothing to a unit: it is not run');
});
