/**
 * A regular file with a given content and attributes: the plan that copy, template, lineinfile, blockinfile,
 * replace and others share.
 */
import { createHash } from 'node:crypto';
import { CONTENT_LIMIT } from '../../host/kinds/content.ts';
import { newAttributes, resultingAttributes, wroteFile, type KnownAttributes, type WantedAttributes } from '../../host/kinds/path-effects.ts';
import type { PathFact, PresentPath } from '../../host/kinds/path.ts';
import type { ShellChange, Diff } from '../../host/plan.ts';
import { joinOfPut, putScript, type FilePut } from '../../host/put.ts';
import type { HostView, LocalFile } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { attach, attachFile, joinScripts, quote, Script, sh } from '../../support/shell.ts';
import { attributesChange, describeAttributes, differing } from './attributes.ts';
import { contentOf, digestOf, realPath, requireParent } from './look.ts';
import { splitWords } from './words.ts';

/** Where the content comes from. */
export type FileSource =
  | { readonly type: 'text'; readonly text: string | Secret }
  | { readonly type: 'bytes'; readonly bytes: Buffer; readonly secret: boolean }
  | { readonly type: 'local'; readonly file: LocalFile }
  | { readonly type: 'remote'; readonly path: string; readonly sha256: string; readonly size: number | undefined; readonly bytes?: Buffer | undefined; readonly secret?: boolean };

export interface WantedFile {
  readonly path: string;
  readonly source: FileSource;
  readonly attributes: WantedAttributes;
  /** A link at `path` is written through instead of replaced. */
  readonly follow: boolean;
  /** False: a file that is there already is left alone. */
  readonly force: boolean;
  readonly backup: boolean;
  readonly validate: string | undefined;
  /** What is there when a directory above it is made by an earlier change of the same plan. */
  readonly parent?: PresentPath;
}

interface Content {
  readonly sha256: string;
  readonly size: number | undefined;
  /** Small content, for the diff and for what is known afterwards. */
  readonly bytes: Buffer | undefined;
  readonly secret: boolean;
  /** The shell word of the file that holds it on the host. */
  readonly operand: Script;
}

function contentOfSource(source: FileSource): Content {
  switch (source.type) {
    case 'text':
      return ofBytes(Buffer.from(source.text instanceof Secret ? source.text.reveal() : source.text, 'utf8'), source.text instanceof Secret);
    case 'bytes':
      return ofBytes(source.bytes, source.secret);
    case 'local': {
      const { file } = source;
      const bytes = file.size <= CONTENT_LIMIT ? file.bytes() : undefined;
      return { sha256: file.sha256, size: file.size, bytes, secret: false, operand: sh`${attachFile(file.path, file.size, file.sha256)}` };
    }
    case 'remote':
      return { sha256: source.sha256, size: source.size, bytes: source.bytes, secret: source.secret === true, operand: sh`${source.path}` };
  }
}

function ofBytes(bytes: Buffer, secret: boolean): Content {
  return { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, bytes, secret, operand: sh`${attach(bytes)}` };
}

/** The user's validate command with `%s` replaced by the new file, before it is put in place. */
export function validateScript(command: string, operand: Script): Script {
  const text = splitWords(command).map((word) => word.split('%s').map((part) => (part === '' ? '' : quote(part.replaceAll('%%', '%')))).join(operand.text));
  return new Script(`${text.map((word) => (word === '' ? "''" : word)).join(' ')} >&2 || { echo ${quote(`validation failed: ${command}`)} >&2; exit 1; }`, operand.attachments);
}

/** Text as a diff shows it; for other bytes, a line that tells them apart. */
export function diffText(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (!bytes.includes(0) && Buffer.from(text, 'utf8').equals(bytes)) return text;
  return summaryText(bytes.length, createHash('sha256').update(bytes).digest('hex'));
}

function summaryText(size: number | undefined, sha256: string): string {
  return `(${size === undefined ? '' : `${String(size)} bytes, `}sha256 ${sha256})\n`;
}

function diffOf(host: HostView, path: string, now: PathFact, wanted: Content): Diff {
  const isFile = now.exists && now.type === 'file';
  const old = isFile ? contentOf(host, path) : null;
  const bytes = old === null || Buffer.isBuffer(old) ? wanted.bytes : undefined;
  let before = '';
  if (isFile) before = bytes !== undefined && Buffer.isBuffer(old) ? diffText(old) : summaryText(now.size, digestOf(host, path) ?? '');
  else if (now.exists) before = `(a ${now.type}${now.target === undefined ? '' : ` to ${now.target}`})\n`;
  const after = bytes === undefined ? summaryText(wanted.size, wanted.sha256) : diffText(bytes);
  return wanted.secret ? { name: path, before: Secret.derived(before), after: Secret.derived(after) } : { name: path, before, after };
}

function describe(now: PathFact, content: Content, attributes: KnownAttributes, wanted: WantedAttributes): string {
  const size = content.size === undefined ? '' : `, ${String(content.size)} bytes`;
  if (!now.exists) return `create, mode ${attributes.mode ?? '?'}${size}`;
  if (now.type !== 'file') return `replace a ${now.type} by a file, mode ${attributes.mode ?? '?'}${size}`;
  const others = describeAttributes(now, differing(now, wanted));
  return `content ${now.size === undefined ? '' : String(now.size)} → ${content.size === undefined ? 'new' : String(content.size)} bytes${others === '' ? '' : `, ${others}`}`;
}

/**
 * The change that gives a path its content and attributes, if one is needed.
 *
 * A new file gets mode 0644, or 0600 when its content is secret, unless the task says otherwise.
 *
 * @throws Diagnostic `failed` when it cannot be: a directory is in the way, the parent is missing
 */
export function putFile(host: HostView, want: WantedFile): ShellChange | undefined {
  const { path, now, aliases } = want.parent === undefined ? realPath(host, want.path, want.follow) : { path: want.path, now: { exists: false } as const, aliases: [] };
  if (now.exists && now.type === 'directory') throw failure('is-directory', `${path} is a directory, not a file`, { remedy: `end the path with a slash to write into it, or remove it first` });
  if (now.exists && now.type !== 'file' && now.type !== 'link') throw failure('not-a-file', `${path} is a ${now.type}, not a file`);
  if (now.exists && !want.force) return undefined;
  const content = contentOfSource(want.source);
  if (now.exists && now.type === 'file' && digestOf(host, path) === content.sha256) return attributesChange(path, now, want.attributes, aliases);
  return writeChange(host, want, { path, now, aliases }, content);
}

function writeChange(host: HostView, want: WantedFile, at: { readonly path: string; readonly now: PathFact; readonly aliases: readonly string[] }, content: Content): ShellChange {
  const { path, now, aliases } = at;
  const parent = want.parent ?? requireParent(host, path);
  const isFile = now.exists && now.type === 'file';
  const base = isFile ? now : newAttributes(host.user, content.secret ? '0600' : '0644', parent);
  const attributes = resultingAttributes(want.attributes, base);
  const differs = isFile ? differing(now, want.attributes) : {};
  const mode = want.attributes.mode ?? (isFile ? '' : base.mode ?? '');
  const steps: Script[] = [];
  if (want.validate !== undefined) steps.push(validateScript(want.validate, content.operand));
  if (want.backup && isFile) steps.push(sh`care_backup ${path}`);
  const put: FilePut = { path, source: content.operand, size: content.size ?? Infinity, mode, owner: want.attributes.owner ?? '', group: want.attributes.group ?? '' };
  steps.push(putScript(put));
  const join = steps.length > 1 || want.source.type === 'remote' ? undefined : joinOfPut(put);
  return {
    resource: `file ${path}`,
    what: describe(now, content, attributes, want.attributes),
    diff: diffOf(host, path, now, content),
    script: joinScripts(steps),
    ...(join === undefined ? {} : { join }),
    ...(want.validate === undefined ? {} : { validate: want.validate }),
    effects: wroteFile(path, {
      attributes,
      bytes: content.bytes,
      size: content.size,
      sha256: content.sha256,
      appeared: !isFile || Object.keys(differs).length > 0 || want.backup,
      aliases,
    }),
  };
}

