import { parentOf } from '../../host/kinds/path-key.ts';
import { removed, type WantedAttributes } from '../../host/kinds/path-effects.ts';
import { fullStat, stat, statFollow } from '../../host/kinds/path.ts';
import { forgetAbove } from '../../host/kinds/tree.ts';
import { converge, ok, type ShellChange, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { joinScripts, sh } from '../../support/shell.ts';
import { attributesChange, differing, resourceOf } from '../common/attributes.ts';
import { lookAt, pathQueries, planning, realPath } from '../common/look.ts';
import { makeDirectories, recurseChange } from '../common/make-directory.ts';
import { putFile } from '../common/put-file.ts';
import { defineModule } from '../define.ts';
import { hardLinkChanges, linkChanges, targetPath } from './link.ts';
import { FileArgs, managedPath } from './schema.ts';

function wantedAttributes(args: FileArgs): WantedAttributes {
  return { mode: args.mode, owner: args.owner, group: args.group };
}

function present(change: ShellChange | undefined): readonly ShellChange[] {
  return change === undefined ? [] : [change];
}

function directoryChanges(host: HostView, path: string, args: FileArgs): readonly ShellChange[] {
  const wanted = wantedAttributes(args);
  const at = realPath(host, path, args.follow);
  if (!at.now.exists) return makeDirectories(host, path, wanted).changes;
  if (at.now.type !== 'directory') throw failure('in-the-way', `${path} is a ${at.now.type}, not a directory`, { remedy: 'remove it first with `state: absent`' });
  const changes = present(attributesChange(at.path, at.now, wanted, at.aliases));
  return args.recurse ? [...changes, ...present(recurseChange(host, at.path, wanted))] : changes;
}

function fileChanges(host: HostView, path: string, args: FileArgs): readonly ShellChange[] {
  const at = realPath(host, path, args.follow);
  if (!at.now.exists) throw failure('absent', `${path} does not exist`, { remedy: 'make it with `copy` or `template`, or with `state: touch`' });
  if (args.state === 'file' && at.now.type !== 'file') throw failure('not-a-file', `${path} is a ${at.now.type}, not a file`);
  return present(attributesChange(at.path, at.now, wantedAttributes(args), at.aliases));
}

function absentChanges(host: HostView, path: string): readonly ShellChange[] {
  if (path === '/') throw failure('refused', 'removing / is refused');
  const now = lookAt(host, path);
  if (!now.exists) return [];
  const directory = now.type === 'directory';
  return [
    {
      resource: resourceOf(now.type, path),
      what: directory ? 'remove, with everything below' : 'remove',
      diff: { name: path, before: `${now.type}\n`, after: '' },
      script: directory ? sh`rm -rf -- ${path}` : sh`rm -f -- ${path}`,
      effects: removed(path),
    },
  ];
}

function touchChanges(host: HostView, path: string, args: FileArgs): readonly ShellChange[] {
  const at = realPath(host, path, args.follow);
  const attributes = wantedAttributes(args);
  if (!at.now.exists) {
    return present(putFile(host, { path, source: { type: 'text', text: '' }, attributes, follow: false, force: true, backup: false, validate: undefined }));
  }
  const changes = present(attributesChange(at.path, at.now, attributes, at.aliases));
  const access = args.access_time !== 'preserve';
  const modification = args.modification_time !== 'preserve';
  if (!access && !modification) return changes;
  const which = access && modification ? sh`touch -- ${at.path}` : access ? sh`touch -a -- ${at.path}` : sh`touch -m -- ${at.path}`;
  const [first] = changes;
  const effects = [fullStat(at.path).forget(), ...forgetAbove(at.path, false)];
  // One change a resource: new times go with new attributes.
  if (first !== undefined && Object.keys(differing(at.now, attributes)).length > 0) {
    return [{ ...first, what: `${first.what}, touch`, script: joinScripts([first.script, which]), effects: [...first.effects, ...effects] }];
  }
  return [{ resource: resourceOf(at.now.type, at.path), what: 'touch', script: which, effects }];
}

function plan(host: HostView, args: FileArgs): Plan {
  const path = managedPath(args);
  const state = args.state ?? impliedState(host, path, args);
  switch (state) {
    case 'directory':
      return converge(directoryChanges(host, path, args), { path });
    case 'file':
      return converge(fileChanges(host, path, args), { path });
    case 'link':
      return converge(linkChanges(host, path, args), { dest: path });
    case 'hard':
      return converge(hardLinkChanges(host, path, args.src ?? '', args), { dest: path });
    case 'touch':
      return converge(touchChanges(host, path, args), { dest: path });
    case 'absent': {
      const changes = absentChanges(host, path);
      return changes.length === 0 ? ok({ path, state: 'absent' }) : converge(changes, { path, state: 'absent' });
    }
  }
}

/** As Ansible: what is there; where nothing is, a directory when `recurse` says so, else a file. */
function impliedState(host: HostView, path: string, args: FileArgs): 'file' | 'directory' {
  const { now } = realPath(host, path, args.follow);
  if (now.exists) return now.type === 'directory' ? 'directory' : 'file';
  return args.recurse ? 'directory' : 'file';
}

export const file = defineModule({
  name: 'file',
  summary: 'Manage attributes of files, directories and links, make and remove them',
  description: `Sets mode, owner and group; makes directories (with their parents), symbolic and hard links and
empty files; removes whatever is at a path. Modes are quoted octal strings: symbolic modes such as \`u+x\` depend
on what is there and cannot be predicted.

Differs from Ansible's: \`recurse\` never goes through links; a new directory has mode 0755 whatever the umask;
\`state: touch\` is always a change unless both times are \`preserve\`, as in Ansible.`,
  args: FileArgs,
  examples: [
    { title: 'A directory for one service', yaml: 'file:\n  path: /var/lib/care\n  state: directory\n  owner: care\n  group: care\n  mode: "0750"' },
    { title: 'A link', yaml: 'file:\n  path: /etc/localtime\n  src: /usr/share/zoneinfo/Asia/Kolkata\n  state: link' },
    { title: 'Nothing', yaml: 'file:\n  path: /etc/cron.d/old\n  state: absent' },
  ],
  returns: { path: 'The path managed (`dest` for links and touch, as Ansible)' },
  queries(args) {
    const path = managedPath(args);
    const queries = [...pathQueries(path), statFollow(path)];
    if (args.src === undefined) return queries;
    const target = targetPath(path, args.src);
    return args.state === 'hard' ? [...queries, stat(target), statFollow(parentOf(target)), fullStat(path), fullStat(target)] : [...queries, statFollow(target)];
  },
  plan: (args, host) => planning(() => plan(host, args)),
});
