/**
 * Editing a text file that is there: what lineinfile, blockinfile and replace share. Ansible's versions
 * always write through links, and so do these.
 */
import type { WantedAttributes } from '../../host/kinds/path-effects.ts';
import { content, sha256 } from '../../host/kinds/content.ts';
import { stat, type PresentPath } from '../../host/kinds/path.ts';
import { converge, type Change, type Plan } from '../../host/plan.ts';
import type { AnyQuery } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { parentOf } from '../../host/kinds/path-key.ts';
import { failure } from '../../support/diagnostic.ts';
import { contentOf, lookThrough, pathQueries, realPath } from './look.ts';
import { makeDirectories } from './make-directory.ts';
import { putFile } from './put-file.ts';

export interface EditedFile {
  readonly path: string;
  readonly attributes: WantedAttributes;
  /** Make the file (and the directories above it) when it is not there. */
  readonly create: boolean;
  /** True when nothing is to be done to a file that is not there. */
  readonly absentIsFine: boolean;
  readonly backup: boolean;
  readonly validate: string | undefined;
  /** True when the new text holds a secret. */
  readonly secret: boolean;
}

export interface Edit {
  readonly text: string;
  /** What was done, for `register`. */
  readonly msg: string;
}

/** Text of a file and how it becomes bytes again: UTF-8 where it is, else each byte a character, so that none is lost. */
interface Decoded {
  readonly text: string;
  /** Turns a task's own text into the form that the file's text has. */
  readonly own: (text: string) => string;
  readonly encode: (text: string) => Buffer;
}

function decode(bytes: Buffer): Decoded {
  const text = bytes.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(bytes)) return { text, own: (t) => t, encode: (t) => Buffer.from(t, 'utf8') };
  return { text: bytes.toString('latin1'), own: (t) => Buffer.from(t, 'utf8').toString('latin1'), encode: (t) => Buffer.from(t, 'latin1') };
}

/** The queries that an edit asks first. */
export function editQueries(path: string): readonly AnyQuery[] {
  return [...pathQueries(path), stat(path), sha256(path), content(path)];
}

interface Current {
  readonly bytes: Buffer;
  readonly exists: boolean;
  readonly parent: PresentPath | undefined;
  readonly directories: readonly Change[];
}

function current(host: HostView, file: EditedFile): Current | undefined {
  const at = realPath(host, file.path, true);
  if (!at.now.exists || at.now.type === 'link') {
    if (file.absentIsFine) return undefined;
    if (!file.create) throw failure('absent', `${file.path} does not exist`, { remedy: 'use `create: true` to make it' });
    const above = parentOf(file.path);
    if (lookThrough(host, above).exists) return { bytes: Buffer.alloc(0), exists: false, parent: undefined, directories: [] };
    const made = makeDirectories(host, above, {});
    return { bytes: Buffer.alloc(0), exists: false, parent: made.fact, directories: made.changes };
  }
  if (at.now.type !== 'file') throw failure('not-a-file', `${file.path} is a ${at.now.type}, not a file`);
  const bytes = contentOf(host, at.path);
  if (bytes === null) throw failure('not-a-file', `${file.path} is no regular file`);
  if (!Buffer.isBuffer(bytes)) throw failure('too-large', `${file.path} is too large to be edited (more than 1 MiB)`, { remedy: 'put the whole file in place with `template` or `copy`' });
  return { bytes, exists: true, parent: undefined, directories: [] };
}

/**
 * @param edit from the present text (and whether the file is there) to the new one; `own` must be applied to
 *   every text of the task that is compared with the file's or put into it
 * @throws Diagnostic `failed` when the file cannot be edited
 */
export function editFile(host: HostView, file: EditedFile, edit: (text: string, own: (text: string) => string, exists: boolean) => Edit): Plan {
  const now = current(host, file);
  if (now === undefined) return converge([], { msg: 'file not present' });
  const decoded = decode(now.bytes);
  const { text, msg } = edit(decoded.text, decoded.own, now.exists);
  const bytes = now.exists && text === decoded.text ? now.bytes : decoded.encode(text);
  const change = putFile(host, {
    path: file.path,
    source: { type: 'bytes', bytes, secret: file.secret },
    attributes: file.attributes,
    follow: true,
    force: true,
    backup: file.backup,
    validate: file.validate,
    ...(now.parent === undefined ? {} : { parent: now.parent }),
  });
  return converge(change === undefined ? [] : [...now.directories, change], { msg });
}

/** Lines with their endings, as Python's `readlines`. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** A line without its ending, as Python's `rstrip('\r\n')`. */
export function bare(line: string): string {
  return line.replace(/[\r\n]+$/, '');
}

/** The file to edit by whichever of its names the task uses; the schemas let no task through that has none. */
export function editedPath(args: { readonly path?: string | undefined; readonly dest?: string | undefined; readonly name?: string | undefined }): string {
  const path = args.path ?? args.dest ?? args.name;
  if (path === undefined) throw new Error('the schema lets no task through that has no path');
  return path;
}
