/** Which state of the inventory, the playbooks and the roles a run has read: what git says of the directories. */
import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Revision } from '../state/store.ts';

/** A history must not hold up a run: a working tree that takes longer is one of which nothing is known. */
const TIMEOUT_MS = 1000;
const MOST_BYTES = 1024 * 1024;

export interface Input {
  readonly of: Revision['of'];
  /** A file or directory. */
  readonly path: string;
}

/** The working tree that a path is in; undefined when it is in none. */
export function workingTree(file: string): string | undefined {
  const start = existsSync(file) && statSync(file).isDirectory() ? path.resolve(file) : path.dirname(path.resolve(file));
  for (let dir = start; ; dir = path.dirname(dir)) {
    if (existsSync(path.join(dir, '.git'))) return dir;
    if (path.dirname(dir) === dir) return undefined;
  }
}

/** What `git status --porcelain=v2 --branch -z` has printed (git-status(1)): the commit, and the paths that differ from it. */
export function readStatus(output: string): { readonly commit: string | null; readonly branch: string | null; readonly changed: readonly string[] } {
  let commit: string | null = null;
  let branch: string | null = null;
  const changed: string[] = [];
  for (const entry of output.split('\0')) {
    const words = entry.split(' ');
    if (entry.startsWith('# branch.oid ') && words[2] !== '(initial)') commit = words[2] ?? null;
    else if (entry.startsWith('# branch.head ') && words[2] !== '(detached)') branch = words.slice(2).join(' ');
    else if (words[0] === '?') changed.push(words.slice(1).join(' '));
    // The path is what follows the fields: 8 of an ordinary change, 10 of an unmerged one.
    else if (words[0] === '1') changed.push(words.slice(8).join(' '));
    else if (words[0] === 'u') changed.push(words.slice(10).join(' '));
  }
  return { commit, branch, changed };
}

/** Output of a git command that only reads; undefined when there is no git, or it failed or took too long. */
function git(directory: string, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    // A repository's own settings must not make this run programs or write an index.
    const child = spawn('git', ['-c', 'core.fsmonitor=false', '-C', directory, ...words], { stdio: ['ignore', 'pipe', 'ignore'], timeout: TIMEOUT_MS, env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' } });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString('utf8');
      if (output.length > MOST_BYTES) child.kill();
    });
    child.once('error', () => {
      resolve(undefined);
    });
    child.once('close', (code) => {
      resolve(code === 0 ? output : undefined);
    });
  });
}

/**
 * The revisions of a run's inputs; one git process for each working tree.
 * Whatever cannot be told is null in the result; this never fails.
 */
export async function revisionsOf(inputs: readonly Input[]): Promise<readonly Revision[]> {
  const trees = new Map(inputs.map((input) => [input, workingTree(input.path)]));
  const status = new Map(
    await Promise.all(
      [...new Set(trees.values())].map(async (tree) => {
        const paths = inputs.filter((input) => trees.get(input) === tree).map((input) => path.resolve(input.path));
        const output = tree === undefined ? undefined : await git(tree, ['status', '--porcelain=v2', '--branch', '--no-renames', '-z', '--', ...paths]);
        return [tree, output === undefined ? undefined : readStatus(output)] as const;
      }),
    ),
  );
  return inputs.map((input) => {
    const tree = trees.get(input);
    const known = status.get(tree);
    if (tree === undefined || known === undefined) return { ...input, commit: null, branch: null, dirty: null };
    const within = path.relative(tree, path.resolve(input.path));
    // git names an untracked directory once, with a slash, for all that is in it.
    const dirty = known.changed.some((file) => within === '' || file === within || file.startsWith(`${within}/`) || (file.endsWith('/') && `${within}/`.startsWith(file)));
    return { ...input, commit: known.commit, branch: known.branch, dirty };
  });
}
