/**
 * The golden data of the corpus against the real tools, where they are installed. With
 * `UPDATE_GOLDEN=1` the golden data are written anew from what the tools say.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { cases, CORPUS, golden, type Case, type Golden } from '../../unit/language/inventory/cases.ts';

const run = promisify(execFile);

/** An empty configuration, so that nobody's own settings change what Ansible says. */
const scratch = mkdtempSync(join(tmpdir(), 'care-ansible-'));
writeFileSync(join(scratch, 'ansible.cfg'), '');
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

function installed(): boolean {
  try {
    execFileSync('ansible-inventory', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    // Not installed: the golden data stand for it.
    return false;
  }
}

async function ask(which: Case, tool: string, ...args: string[]): Promise<string> {
  const sources = which.sources.flatMap((source) => ['-i', source]);
  const playbook = which.playbookDirectory === undefined ? [] : ['--playbook-dir', which.playbookDirectory];
  const { stdout } = await run(tool, [...sources, ...playbook, ...args], {
    cwd: which.directory,
    timeout: 60_000,
    env: { ...process.env, HOME: scratch, ANSIBLE_CONFIG: join(scratch, 'ansible.cfg'), LC_ALL: 'C.UTF-8' },
  });
  return stdout.replace(/\n$/, '');
}

async function hosts(which: Case, pattern: string): Promise<string[] | null> {
  const lines = (await ask(which, 'ansible', pattern, '--list-hosts')).split('\n');
  if (!(lines[0] ?? '').startsWith('  hosts (')) throw new Error(`ansible said ${lines.join('\n')}`);
  const names = lines.slice(1).map((line) => line.trim());
  return which.anyOrder ? names.sort() : names;
}

async function ansible(which: Case): Promise<Golden> {
  const patterns: Record<string, string[] | null> = {};
  for (const pattern of which.patterns) patterns[pattern] = await hosts(which, pattern);
  return {
    list: JSON.parse(await ask(which, 'ansible-inventory', '--list')),
    ...(which.graph ? { graph: await ask(which, 'ansible-inventory', '--graph') } : {}),
    ...(which.graph && which.graphVars ? { graphVars: await ask(which, 'ansible-inventory', '--graph', '--vars') } : {}),
    patterns,
  };
}

describe.skipIf(!installed())('ansible-inventory still says what the golden data say', () => {
  it.each(cases().map((which) => [which.name, which] as const))('%s', async (name, which) => {
    const said = await ansible(which);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(CORPUS, name, 'expected.json'), `${JSON.stringify(said, undefined, 2)}\n`);
    expect(said).toEqual(golden(name));
  });
});
