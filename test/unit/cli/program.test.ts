import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finish, main } from '../../../src/cli/cli.ts';
import { commandWords, milliseconds } from '../../../src/cli/commands/lab.ts';
import { formatError } from '../../../src/cli/errors.ts';
import { painter } from '../../../src/cli/terminal/colour.ts';
import { badInput, Diagnostic, DiagnosticList } from '../../../src/support/diagnostic.ts';
import { fakeContext, type FakeContext } from './fakes.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const entry = join(root, 'src', 'cli', 'main.ts');

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'care-program-'));
  writeFileSync(join(directory, 'hosts.yml'), 'web:\n  hosts:\n    web[1:2]:\n  vars:\n    port: 80\n');
  writeFileSync(join(directory, 'broken.yml'), 'web: [\n');
});
afterAll(() => { rmSync(directory, { recursive: true }); });

async function care(...args: readonly string[]): Promise<FakeContext & { status: number }> {
  const context = fakeContext(directory);
  return { ...context, status: await main(args, context) };
}

describe('help', () => {
  test('names every command and the exit statuses', async () => {
    const { status, stdout } = await care('--help');
    expect(status).toBe(0);
    for (const name of ['apply', 'check', 'verify', 'validate', 'inventory', 'run', 'facts', 'secrets', 'trust', 'history', 'drift', 'cluster', 'db', 'doc', 'drill', 'vault', 'lab', 'completion', 'version']) {
      expect(stdout.text()).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(stdout.text()).toContain('130 interrupted');
  });

  test('loads neither clients nor schemas', () => {
    const preload = join(directory, 'watch.mjs');
    writeFileSync(preload, `
      import { registerHooks } from 'node:module';
      registerHooks({ load(url, context, next) { process.stderr.write(url + '\\n'); return next(url, context); } });
    `);
    const { status, stderr, stdout } = spawnSync(process.execPath, ['--import', preload, entry, '--help'], { encoding: 'utf8', timeout: 20_000 });
    expect(status).toBe(0);
    expect(stdout).toContain('Usage: care-provision');
    const packages = new Set([...stderr.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)].map((match) => match[1]));
    expect([...packages]).toEqual(['commander']);
    expect(stderr).not.toMatch(/src\/(drills|operations|run|modules|host|transport|language|lab|state)\//);
  });
});

describe('wrong usage ends with 64 and a suggestion', () => {
  test.each([
    [['aply', 'x'], 'Did you mean apply?'],
    [['apply', 'x', '--limt', 'y'], 'Did you mean --limit?'],
    [['apply'], "missing required argument 'inventory'"],
    [['apply', 'x', '--forks', 'many'], 'whole number from 1 to 1000'],
    [['apply', 'x', '--output', 'xml'], 'Allowed choices are text, json, junit'],
    [['lab', 'ups'], 'Did you mean up?'],
    [['verify', 'x', '--check'], "unknown option '--check'"],
    [['completion', 'fish'], 'Allowed choices are bash, zsh'],
    [[], 'Usage: care-provision'],
  ])('%j', async (args, message) => {
    const { status, stderr, stdout } = await care(...args);
    expect(status).toBe(64);
    expect(stderr.text()).toContain(message);
    expect(stdout.text()).toBe('');
  });

  test('times read as people write them', () => {
    expect(['100ms', '0.1s', '100'].map(milliseconds)).toEqual([100, 100, 100]);
    expect(() => milliseconds('11s')).toThrow('at most 10s');
  });

  test('a command begins after one --', () => {
    expect(commandWords(['--', 'ls', '--', 'a'])).toEqual(['ls', '--', 'a']);
    expect(commandWords(['ls', '-l'])).toEqual(['ls', '-l']);
  });
});

describe('inventory', () => {
  test('list, graph and host print what ansible-inventory does', async () => {
    const inventory = join(directory, 'hosts.yml');
    const list = await care('inventory', 'list', inventory);
    expect(list.status).toBe(0);
    expect(JSON.parse(list.stdout.text())).toMatchObject({ web: { hosts: ['web1', 'web2'] }, _meta: { hostvars: { web1: { port: 80 } } } });
    expect((await care('inventory', 'graph', inventory)).stdout.text()).toContain('|--@web:');
    expect(JSON.parse((await care('inventory', 'host', inventory, 'web2')).stdout.text())).toEqual({ port: 80 });
    expect(JSON.parse((await care('inventory', 'host', 'web2', inventory)).stdout.text())).toEqual({ port: 80 });
  });

  test('trust of a host alone says that the inventory comes first', async () => {
    const { status, stderr } = await care('trust', 'web1');
    expect([status, stderr.text()]).toEqual([65, 'error: there is no inventory web1\nTo do: for a host of an inventory: care-provision trust INVENTORY web1\n']);
  });

  test('bad input ends with 65 and points at the place', async () => {
    const { status, stderr } = await care('inventory', 'list', join(directory, 'broken.yml'));
    expect(status).toBe(65);
    expect(stderr.text()).toMatch(/error: .*broken\.yml:\d+:\d+: /);
  });
});

describe('errors', () => {
  const plain = painter(false);

  test('several have a count', () => {
    const text = formatError(new DiagnosticList([badInput('a', 'first'), badInput('b', 'second', { remedy: 'mend it' })]), plain);
    expect(text).toBe('error: first\n\nerror: second\nTo do: mend it\n\n2 errors');
  });

  test('text in them cannot steer the terminal', () => {
    expect(formatError(badInput('a', 'x\u001b[2Jy'), plain)).toBe('error: x\\x1b[2Jy');
  });

  test('anything unexpected is a defect, with its stack', () => {
    const text = formatError(new TypeError('x is undefined', { cause: new Error('deeper') }), plain);
    expect(text).toContain('defect of care-provision');
    expect(text).toContain('TypeError: x is undefined\n    at ');
    expect(text).toContain('caused by Error: deeper');
  });

  test('output that cannot be written is not success', () => {
    const context = fakeContext();
    const broken = { ...context, stdout: { ...context.stdout, close: () => { throw new Diagnostic({ kind: 'failed', code: 'output-write', summary: 'no space left' }); } } };
    expect(finish(0, broken)).toBe(3);
    expect(finish(2, broken)).toBe(2);
    expect(context.stderr.text()).toContain('no space left');
  });
});

describe('completion', () => {
  let script = '';
  beforeAll(async () => { script = (await care('completion', 'bash')).stdout.text(); });

  function complete(...words: readonly string[]): string[] {
    const program = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _care_provision; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', program, 'bash', ...words], { encoding: 'utf8', cwd: directory }).split('\n').filter((line) => line !== '');
  }

  test('bash completes commands, options and choices', () => {
    expect(complete('care-provision', 'app')).toEqual(['apply']);
    expect(complete('care-provision', 'lab', 'st')).toEqual(['status']);
    expect(complete('care-provision', 'apply', 'hosts.yml', '--start')).toEqual(['--start-at-task']);
    expect(complete('care-provision', 'apply', '--output', '')).toEqual(['text', 'json', 'junit']);
    expect(complete('care-provision', 'apply', 'hos')).toEqual(['hosts.yml']);
  });

  test('zsh wraps the same', async () => {
    expect((await care('completion', 'zsh')).stdout.text()).toBe(`#compdef care-provision\nautoload -U +X bashcompinit && bashcompinit\n${script}`);
  });
});

test('version names the program and Node', async () => {
  expect((await care('version')).stdout.text()).toMatch(/^care-provision \d+\.\d+\.\d+ \(Node v\d+/);
});
