/** Kind `git`, with real repositories on this machine. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { artifactSchema, type GitArtifact } from '../../../src/artifacts/catalogue.ts';
import { archiveGit } from '../../../src/artifacts/git-archive.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'git-archive-'));
const repository = path.join(folder, 'repository');
const cache = path.join(folder, 'cache');
let commit = '';

function git(...args: readonly string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@x', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@x', GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z', GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z' };
  return execFileSync('git', ['-C', repository, ...args], { env, encoding: 'utf8' }).trim();
}

beforeAll(() => {
  mkdirSync(repository);
  git('init', '-q', '-b', 'main');
  writeFileSync(path.join(repository, 'file'), 'one');
  git('add', '.');
  git('commit', '-q', '-m', 'one');
  commit = git('rev-parse', 'HEAD');
  writeFileSync(path.join(repository, 'file'), 'two');
  git('commit', '-q', '-a', '-m', 'two');
});
afterAll(() => { rmSync(folder, { recursive: true }); });

const entry = (more: Partial<GitArtifact> = {}): GitArtifact => ({ name: 'charts', version: '1.2', source: 'git', license: 'MIT', repository: `file://${repository}`, commit, sha256: {}, ...more });

test('a commit that no branch ends in is archived, the same each time, and its digest can be locked', async () => {
  const first = await archiveGit(cache, entry(), undefined);
  expect(execFileSync('tar', ['-xOf', first.path, 'charts-1.2/file'], { encoding: 'utf8' })).toBe('one');
  expect((await archiveGit(cache, entry(), first.sha256)).sha256).toBe(first.sha256);
  await expect(archiveGit(cache, entry(), '0'.repeat(64))).rejects.toMatchObject({ code: 'wrong-checksum' });
});

test('what is no commit, or is not there, is told', async () => {
  await expect(archiveGit(cache, entry({ commit: git('rev-parse', 'HEAD^{tree}') }), undefined)).rejects.toMatchObject({ code: 'git-failed', detail: expect.stringMatching(/no commit|not our ref|couldn't find/) as string });
  // The server says that it has none by that name; all that it has is looked through, and that is told as well.
  await expect(archiveGit(cache, entry({ commit: '0'.repeat(39) + '1' }), undefined)).rejects.toMatchObject({ code: 'git-failed', detail: expect.stringMatching(/no branch and no tag of it has the commit 0+1 \(.*not our ref/) as string });
  // Nobody there: that is told, and nothing is tried twice.
  await expect(archiveGit(cache, entry({ repository: `file://${folder}/nowhere` }), undefined)).rejects.toMatchObject({ code: 'git-failed', detail: expect.stringContaining('nowhere') as string });
});

test('branches, other ways and users in addresses are refused', () => {
  const refused = (more: object): boolean => !artifactSchema.safeParse({ ...entry(), ...more }).success;
  expect(refused({})).toBe(false);
  expect([refused({ commit: 'main' }), refused({ repository: 'ssh://x/y' }), refused({ repository: 'https://user@x/y' }), refused({ repository: 'ext::sh -c x' })]).toEqual([true, true, true, true]);
});
