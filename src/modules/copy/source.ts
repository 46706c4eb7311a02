/** What is to be copied, on the controller or on the host, in one form. */
import { content, CONTENT_LIMIT, sha256 } from '../../host/kinds/content.ts';
import { joinPath } from '../../host/kinds/path-key.ts';
import { stat } from '../../host/kinds/path.ts';
import type { HostView, LocalTree } from '../../host/view.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { askAll, contentOf, digestOf, everythingBelow, lookAt, lookThrough } from '../common/look.ts';
import type { FileSource } from '../common/put-file.ts';

export interface SourceFile {
  readonly type: 'file';
  readonly source: FileSource;
  readonly mode: string;
}
export interface SourceLink {
  readonly type: 'link';
  readonly target: string;
}
export interface SourceDirectory {
  readonly type: 'directory';
}
/** Relative path and what is there; directories before what they hold. */
export type SourceEntry = (SourceFile | SourceLink | SourceDirectory) & { readonly path: string };

export type CopySource = SourceFile | { readonly type: 'tree'; readonly entries: readonly SourceEntry[] };

/** @throws Diagnostic when there is no such source */
export function controllerSource(host: HostView, src: string, follow: boolean): CopySource {
  const path = src.replace(/\/+$/, '');
  if (!src.endsWith('/')) {
    try {
      return controllerFile(host, path);
    } catch (error) {
      if (!(error instanceof Diagnostic && error.code === 'is-a-directory')) throw error;
    }
  }
  const found = host.localTree(path);
  return { type: 'tree', entries: found.entries.map((entry) => controllerEntry(host, found, entry, follow)) };
}

function controllerFile(host: HostView, path: string): SourceFile {
  const file = host.localFile(path);
  return { type: 'file', source: { type: 'local', file }, mode: file.mode };
}

function controllerEntry(host: HostView, found: LocalTree, entry: LocalTree['entries'][number], follow: boolean): SourceEntry {
  if (entry.type === 'directory') return { type: 'directory', path: entry.path };
  if (entry.type === 'link' && !follow) return { type: 'link', path: entry.path, target: entry.target ?? '' };
  return { ...controllerFile(host, joinPath(found.root, entry.path)), path: entry.path };
}

/** @throws Diagnostic `failed` when there is no such source, or it cannot be read */
export function remoteSource(host: HostView, src: string): CopySource {
  const path = src === '/' ? src : src.replace(/\/+$/, '');
  const fact = lookThrough(host, path);
  if (!fact.exists) throw failure('no-source', `the source ${path} does not exist on the host`);
  if (fact.type === 'file') return remoteFile(host, path, fact.mode ?? '0644', fact.size);
  if (fact.type !== 'directory') throw failure('no-source', `the source ${path} is a ${fact.type}`);
  const below = everythingBelow(host, fact.real);
  askAll(host, below.flatMap((e) => [stat(joinPath(fact.real, e.path)), sha256(joinPath(fact.real, e.path)), content(joinPath(fact.real, e.path))]));
  return {
    type: 'tree',
    entries: below.map((e): SourceEntry => {
      const full = joinPath(fact.real, e.path);
      if (e.type === 'directory') return { type: 'directory', path: e.path };
      const now = lookAt(host, full);
      if (now.exists && now.type === 'file') return { ...remoteFile(host, full, e.mode, now.size), path: e.path };
      if (now.exists && now.type === 'link' && now.target !== undefined) return { type: 'link', path: e.path, target: now.target };
      throw failure('no-source', `${full} is a ${e.type}, which cannot be copied`);
    }),
  };
}

function remoteFile(host: HostView, path: string, mode: string, size: number | undefined): SourceFile {
  const sum = digestOf(host, path);
  if (sum === null) throw failure('no-source', `the source ${path} is no regular file`);
  const bytes = size !== undefined && size <= CONTENT_LIMIT ? contentOf(host, path) : null;
  return { type: 'file', mode, source: { type: 'remote', path, sha256: sum, size, bytes: Buffer.isBuffer(bytes) ? bytes : undefined } };
}
