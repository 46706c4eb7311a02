import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const scripts = fileURLToPath(new URL('../../../scripts/', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'care-scripts-'));
afterAll(() => { rmSync(directory, { recursive: true }); });

interface Change {
  host: string;
  role?: string;
  task?: string;
  resource: string;
  what?: string;
  handler?: boolean;
  unknown?: boolean;
}

let files = 0;
function file(text: string): string {
  files += 1;
  const path = join(directory, String(files));
  writeFileSync(path, text);
  return path;
}

function run(changes: readonly Change[], summary = true): string {
  const lines: object[] = changes.map((change) => ({ type: 'change', role: 'base', task: 't', what: 'create', handler: false, ...change }));
  if (summary) lines.push({ type: 'summary' });
  return file(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

function fidelity(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(scripts, 'fidelity.mjs'), ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('fidelity.mjs compare', () => {
  it('is 100 % when both sets are equal, whatever the order', () => {
    const one = { host: 'a', resource: 'file /x' };
    const other = { host: 'b', resource: 'file /x' };
    expect(fidelity('compare', run([one, other]), run([other, one]))).toMatchObject({ status: 0, stdout: 'predicted 2 changes, made 2: fidelity 100.0 %\n' });
  });
  it('is the intersection over the union, and names the differences', () => {
    const result = fidelity('compare', run([{ host: 'a', resource: 'x' }, { host: 'a', resource: 'y' }]), run([{ host: 'a', resource: 'x' }, { host: 'a', resource: 'z' }]));
    expect(result).toMatchObject({ status: 1 });
    expect(result.stdout).toContain('fidelity 33.3 %');
    expect(result.stdout).toContain('predicted, not made: a | base | t | y');
    expect(result.stdout).toContain('made, not predicted: a | base | t | z');
  });
  it('counts what check could not tell as not predicted', () => {
    const result = fidelity('compare', run([{ host: 'a', resource: 'x', unknown: true }]), run([{ host: 'a', resource: 'x' }]));
    expect(result).toMatchObject({ status: 1 });
    expect(result.stdout).toContain('could not tell of 1');
  });
  it('refuses a run that was cut off', () => {
    expect(fidelity('compare', run([], false), run([])).status).toBe(1);
    expect(fidelity('count', run([{ host: 'a', resource: 'x' }], false)).stderr).toContain('cut off');
  });
});

describe('fidelity.mjs drift and exactly', () => {
  const made: Change[] = [
    { host: 'a', resource: 'unit chrony.service', what: 'start' },
    { host: 'a', resource: 'file /etc/one', what: 'create' },
    { host: 'b', resource: 'file /etc/two', what: 'create' },
    { host: 'b', resource: 'file /etc/ssh/sshd_config.d/x.conf', what: 'create' },
    { host: 'c', resource: 'file /etc/three', what: 'create' },
    { host: 'c', resource: "file /etc/it's", what: 'create' },
    { host: 'c', resource: 'unit ssh.service', what: 'restart', handler: true },
  ];
  it('picks five different resources, spread over hosts, none that a host can\'t do without', () => {
    const list = join(directory, 'drift');
    expect(fidelity('drift', run(made), list).status).toBe(0);
    const lines = readFileSync(list, 'utf8').trimEnd().split('\n').map((line) => line.split('\t'));
    expect(lines).toHaveLength(5);
    expect(new Set(lines.map(([, resource]) => resource)).size).toBe(5);
    expect(new Set(lines.map(([host]) => host)).size).toBe(3);
    expect(lines.map(([, resource]) => resource)).not.toContain('file /etc/ssh/sshd_config.d/x.conf');
    for (const [, , command = ''] of lines) expect(() => execFileSync('sh', ['-n'], { input: command })).not.toThrow();
  });
  it('takes the same resource of several hosts when there are no five different ones, and nothing twice', () => {
    const list = join(directory, 'same');
    const changes = ['a', 'b', 'c'].flatMap((host) => ['/etc/one', '/etc/two'].map((path) => ({ host, resource: `file ${path}` })));
    expect(fidelity('drift', run(changes), list).status).toBe(0);
    const pairs = readFileSync(list, 'utf8').trimEnd().split('\n').map((line) => line.split('\t').slice(0, 2).join(' '));
    expect(pairs).toHaveLength(5);
    expect(new Set(pairs).size).toBe(5);
  });
  it('says so when there are not five', () => {
    expect(fidelity('drift', run(made.slice(0, 3)), join(directory, 'few')).stderr).toContain('only 3 resources');
  });
  it('wants exactly the drifted resources, handlers apart', () => {
    const list = file('a\tfile /etc/one\trm\n');
    const one = { host: 'a', resource: 'file /etc/one' };
    expect(fidelity('exactly', run([one, { host: 'a', resource: 'unit x', handler: true }]), list).status).toBe(0);
    expect(fidelity('exactly', run([]), list)).toMatchObject({ status: 1, stdout: expect.stringContaining('drifted, not in the run: a | file /etc/one') as string });
    expect(fidelity('exactly', run([one, { host: 'b', resource: 'file /etc/one' }]), list)).toMatchObject({ status: 1, stdout: expect.stringContaining('had not drifted: b') as string });
  });
});

describe('count-tests.mjs', () => {
  const report = (numbers: object, status = 0): string =>
    `${file(JSON.stringify({ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, success: true, testResults: [], ...numbers }))}:${status}`;
  const count = (...args: string[]): { status: number | null; last: string } => {
    const { status, stdout } = spawnSync(process.execPath, [join(scripts, 'count-tests.mjs'), ...args], { encoding: 'utf8' });
    return { status, last: stdout.trimEnd().split('\n').at(-1) ?? '' };
  };
  it('sums runs and checks', () => {
    expect(count(report({ numPassedTests: 5, numPendingTests: 1 }), report({ numPassedTests: 2, numTodoTests: 1 }), '--checks', '3', '0')).toEqual({ status: 0, last: '10 passed, 0 failed, 2 skipped' });
  });
  it('names what was skipped and what failed', () => {
    const results = [{ assertionResults: [{ status: 'passed', fullName: 'one' }, { status: 'skipped', fullName: 'two' }, { status: 'failed', fullName: 'three' }] }];
    const { stdout } = spawnSync(process.execPath, [join(scripts, 'count-tests.mjs'), report({ numPassedTests: 1, numFailedTests: 1, numPendingTests: 1, success: false, testResults: results }, 1)], { encoding: 'utf8' });
    expect(stdout).toBe('skipped: two\nfailed: three\n1 passed, 1 failed, 1 skipped\n');
  });
  it.each([
    ['a failed test', () => [report({ numPassedTests: 5, numFailedTests: 1, success: false })], '5 passed, 1 failed, 0 skipped'],
    ['a failed check', () => [report({ numPassedTests: 5 }), '--checks', '2', '1'], '7 passed, 1 failed, 0 skipped'],
    ['a file that could not be loaded', () => [report({ numPassedTests: 5, success: false })], '5 passed, 1 failed, 0 skipped'],
    ['an error outside of tests', () => [report({ numPassedTests: 5 }, 1)], '5 passed, 1 failed, 0 skipped'],
    ['a failed test, counted once', () => [report({ numPassedTests: 5, numFailedTests: 1, success: false }, 1)], '5 passed, 1 failed, 0 skipped'],
    ['a run that left no report', () => [report({ numPassedTests: 5 }), `${join(directory, 'none')}:0`], '5 passed, 1 failed, 0 skipped'],
    ['no test at all', () => [report({})], '0 passed, 0 failed, 0 skipped'],
  ])('fails for %s', (_, args, last) => {
    expect(count(...args())).toEqual({ status: 1, last });
  });
});
