/** Work trees of git repositories, made and moved with the host's own git. */
import { gitRemote, gitRepository, type GitRemote, type GitRepository } from '../../host/kinds/git.ts';
import { converge, failed, ok, type Plan } from '../../host/plan.ts';
import { forgetTree, type Effect } from '../../host/query.ts';
import { sh, type Script } from '../../support/shell.ts';

import type { z } from 'zod';
import { defineModule } from '../define.ts';
import { GitSchema } from './schema.ts';

type Arguments = z.output<typeof GitSchema>;

function isCommitId(version: string): boolean {
  return /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(version);
}

/** What `version` means on the remote: a branch goes before a tag, as in git-checkout(1). */
function resolve(version: string, refs: Readonly<Record<string, string>>): { readonly ref: string; readonly commit: string } | undefined {
  for (const ref of [version === 'HEAD' ? 'HEAD' : `refs/heads/${version}`, `refs/tags/${version}`, version]) {
    const commit = refs[`${ref}^{}`] ?? refs[ref];
    if (commit !== undefined) return { ref, commit };
  }
  return undefined;
}

const QUIET = sh`GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -o BatchMode=yes'; export GIT_TERMINAL_PROMPT GIT_SSH_COMMAND`;

/** Brings `dest` to the ref: a local branch follows a remote one, anything else is a detached HEAD. */
function script(args: Arguments, ref: string, commit: string, now: GitRepository): Script {
  const depth = args.depth === undefined ? [] : ['--depth', args.depth];
  const branch = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
  const inside = sh`git -C ${args.dest}`;
  const begin =
    now.state === 'present'
      ? sh`${inside} remote get-url ${args.remote} >/dev/null 2>&1 && ${inside} remote set-url ${args.remote} ${args.repo} || ${inside} remote add ${args.remote} ${args.repo}`
      : sh`mkdir -p -- ${args.dest}\ngit init -q -- ${args.dest}\n${inside} remote add ${args.remote} ${args.repo}`;
  const wanted = isCommitId(args.version) ? commit : ref;
  const refspec = branch === undefined ? wanted : `+${ref}:refs/remotes/${args.remote}/${branch}`;
  const everything = args.depth === undefined && !args.single_branch;
  // Not every server hands out a commit by its id, so it is asked for only when the branches did not bring it.
  const single = sh`${inside} fetch -q -- ${args.remote} ${refspec}`;
  const fetch = everything
    ? sh`${inside} fetch -q --tags --force -- ${args.remote}\n${isCommitId(args.version) ? sh`${inside} cat-file -e ${`${commit}^{commit}`} 2>/dev/null || ${single}` : single}`
    : sh`${inside} fetch -q ${depth} -- ${args.remote} ${refspec}`;
  const force = args.force || now.state !== 'present' ? ['--force'] : [];
  // -B moves the local branch; without --force git refuses to overwrite local modifications.
  const checkout = branch === undefined ? sh`${inside} checkout -q ${force} --detach ${commit}` : sh`${inside} checkout -q ${force} -B ${branch} ${commit}`;
  return sh`${QUIET}\n${begin}\n${fetch}\n${checkout}`;
}

function noRemote(remote: GitRemote, args: Arguments): Plan {
  const why = remote.state === 'failed' ? remote.why.slice(-1000) : `it has no branch or tag ${args.version}`;
  return failed(`cannot find ${args.version} in ${args.repo}: ${why}`, 'see that the host reaches the repository, may read it, and knows its host key');
}

export const git = defineModule({
  name: 'git',
  summary: 'Keep a git work tree at a branch, tag or commit',
  description: `The host must have git. What the remote has is asked with \`git ls-remote\` before anything is done, so check mode tells
exactly whether and to which commit the tree would move. Local modifications stop the task unless \`force\` is on;
untracked files are left alone.

Unlike Ansible's: host keys are never accepted unseen (no \`accept_hostkey\`), a commit must be given by its full id, and
\`HEAD\` checks the default branch's commit out detached.`,
  args: GitSchema,
  examples: [
    { title: 'A tag', yaml: 'git:\n  repo: https://git.example.org/ops/scripts.git\n  dest: /opt/scripts\n  version: v1.4.0\n' },
    { title: 'A branch, without its history', yaml: 'git:\n  repo: git@git.example.org:ops/site.git\n  dest: /srv/site\n  version: main\n  depth: 1\n' },
  ],
  returns: { before: 'commit id before, empty when there was none', after: 'commit id afterwards', remote_url_changed: 'whether the remote had another address' },
  queries: (args) => [gitRepository({ path: args.dest, remote: args.remote }), ...(isCommitId(args.version) ? [] : [gitRemote({ repo: args.repo, version: args.version })])],
  plan(args, host) {
    const query = gitRepository({ path: args.dest, remote: args.remote });
    const now = host.fact(query);
    if (now.state === 'foreign') return failed(`${args.dest}: ${now.why}`, 'move it away, or give another dest');
    const before = now.state === 'present' ? now.head : '';
    const moved = now.state === 'present' && now.url !== args.repo;
    const values = (after: string): Record<string, string | boolean> => ({ before, after, remote_url_changed: moved });
    if (now.state === 'present' && !args.update) return ok(values(before));
    const found = isCommitId(args.version) ? { ref: args.version, commit: args.version } : remoteCommit(args, host.fact(gitRemote({ repo: args.repo, version: args.version })));
    if ('plan' in found) {
      // In check mode git may be what an earlier task would install.
      return host.checkMode && (found.missing || now.state === 'no-git') ? converge([change(args, now, '', args.version, [query.forget()])], values('')) : found.plan;
    }
    if (now.state === 'no-git' && !host.checkMode) return failed('there is no git on the host', 'install the package git first');
    const { ref, commit } = found;
    if (now.state === 'present' && now.head === commit && !moved && !(args.force && now.dirty === true)) return ok(values(commit));
    if (now.state === 'present' && now.dirty === true && !args.force) return failed(`${args.dest} has local modifications`, 'commit them or throw them away, or give force: true');
    const branch = ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : '';
    return converge([change(args, now, ref, commit, [forgetTree(args.dest), query.is({ state: 'present', head: commit, url: args.repo, branch, dirty: false })])], values(commit));
  },
});

function remoteCommit(args: Arguments, remote: GitRemote): { readonly ref: string; readonly commit: string } | { readonly plan: Plan; readonly missing: boolean } {
  if (remote.state === 'no-git') return { plan: failed('there is no git on the host', 'install the package git first'), missing: true };
  const found = remote.state === 'answered' ? resolve(args.version, remote.refs) : undefined;
  return found ?? { plan: noRemote(remote, args), missing: false };
}

function change(args: Arguments, now: GitRepository, ref: string, commit: string, effects: readonly Effect[]): Parameters<typeof converge>[0][number] {
  const short = (id: string): string => (isCommitId(id) ? id.slice(0, 12) : id);
  return {
    resource: `git ${args.dest}`,
    what: now.state === 'present' ? (now.head === commit ? `reset to ${short(commit)} of ${args.repo}` : `${short(now.head)} → ${short(commit)}`) : `clone ${args.repo} at ${short(commit)}`,
    script: script(args, ref, commit, now),
    effects,
  };
}
