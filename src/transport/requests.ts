/** From a script with attachments to the bytes of one request. */
import { readFile } from 'node:fs/promises';
import type { Attachment } from '../support/shell.ts';
import { badInput } from '../support/diagnostic.ts';
import { scriptBody, type WireFile } from './frames.ts';
import type { RunRequest } from './types.ts';

/** Larger attachments go over a channel of their own, so that small scripts do not wait behind them. */
export const INLINE_LIMIT = 1024 * 1024;
/** Bytes of each output that come back where a request says nothing else. */
export const DEFAULT_OUTPUT_LIMIT = 1024 * 1024;
/** A script is read into one buffer on the host. */
const SCRIPT_LIMIT = 8 * 1024 * 1024;

export interface PreparedRequest {
  /** Functions that stand before the body. */
  readonly prelude: string;
  readonly body: Buffer;
  readonly inline: readonly WireFile[];
  readonly large: readonly Attachment[];
}

/** Bytes of an attachment without reading it. */
export function attachmentSize(attachment: Attachment): number {
  return attachment.content.kind === 'bytes' ? attachment.content.bytes.length : attachment.content.size;
}

/**
 * Reads what goes inline and sorts out what does not.
 *
 * @throws Diagnostic for a script that is too long, a bad environment, or a file that changed since it was named
 */
export async function prepare(request: RunRequest): Promise<PreparedRequest> {
  const prelude = request.prelude ?? '';
  const body = scriptBody(request.script.text, request.environment);
  if (body.length > SCRIPT_LIMIT) {
    throw badInput('script-too-long', `a script of ${String(body.length)} bytes is longer than the ${String(SCRIPT_LIMIT)} that a runner takes`, {
      remedy: 'attach the data instead of writing it into the script',
    });
  }
  if (body.includes(0)) throw badInput('nul-in-script', 'a script holds a NUL byte, which no shell can read', { remedy: 'attach the data instead of writing it into the script' });
  const inline: WireFile[] = [];
  const large: Attachment[] = [];
  const seen = new Set<string>();
  const asFiles = new Set(request.script.attachments.filter((each) => each.copied !== true).map((each) => each.id));
  for (const attachment of request.script.attachments) {
    if (seen.has(attachment.id)) continue;
    seen.add(attachment.id);
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(attachment.id)) throw badInput('bad-attachment-id', `an attachment cannot be called ${JSON.stringify(attachment.id)}`);
    if (attachmentSize(attachment) > INLINE_LIMIT) large.push(attachment);
    else inline.push({ id: attachment.id, bytes: await bytesOf(attachment), copied: !asFiles.has(attachment.id) });
  }
  return { prelude, body, inline, large };
}

async function bytesOf(attachment: Attachment): Promise<Buffer> {
  if (attachment.content.kind === 'bytes') return attachment.content.bytes;
  const { path, size } = attachment.content;
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw badInput('attachment-unreadable', `cannot read ${path}`, { detail: cause instanceof Error ? cause.message : String(cause), cause });
  });
  if (bytes.length !== size) {
    throw badInput('attachment-changed', `${path} has ${String(bytes.length)} bytes now and had ${String(size)} when the plan was made`, { remedy: 'run again' });
  }
  return bytes;
}
