/** Facts about git work trees and remote repositories, asked of the host's own git. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { lines } from './path-key.ts';

export type GitRepository =
  /** Nothing there, or an empty directory. */
  | { readonly state: 'absent' }
  /** Something there that is no work tree, or git refuses it; `why` is what it said. */
  | { readonly state: 'foreign'; readonly why: string }
  /** There is a `.git`, but no git program to look into it. */
  | { readonly state: 'no-git' }
  | {
      readonly state: 'present';
      /** Commit id of HEAD; empty in a repository without commits. */
      readonly head: string;
      /** URL of the remote; empty when there is none. */
      readonly url: string;
      /** Whether files that git knows differ from HEAD. Undefined in a claim: not claimed. */
      readonly dirty?: boolean;
      /** Branch that is checked out; empty when HEAD is detached. */
      readonly branch: string;
    };

export interface GitKey {
  readonly path: string;
  readonly remote: string;
}

/** A work tree. Volatile: any change may touch the files in it. */
export const gitRepository = defineQuery<GitKey, GitRepository>({
  name: 'git-repository',
  lasting: true,
  id: (key) => `${key.path} ${key.remote}`,
  describe: (key) => `git repository ${key.path}`,
  probe: (keys) =>
    keys
      .map(
        ({ path, remote }) => `(
p=${quote(path)}
if [ ! -e "$p" ] && [ ! -L "$p" ] || { [ -d "$p" ] && [ -z "$(ls -A -- "$p")" ]; }; then echo absent; exit; fi
if [ ! -e "$p/.git" ]; then printf 'foreign\\nis there and is no git work tree\\n'; exit; fi
command -v git >/dev/null 2>&1 || { echo no-git; exit; }
e=$(git -C "$p" rev-parse --git-dir 2>&1 >/dev/null) || { printf 'foreign\\n%s\\n' "$e"; exit; }
echo present
git -C "$p" rev-parse -q --verify HEAD 2>/dev/null || echo
git -C "$p" config --get remote.${quote(remote)}.url 2>/dev/null || echo
git -C "$p" symbolic-ref -q --short HEAD 2>/dev/null || echo
if [ -z "$(git -C "$p" status --porcelain --untracked-files=no 2>/dev/null)" ]; then echo clean; else echo dirty; fi
) </dev/null
care_mark`,
      )
      .join('\n'),
  parse: (keys, output) =>
    keys.map((key, i): GitRepository => {
      const [state, ...rest] = lines(i === 0 ? output.head : (output.sections[i - 1] ?? Buffer.alloc(0)));
      if (state === 'absent' || state === 'no-git') return { state };
      if (state === 'foreign') return { state, why: rest.join('\n') };
      const [head, url, branch, dirty] = rest;
      if (state !== 'present' || head === undefined || url === undefined || branch === undefined || dirty === undefined) throw new Error(`unexpected answer about ${key.path}`);
      return { state, head, url, branch, dirty: dirty === 'dirty' };
    }),
  same(expected, observed) {
    if (expected.state !== 'present' || observed.state !== 'present') return expected.state === observed.state;
    return expected.head === observed.head && expected.url === observed.url && (expected.dirty === undefined || expected.dirty === observed.dirty);
  },
  volatile: true,
});

export interface GitRemoteKey {
  readonly repo: string;
  /** Branch, tag, `HEAD` or full ref. */
  readonly version: string;
}

export type GitRemote =
  | { readonly state: 'no-git' }
  | { readonly state: 'failed'; readonly why: string }
  /** Ref name → commit id; for an annotated tag also `refs/tags/x^{}`. */
  | { readonly state: 'answered'; readonly refs: Readonly<Record<string, string>> };

/** What the remote has under a name (git-ls-remote(1)); no prompt, at most a minute. */
export const gitRemote = defineQuery<GitRemoteKey, GitRemote>({
  name: 'git-remote',
  id: (key) => `${key.repo} ${key.version}`,
  describe: (key) => `${key.version} of ${key.repo}`,
  probe: (keys) =>
    [
      `GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -o BatchMode=yes'\nexport GIT_TERMINAL_PROMPT GIT_SSH_COMMAND\nl=\ncommand -v timeout >/dev/null 2>&1 && l='timeout 60'`,
      ...keys.map(
        ({ repo, version }) => `if command -v git >/dev/null 2>&1; then
e=$($l git ls-remote -- ${quote(repo)} ${quote(version)} ${quote(`${version}^{}`)} </dev/null 2>&1) && printf 'answered\\n%s\\n' "$e" || printf 'failed\\n%s\\n' "$e"
else echo no-git; fi
care_mark`,
      ),
    ].join('\n'),
  parse: (keys, output) =>
    keys.map((key, i): GitRemote => {
      const [state, ...rest] = lines(i === 0 ? output.head : (output.sections[i - 1] ?? Buffer.alloc(0)));
      if (state === 'no-git') return { state };
      if (state === 'failed') return { state, why: rest.join('\n') };
      if (state !== 'answered') throw new Error(`unexpected answer about ${key.repo}`);
      const refs = rest.flatMap((line): readonly (readonly [string, string])[] => {
        const found = /^([0-9a-f]{40,64})\t(\S+)$/.exec(line);
        return found?.[1] === undefined || found[2] === undefined ? [] : [[found[2], found[1]]];
      });
      return { state, refs: Object.fromEntries(refs) };
    }),
});
