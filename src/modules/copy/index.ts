import { sha256 } from '../../host/kinds/content.ts';
import { baseName, joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { madeLink, newAttributes, type WantedAttributes } from '../../host/kinds/path-effects.ts';
import { stat, statFollow, type PresentPath } from '../../host/kinds/path.ts';
import { converge, type Change, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { attributesChange } from '../common/attributes.ts';
import { resolveDestination } from '../common/destination.ts';
import { askAll, lookAt, lookThrough, planning } from '../common/look.ts';
import { makeDirectories, makeDirectory } from '../common/make-directory.ts';
import { putFile, type FileSource } from '../common/put-file.ts';
import { defineModule } from '../define.ts';
import { CopyArgs } from './schema.ts';
import { controllerSource, remoteSource, type SourceEntry, type SourceFile, type SourceLink } from './source.ts';

function attributesFor(args: CopyArgs, sourceMode: string | undefined): WantedAttributes {
  return { mode: args.mode === 'preserve' ? sourceMode : args.mode, owner: args.owner, group: args.group };
}

function directoryAttributes(args: CopyArgs): WantedAttributes {
  return { mode: args.directory_mode, owner: args.owner, group: args.group };
}

function fileChange(host: HostView, args: CopyArgs, path: string, source: FileSource, sourceMode: string | undefined, parent: PresentPath | undefined): readonly Change[] {
  const change = putFile(host, {
    path,
    source,
    attributes: attributesFor(args, sourceMode),
    follow: args.follow,
    force: args.force,
    backup: args.backup,
    validate: args.validate,
    ...(parent === undefined ? {} : { parent }),
  });
  return change === undefined ? [] : [change];
}

function copyFile(host: HostView, args: CopyArgs, name: string, file: SourceFile): Plan {
  const to = resolveDestination(host, args.dest, name, directoryAttributes(args));
  return converge([...to.changes, ...fileChange(host, args, to.path, file.source, file.mode, to.parent)], { dest: to.path });
}

function copyLink(host: HostView, path: string, link: SourceLink, parent: PresentPath | undefined): readonly Change[] {
  const now = parent === undefined ? lookAt(host, path) : ({ exists: false } as const);
  if (now.exists && now.type === 'link' && now.target === link.target) return [];
  if (now.exists && now.type === 'directory') throw failure('in-the-way', `${path} is a directory, not a link`);
  const above = parent ?? lookThrough(host, parentOf(path));
  return [
    {
      resource: `link ${path}`,
      what: `${now.exists ? `replace a ${now.type} by a link` : 'create,'} to ${link.target}`,
      diff: { name: path, before: now.exists ? `${now.type}${now.target === undefined ? '' : ` to ${now.target}`}\n` : '', after: `link to ${link.target}\n` },
      script: sh`care_link ${link.target} ${path}`,
      effects: madeLink(path, link.target, newAttributes(host.user, '0777', above.exists ? above : undefined), undefined),
    },
  ];
}

/** Copies a tree: what is missing is made; what else is in the destination is left. */
function copyTree(host: HostView, args: CopyArgs, root: string, entries: readonly SourceEntry[]): Plan {
  if (args.validate !== undefined) throw failure('validate-directory', '`validate` goes with one file, not with a directory');
  const wanted = directoryAttributes(args);
  const made = new Map<string, PresentPath>();
  const changes: Change[] = [];
  const top = lookThrough(host, root);
  if (top.exists && top.type !== 'directory') throw failure('in-the-way', `${root} is a ${top.type}, not a directory`);
  if (!top.exists) {
    const directories = makeDirectories(host, root, wanted);
    changes.push(...directories.changes);
    made.set(root, directories.fact);
  }
  if (top.exists) askAll(host, entries.map((e) => joinPath(root, e.path)).flatMap((p) => [stat(p), statFollow(p), sha256(p)]));
  for (const entry of entries) {
    const path = joinPath(root, entry.path);
    const parent = made.get(parentOf(path));
    if (entry.type === 'file') changes.push(...fileChange(host, args, path, entry.source, entry.mode, parent));
    else if (entry.type === 'link') changes.push(...copyLink(host, path, entry, parent));
    else changes.push(...copyDirectory(host, args, path, parent, made));
  }
  return converge(changes, { dest: root });
}

function copyDirectory(host: HostView, args: CopyArgs, path: string, parent: PresentPath | undefined, made: Map<string, PresentPath>): readonly Change[] {
  const there = parent === undefined ? lookThrough(host, path) : ({ exists: false } as const);
  if (!there.exists) {
    const above = parent ?? lookThrough(host, parentOf(path));
    if (!above.exists) throw failure('no-parent', `${parentOf(path)} does not exist`);
    const created = makeDirectory(host, path, directoryAttributes(args), above);
    made.set(path, created.fact);
    return [created.change];
  }
  if (there.type !== 'directory') throw failure('in-the-way', `${path} is a ${there.type}, not a directory`);
  const now = lookAt(host, path);
  const change = now.exists && now.type === 'directory' ? attributesChange(path, now, { owner: args.owner, group: args.group }) : undefined;
  return change === undefined ? [] : [change];
}

function plan(host: HostView, args: CopyArgs): Plan {
  if (args.content !== undefined) {
    const there = lookThrough(host, args.dest.path);
    if (there.exists && there.type === 'directory') throw failure('is-directory', `${args.dest.path} is a directory`, { remedy: '`content` needs the name of a file as `dest`' });
    return converge(fileChange(host, args, args.dest.path, { type: 'text', text: args.content }, undefined, undefined), { dest: args.dest.path });
  }
  const src = args.src ?? '';
  const source = args.remote_src ? remoteSource(host, src) : controllerSource(host, src, args.local_follow);
  const name = baseName(src.replace(/\/+$/, ''));
  if (source.type === 'file') return copyFile(host, args, name, source);
  return copyTree(host, args, src.endsWith('/') ? args.dest.path : joinPath(args.dest.path, name), source.entries);
}

export const copy = defineModule({
  name: 'copy',
  summary: 'Put a file, a directory or a given text on the host',
  description: `The file is written beside its destination, given owner and mode, synced and renamed: it is never there
half. A link at \`dest\` is replaced unless \`follow: true\`.

Differs from Ansible's: a new file without \`mode\` gets 0644 whatever the umask, and 0600 when its content is a secret;
\`content\` takes text only. Existing files in a destination directory that are not in the source are left, as in Ansible.`,
  args: CopyArgs,
  examples: [
    { title: 'A file of the role', yaml: 'copy:\n  src: motd\n  dest: /etc/motd\n  mode: "0644"' },
    { title: 'A text, checked before it is put in place', yaml: 'copy:\n  content: "care ALL=(ALL) NOPASSWD: ALL\\n"\n  dest: /etc/sudoers.d/care\n  mode: "0440"\n  validate: visudo -cf %s' },
    { title: 'What is in a directory', yaml: 'copy:\n  src: site/\n  dest: /srv/www/\n  owner: root' },
  ],
  returns: { dest: 'Where the file or directory is' },
  queries(args) {
    const { path } = args.dest;
    const name = args.src === undefined ? undefined : baseName(args.src.replace(/\/+$/, ''));
    const candidates = name === undefined ? [path] : args.dest.inside ? [joinPath(path, name)] : [path];
    const source = args.remote_src && args.src !== undefined ? [statFollow(args.src === '/' ? '/' : args.src.replace(/\/+$/, ''))] : [];
    return [statFollow(path), statFollow(parentOf(path)), ...source, ...candidates.flatMap((p) => [stat(p), sha256(p)])];
  },
  plan: (args, host) => planning(() => plan(host, args)),
});
