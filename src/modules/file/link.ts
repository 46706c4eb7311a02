/** `state: link` and `state: hard`. */
import { content, sha256 } from '../../host/kinds/content.ts';
import { joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { madeLink, newAttributes, resultingAttributes, type WantedAttributes } from '../../host/kinds/path-effects.ts';
import { fullStat, stat, statFollow, type FollowedPath, type PathFact } from '../../host/kinds/path.ts';
import { forgetAbove, tree } from '../../host/kinds/tree.ts';
import type { ShellChange } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { joinScripts, sh, type Script } from '../../support/shell.ts';
import { attributesChange, attributesScript } from '../common/attributes.ts';
import { digestOf, lookAt, lookThrough, requireParent } from '../common/look.ts';
import type { FileArgs } from './schema.ts';

/** What a link's text leads to, as a path to ask about. `..` is left to the host, which knows of links. */
export function targetPath(path: string, target: string): string {
  return target.startsWith('/') ? target : joinPath(parentOf(path), target);
}

/** @throws Diagnostic `failed` where Ansible refuses as well: something is in the way, or the target is missing */
export function linkChanges(host: HostView, path: string, args: FileArgs): readonly ShellChange[] {
  const wanted: WantedAttributes = { owner: args.owner, group: args.group };
  const now = lookAt(host, path);
  const target = args.src ?? (now.exists ? now.target : undefined);
  if (target === undefined) throw failure('src-needed', `${path} is no link yet`, { remedy: 'say with `src` what it is to lead to' });
  const leadsTo = lookThrough(host, targetPath(path, target));
  if (!leadsTo.exists && !args.force) throw failure('no-target', `the link's target ${targetPath(path, target)} does not exist`, { remedy: 'use `force: true` to make the link all the same' });
  const changes: ShellChange[] = [];
  if (!now.exists || now.type !== 'link' || now.target !== target) changes.push(makeLink(host, { path, now, target, leadsTo, force: args.force, wanted: args.follow ? {} : wanted }));
  else if (!args.follow) changes.push(...present(attributesChange(path, now, wanted)));
  const asked = args.mode !== undefined || args.owner !== undefined || args.group !== undefined;
  if (asked && args.follow && leadsTo.exists) {
    const there = lookAt(host, leadsTo.real);
    if (there.exists) changes.push(...present(attributesChange(leadsTo.real, there, { ...wanted, mode: args.mode }, [path])));
  }
  return changes;
}

function present(change: ShellChange | undefined): readonly ShellChange[] {
  return change === undefined ? [] : [change];
}

interface LinkPlan {
  readonly path: string;
  readonly now: PathFact;
  readonly target: string;
  readonly leadsTo: FollowedPath;
  readonly force: boolean;
  readonly wanted: WantedAttributes;
}

function clearTheWay(host: HostView, path: string, now: PathFact, force: boolean, wanted: string): readonly Script[] {
  if (!now.exists || now.type === 'link') return [];
  if (!force) throw failure('in-the-way', `${path} is a ${now.type}, not a ${wanted}`, { remedy: 'use `force: true` to replace it' });
  if (now.type !== 'directory') return [];
  const below = host.fact(tree({ path, view: 'children' }));
  if (!Array.isArray(below) || below.length > 0) throw failure('in-the-way', `${path} is a directory that is not empty`, { remedy: 'remove it with `state: absent` first' });
  return [sh`rmdir -- ${path}`];
}

function makeLink(host: HostView, plan: LinkPlan): ShellChange {
  const { path, now, target, leadsTo, wanted } = plan;
  const parent = requireParent(host, path);
  const clearing = clearTheWay(host, path, now, plan.force, 'link');
  const attributes = resultingAttributes(wanted, newAttributes(host.user, '0777', parent));
  const was = now.exists ? (now.type === 'link' ? `link to ${now.target ?? '?'}` : now.type) : '';
  return {
    resource: `link ${path}`,
    what: now.exists ? `replace ${was} by a link to ${target}` : `create, to ${target}`,
    diff: { name: path, before: was === '' ? '' : `${was}\n`, after: `link to ${target}\n` },
    script: joinScripts([...clearing, sh`care_link ${target} ${path}`, attributesScript(path, wanted)].filter((s) => s.text !== '')),
    effects: madeLink(path, target, attributes, leadsTo),
  };
}

/** @throws Diagnostic `failed` when the source is missing or something else is in the way */
export function hardLinkChanges(host: HostView, path: string, src: string, args: FileArgs): readonly ShellChange[] {
  const source = lookAt(host, src);
  if (!source.exists) throw failure('no-target', `${src} does not exist, so nothing can be linked to it`);
  if (source.type === 'directory') throw failure('no-target', `${src} is a directory; hard links are for files`);
  const wanted: WantedAttributes = { mode: args.mode, owner: args.owner, group: args.group };
  const now = lookAt(host, path);
  if (now.exists && sameInode(host, path, src)) return present(attributesChange(path, now, wanted));
  requireParent(host, path);
  if (now.exists && now.type === 'link' && !args.force) throw failure('in-the-way', `${path} is a link`, { remedy: 'use `force: true` to replace it' });
  const clearing = clearTheWay(host, path, now, args.force, 'hard link');
  const digest = source.type === 'file' ? digestOf(host, src) : null;
  const link: ShellChange = {
    resource: `file ${path}`,
    what: `${now.exists ? `replace ${now.type} by a` : 'create'} hard link to ${src}`,
    diff: { name: path, before: now.exists ? `${now.type}\n` : '', after: `hard link to ${src}\n` },
    script: joinScripts([...clearing, sh`ln -f -- ${src} ${path}`]),
    effects: [
      ...forgetAbove(path, true),
      stat(path).is(source),
      source.type === 'file' ? statFollow(path).is({ ...source, real: path }) : statFollow(path).forget(),
      sha256(path).is(digest),
      content(path).forget(),
      fullStat(path).forget(),
      fullStat(src).forget(),
    ],
  };
  return [link, ...present(attributesChange(path, source, wanted))];
}

function sameInode(host: HostView, path: string, src: string): boolean {
  const a = host.fact(fullStat(path));
  const b = host.fact(fullStat(src));
  return a.exists && b.exists && a.inode === b.inode && a.device === b.device;
}
