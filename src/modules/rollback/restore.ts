/** The change that puts one path back. */
import { content, sha256 } from '../../host/kinds/content.ts';
import { joinPath, parentOf } from '../../host/kinds/path-key.ts';
import { madeLink, removed, resultingAttributes } from '../../host/kinds/path-effects.ts';
import { stat, statFollow, type PathFact, type PresentPath } from '../../host/kinds/path.ts';
import { forgetAbove, tree } from '../../host/kinds/tree.ts';
import { UNIT_FOLDERS, unitFileEffects } from '../../host/kinds/unit.ts';
import type { ShellChange } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { joinScripts, rawScript, sh } from '../../support/shell.ts';
import { attributesChange, attributesScript, resourceOf } from '../common/attributes.ts';
import { after } from '../common/edit-text.ts';
import { contentOf, digestOf } from '../common/look.ts';
import { putFile } from '../common/put-file.ts';
import { attributesOf, contentMatters } from './compare.ts';
import type { KeptFile } from './things.ts';

export interface ToRestore {
  readonly file: KeptFile;
  /** Where the run first changed it, among the others. */
  readonly order: number;
  readonly before: PathFact;
  readonly now: PathFact;
  /** Where the copy is on the host. */
  readonly copy: string | undefined;
}

/** What earlier changes of the same plan have done by the time of this one. */
export interface Progress {
  /** Paths that are gone. */
  readonly gone: Set<string>;
  /** Directories that are back with all that was in them. */
  readonly back: Set<string>;
  /** Paths that were not there before the run, and where it first changed them. */
  readonly wereAbsent: ReadonlyMap<string, number>;
}

/** Either the change, or why there is none. */
export type Restored = { readonly change: ShellChange | undefined } | { readonly left: string };

const RELOAD = rawScript('if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi');

export function restore(host: HostView, what: ToRestore, progress: Progress): Restored {
  const { file, before } = what;
  const restored = !before.exists ? remove(host, what, progress) : { change: rebuild(host, what, before, progress) };
  if ('left' in restored || restored.change === undefined) return restored;
  const change = { ...restored.change, owes: file.owes };
  return { change: UNIT_FOLDERS.some((folder) => file.path.startsWith(`${folder}/`)) ? after(change, RELOAD) : change };
}

function remove(host: HostView, { file, now }: ToRestore, progress: Progress): Restored {
  const { path } = file;
  if (!now.exists) return { change: undefined };
  const below = now.type === 'directory' ? othersIn(host, path, progress) : '';
  if (below !== '') return { left: `directory ${path} is left, since ${below} in it is not the run's` };
  progress.gone.add(path);
  return {
    change: {
      resource: resourceOf(now.type, path),
      what: 'remove: it was not there before',
      diff: { name: path, before: now.type === 'file' ? '(the file that the run made)\n' : `${now.type}\n`, after: '' },
      script: now.type === 'directory' ? sh`rmdir -- ${path}` : sh`rm -f -- ${path}`,
      effects: removed(path),
    },
  };
}

/** What is in a directory besides what this plan removes; empty: nothing. */
function othersIn(host: HostView, path: string, progress: Progress): string {
  const entries = host.fact(tree({ path, view: 'children' }));
  if (entries === null) return '';
  if ('error' in entries || 'tooMany' in entries) return 'what cannot be listed';
  const below = entries.map((entry) => entry.path).filter((name) => !progress.gone.has(joinPath(path, name)));
  return below.length > 3 ? `${below.slice(0, 3).join(', ')} and more` : below.join(', ');
}

/** Whether it is a directory that is brought back with all that was in it. */
export function isTree({ before, copy }: ToRestore): boolean {
  return before.exists && before.type === 'directory' && copy !== undefined;
}

function rebuild(host: HostView, what: ToRestore, before: PresentPath, progress: Progress): ShellChange | undefined {
  switch (before.type) {
    case 'file':
      return contentMatters(what.file) && what.copy !== undefined ? rewrite(host, what, before, what.copy, progress) : attributes(what, before);
    case 'link':
      return link(what, before);
    case 'directory':
      return what.copy === undefined ? attributes(what, before) : unpack(host, what, before, what.copy, progress);
    case 'block':
    case 'char':
    case 'fifo':
    case 'socket':
      return attributes(what, before);
  }
}

/** A directory above that this plan brings back is not there yet when it is planned. */
function parentAfter(host: HostView, path: string, progress: Progress): PresentPath | undefined {
  const parent = parentOf(path);
  if (host.fact(statFollow(parent)).exists) return undefined;
  return [...progress.back].some((each) => parent === each || parent.startsWith(`${each}/`)) ? { exists: true, type: 'directory' } : undefined;
}

function rewrite(host: HostView, { file, now }: ToRestore, before: PresentPath, copy: string, progress: Progress): ShellChange | undefined {
  const { path } = file;
  const parent = now.exists ? undefined : parentAfter(host, path, progress);
  const bytes = contentOf(host, copy);
  const change = putFile(host, {
    path,
    source: { type: 'remote', path: copy, sha256: digestOf(host, copy) ?? '', size: before.size, secret: file.secret, ...(Buffer.isBuffer(bytes) ? { bytes } : {}) },
    attributes: attributesOf(before), follow: false, force: true, backup: false, validate: file.validate,
    ...(parent === undefined ? {} : { parent }),
  });
  return change === undefined ? undefined : { ...change, what: `put back: ${change.what}` };
}

function attributes({ file, now }: ToRestore, before: PresentPath): ShellChange | undefined {
  if (!now.exists || now.type !== before.type) throw failure('cannot-put-back', `${file.path} was a ${before.type} and is ${now.exists ? `a ${now.type}` : 'gone'}: it cannot be put back`);
  const change = attributesChange(file.path, now, attributesOf(before));
  return change === undefined ? undefined : { ...change, what: `put back: ${change.what}` };
}

function link(what: ToRestore, before: PresentPath): ShellChange | undefined {
  const { file, now } = what;
  const { path } = file;
  const { target } = before;
  if (target === undefined) throw failure('cannot-put-back', `where the link ${path} led to is not known`);
  const wanted = attributesOf(before);
  if (now.exists && now.type === 'link' && now.target === target) return attributes(what, before);
  return {
    resource: `link ${path}`,
    what: `put back: link to ${target}`,
    diff: { name: path, before: now.exists ? `(a ${now.type})\n` : '', after: `link to ${target}\n` },
    script: joinScripts([...(now.exists && now.type === 'directory' ? [sh`rmdir -- ${path}`] : []), sh`care_link ${target} ${path}`, attributesScript(path, { ...wanted })]),
    effects: madeLink(path, target, resultingAttributes(wanted, {}), undefined),
  };
}

/** A directory with all that was in it, made beside and renamed. What has been put in its place meanwhile must be empty. */
function unpack(host: HostView, { file, now, order }: ToRestore, before: PresentPath, copy: string, progress: Progress): ShellChange {
  const { path } = file;
  const below = now.exists && now.type === 'directory' ? othersIn(host, path, progress) : '';
  if (below !== '') throw failure('cannot-put-back', `directory ${path} cannot be put back, since ${below} in it is not the run's`, { remedy: 'move it elsewhere first' });
  const within = [...progress.back].some((each) => path.startsWith(`${each}/`));
  progress.back.add(path);
  // What the run had made in it before it removed it all.
  const made = [...progress.wereAbsent].flatMap(([each, at]) => (at < order && each.startsWith(`${path}/`) ? [`f${each.slice(path.length)}`] : []));
  const clear = !now.exists ? [] : now.type === 'directory' ? [sh`rmdir -- ${path}`] : [sh`rm -f -- ${path}`];
  return {
    resource: `directory ${path}`,
    what: 'put back, with all that was in it',
    diff: { name: path, before: now.exists ? `(a ${now.type})\n` : '', after: 'directory\n' },
    // One that came back with the directory above is there already.
    script: joinScripts([...clear, sh`${rawScript(within ? sh`[ -d ${path} ] || `.text : '')}( care_temp ${path} && cp -a -- ${copy} f${made.length === 0 ? sh`` : sh` && rm -rf -- ${made}`} && sync && mv -fT f "$n" )`, attributesScript(path, attributesOf(before))]),
    effects: [forgetTree(path), ...forgetAbove(path, true), ...unitFileEffects(path), stat(path).is({ ...before, size: 0 })],
  };
}

/** What a plan has to know of a path and its copy. */
export function restoreQueries(file: KeptFile, copy: string | undefined): readonly ReturnType<typeof stat | typeof sha256 | typeof content>[] {
  return [stat(file.path), ...(contentMatters(file) ? [sha256(file.path)] : []), ...(copy === undefined ? [] : [stat(copy), sha256(copy), content(copy), ...(file.after.exists ? [content(file.path)] : [])])];
}

