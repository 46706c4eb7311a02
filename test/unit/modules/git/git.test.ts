import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { git } from '../../../../src/modules/git/index.ts';
import { converge, planHere, scratch, shells, sweep } from '../exec.ts';
import { goldenCases } from '../golden.ts';

goldenCases(git, import.meta.url);
afterEach(sweep);

function run(directory: string, ...words: string[]): string {
  return execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.test', '-c', 'init.defaultBranch=main', '-C', directory, ...words], { stdio: ['ignore', 'pipe', 'pipe'] }).toString().trim();
}
function commit(repo: string, text: string): string {
  writeFileSync(join(repo, 'f'), text);
  run(repo, 'add', 'f');
  run(repo, 'commit', '-q', '-m', text);
  return run(repo, 'rev-parse', 'HEAD');
}

describe.each(shells)('%s', (shell) => {
  test('clones, follows a branch, goes to a tag and a commit, and then rests', { timeout: 30_000 }, () => {
    const dir = scratch();
    const repo = join(dir, "it's a repo");
    const dest = join(dir, 'deep/tree');
    mkdirSync(repo);
    run(repo, 'init', '-q');
    const first = commit(repo, 'one');
    run(repo, 'tag', '-a', 'v1', '-m', 'v1');
    const made = converge(git, { repo, dest, version: 'main' }, { shell });
    expect(made.map((c) => c.resource)).toEqual([`git ${dest}`]);
    expect(readFileSync(join(dest, 'f'), 'utf8')).toBe('one');
    commit(repo, 'two');
    converge(git, { repo, dest, version: 'main' }, { shell });
    expect(readFileSync(join(dest, 'f'), 'utf8')).toBe('two');
    expect(run(dest, 'symbolic-ref', '--short', 'HEAD')).toBe('main');
    converge(git, { repo, dest, version: 'v1' }, { shell });
    expect(readFileSync(join(dest, 'f'), 'utf8')).toBe('one');
    writeFileSync(join(dest, 'f'), 'mine');
    expect(planHere(git, { repo, dest, version: 'main' }, { shell }).plan).toMatchObject({ type: 'failed', msg: expect.stringContaining('local modifications') as string });
    converge(git, { repo, dest, version: first, force: true }, { shell });
    expect(readFileSync(join(dest, 'f'), 'utf8')).toBe('one');
    expect(planHere(git, { repo, dest, version: 'nowhere' }, { shell }).plan).toMatchObject({ type: 'failed', msg: expect.stringContaining('no branch or tag nowhere') as string });
  });

  test('shallow', () => {
    const dir = scratch();
    const repo = join(dir, 'repo');
    mkdirSync(repo);
    run(repo, 'init', '-q');
    commit(repo, 'one');
    commit(repo, 'two');
    converge(git, { repo: `file://${repo}`, dest: join(dir, 'tree'), version: 'main', depth: 1 }, { shell });
    expect(run(join(dir, 'tree'), 'rev-list', '--count', 'HEAD')).toBe('1');
  });
});
