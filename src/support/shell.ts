/**
 * Shell that runs on hosts: POSIX sh, quoted by one function, built by one tag. Content never goes
 * into shell variables or argument lists: it travels as an attachment, a file beside the script.
 */
import { createHash } from 'node:crypto';
import { Secret } from './secret.ts';

/** Bytes that a script needs on the host; `id` is the name it has there. */
export interface Attachment {
  readonly id: string;
  readonly content: AttachmentContent;
  /** True: the script does nothing with it but copy it with `care_cat` or `care_put` of the prelude. */
  readonly copied?: boolean;
}
export type AttachmentContent =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'file'; readonly path: string; readonly size: number };

/** A POSIX sh script with what it needs. Made by {@link sh} and {@link script}. */
export class Script {
  readonly text: string;
  readonly attachments: readonly Attachment[];
  constructor(text: string, attachments: readonly Attachment[] = []) {
    this.text = text;
    this.attachments = attachments;
  }
}

/**
 * Quotes one word for POSIX sh with single quotes (XCU 2.2.2): safe for every byte but NUL.
 *
 * @throws RangeError for a NUL, which no argument list can carry
 */
export function quote(word: string): string {
  if (word.includes('\0')) throw new RangeError('a shell word cannot hold a NUL byte');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** An attachment of bytes, text or a secret, named by its content so that scripts are reproducible. */
export function attach(content: Buffer | string | Secret): Attachment {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content instanceof Secret ? content.reveal() : content, 'utf8');
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 16), content: { kind: 'bytes', bytes } };
}

/** An attachment streamed from a file on the controller. */
export function attachFile(path: string, size: number, sha256: string): Attachment {
  return { id: sha256.slice(0, 16), content: { kind: 'file', path, size } };
}

function isAttachment(part: unknown): part is Attachment {
  return typeof part === 'object' && part !== null && 'id' in part && 'content' in part;
}

export type ShellPart = string | number | Script | Attachment | readonly (string | number)[];

/**
 * Tagged template for scripts. A string or number becomes one quoted word, a list becomes several, a
 * {@link Script} is pasted as it is, an {@link Attachment} becomes the path of its file on the host.
 * Secrets are not accepted as words: attach them.
 */
export function sh(strings: TemplateStringsArray, ...parts: readonly ShellPart[]): Script {
  const attachments: Attachment[] = [];
  let text = strings[0] ?? '';
  parts.forEach((part, i) => {
    if (part instanceof Script) {
      text += part.text;
      attachments.push(...part.attachments);
    } else if (isAttachment(part)) {
      text += `"$care_files"/${part.id}`;
      attachments.push(part);
    } else if (typeof part === 'string' || typeof part === 'number') {
      text += quote(String(part));
    } else {
      text += part.map((word) => quote(String(word))).join(' ');
    }
    text += strings[i + 1] ?? '';
  });
  return new Script(text, attachments);
}

/** Shell text taken as it is (a user's own command, a fixed fragment). */
export function rawScript(text: string): Script {
  return new Script(text);
}

/** A script that does nothing with its attachments but copy them by `care_cat` or `care_put`. */
export function copying(script: Script): Script {
  return new Script(script.text, script.attachments.map((each) => ({ ...each, copied: true })));
}

/** Scripts one after another; each must succeed for the next to run (callers use `set -e`). */
export function joinScripts(scripts: readonly Script[], separator = '\n'): Script {
  return new Script(scripts.map((s) => s.text).join(separator), scripts.flatMap((s) => s.attachments));
}
