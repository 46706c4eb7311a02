/** The program as a process: signals, pipes, what is on which stream. Works on this machine, over no network. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JsonLineSchema } from '../../../src/cli/schemas/run-event.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'care-provision');
let directory = '';
let environment: Record<string, string | undefined> = {};

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'care-process-'));
  environment = { ...process.env, CARE_STATE: join(directory, 'state'), NO_COLOR: undefined, FORCE_COLOR: undefined };
  mkdirSync(join(directory, 'inventory'));
  mkdirSync(join(directory, 'playbooks'));
  writeFileSync(join(directory, 'inventory', 'hosts.yml'), 'all:\n  hosts:\n    here:\n      ansible_connection: local\n');
  writeFileSync(join(directory, 'playbooks', 'slow.yml'), `- hosts: all\n  tasks:\n    - command: sleep 1\n      changed_when: false\n    - command: touch ${directory}/never\n`);
  writeFileSync(join(directory, 'playbooks', 'site.yml'), `- hosts: all\n  tasks:\n    - copy:\n        dest: ${directory}/out\n        content: "x\\n"\n        mode: "0600"\n`);
  writeFileSync(join(directory, 'playbooks', 'broken.yml'), '- hosts: all\n  taks: []\n');
});
afterAll(() => { rmSync(directory, { recursive: true }); });

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function care(...args: readonly string[]): Ended {
  return spawnSync(program, [...args], { encoding: 'utf8', cwd: directory, env: environment, timeout: 20_000 });
}

function lines(text: string): { type: string; status?: number }[] {
  return text.trimEnd().split('\n').map((line) => JsonLineSchema.parse(JSON.parse(line)) as { type: string; status?: number });
}

describe('a run', () => {
  test('check, apply, apply again: 2, 0, 0, and real events are of the schema', () => {
    const checked = care('check', 'inventory', '--output', 'json');
    expect([checked.status, checked.stderr, existsSync(join(directory, 'out'))]).toEqual([2, '', false]);
    const applied = care('apply', 'inventory', '--output', 'json');
    expect(applied.status).toBe(0);
    const changes = (text: string): unknown[] => lines(text).filter((line) => line.type === 'change');
    expect(changes(applied.stdout)).toEqual(changes(checked.stdout));
    expect(changes(applied.stdout)).toHaveLength(1);
    expect(lines(applied.stdout).at(-1)).toMatchObject({ type: 'summary', status: 0, total: { changed: 1 } });
    const again = care('apply', 'inventory');
    expect(again.status).toBe(0);
    expect(again.stdout).toContain('Converged: nothing had to change on 1 host');
    expect(again.stdout).not.toContain('\u001b');
  });

  test('a report in a file leaves the terminal its text', () => {
    const { status, stdout } = care('apply', 'inventory', '--output', 'junit', '--output-file', 'report.xml');
    expect(status).toBe(0);
    expect(stdout).toContain('Converged');
    expect(readFileSync(join(directory, 'report.xml'), 'utf8')).toMatch(/<testsuite name="here"[^>]* tests="1" failures="0"/);
  });

  test('bad input: 65, the error on stderr, and a summary as the last line', () => {
    const { status, stdout, stderr } = care('apply', 'inventory', 'playbooks/broken.yml', '--output', 'json');
    expect(status).toBe(65);
    expect(lines(stdout).map((line) => line.type)).toEqual(['error', 'summary']);
    expect(stderr).toContain('playbooks/broken.yml:2:3');
    expect(stderr).toContain('Did you mean ta');
  });

  test('it is in the history', () => {
    const runs = JSON.parse(care('history', '--json').stdout) as { id: string; mode: string }[];
    expect(runs.map((run) => run.mode)).toContain('apply');
    const shown = care('history', 'show', runs.at(-1)?.id ?? '');
    expect(shown.stdout).toContain(`file ${directory}/out`);
  });

  test('a reader that goes away does not cut the run short', () => {
    rmSync(join(directory, 'out'), { force: true });
    const { status } = spawnSync('sh', ['-c', '"$@" | true; ', 'sh', program, 'apply', 'inventory'], { cwd: directory, env: environment, timeout: 20_000 });
    expect(status).toBe(0);
    expect(existsSync(join(directory, 'out'))).toBe(true);
  });

  test('asked for a password without a terminal: refused, with what to do', () => {
    const { status, stderr } = spawnSync('setsid', [program, 'apply', 'inventory', '-K'], { encoding: 'utf8', cwd: directory, env: environment, timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] });
    expect(status).toBe(64);
    expect(stderr).toContain('there is no terminal to ask on: sudo password');
  });
});

test('Ctrl-C finishes the task in hand, starts no other, reports, and ends with 130', async () => {
  const child = spawn(program, ['apply', 'inventory', 'playbooks/slow.yml', '--output', 'json'], { cwd: directory, env: environment });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (!stdout.includes('task-start') && text.includes('task-start')) setTimeout(() => child.kill('SIGINT'), 200);
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
  const status = await new Promise((resolve) => { child.on('close', resolve); });
  expect(status).toBe(130);
  expect(stderr).toContain('finishing the tasks in hand');
  expect(lines(stdout).filter((line) => line.type === 'task')).toMatchObject([{ status: 'ok', module: 'command' }]);
  expect(lines(stdout).at(-1)).toMatchObject({ type: 'summary', status: 130 });
  expect(existsSync(join(directory, 'never'))).toBe(false);
});
