/** Large files, each way on a channel of its own. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { quote, type Attachment } from '../support/shell.ts';
import type { ByteChannel } from './channel.ts';
import { connectionLost, interrupted, quoteHostText } from './errors.ts';
import { attachmentSize } from './requests.ts';
import { startStage, type StageHost } from './stage.ts';
import { downloadProgram, uploadProgram } from './stages.ts';
import type { Become } from './types.ts';

/** A transfer in which nothing moves for this long is given up. */
const IDLE_MS = 120_000;

/** Cuts a channel when `moved` is not called often enough after `start`. */
function idleGuard(): { readonly start: (channel: ByteChannel) => void; readonly moved: () => void; readonly stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    start: (channel) => {
      timer = setTimeout(() => { channel.destroy(); }, IDLE_MS);
      void channel.ended.then(() => { clearTimeout(timer); });
    },
    moved: () => { timer?.refresh(); },
    stop: () => { clearTimeout(timer); },
  };
}

/** What is looked at to tell whether packing a file pays: some are packed already. */
const SAMPLE_BYTES = 256 * 1024;
const WORTH_PACKING = 0.75;

async function shrinks(attachment: Attachment): Promise<boolean> {
  const { content } = attachment;
  let sample: Buffer;
  if (content.kind === 'bytes') sample = content.bytes.subarray(0, SAMPLE_BYTES);
  else {
    const chunks: Buffer[] = [];
    for await (const chunk of createReadStream(content.path, { end: SAMPLE_BYTES - 1 })) chunks.push(chunk as Buffer);
    sample = Buffer.concat(chunks);
  }
  return gzipSync(sample, { level: 1 }).length < sample.length * WORTH_PACKING;
}

export interface UploadOptions {
  /** Whether bytes on the way cost more than packing them, and the host can unpack. */
  readonly packs: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Puts an attachment into a directory of a runner and compares size and SHA-256 on both sides.
 *
 * @returns its SHA-256, as hexadecimal digits
 * @throws Diagnostic when it did not arrive whole
 */
export async function upload(host: StageHost, become: Become | undefined, directory: string, attachment: Attachment, { packs, signal }: UploadOptions): Promise<string> {
  const size = attachmentSize(attachment);
  let answer: readonly string[] | undefined;
  // What can't be read is told by the upload itself.
  const packed = packs && (await shrinks(attachment).catch(() => false));
  const stage = await startStage(host, become, uploadProgram(directory, attachment.id, size, packed), {
    onHeader: (words) => {
      answer = words;
      return 0;
    },
    onBody: () => undefined,
    onBroken: () => undefined,
  });
  const idle = idleGuard();
  idle.start(stage.channel);
  const hash = createHash('sha256');
  const source = attachment.content.kind === 'bytes' ? Readable.from([attachment.content.bytes]) : createReadStream(attachment.content.path);
  let sendError: unknown;
  try {
    await pipeline(
      source,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          idle.moved();
          yield chunk;
        }
      },
      packed ? createGzip({ level: 1 }) : new PassThrough(),
      stage.channel.stdin,
      signal === undefined ? {} : { signal },
    );
  } catch (error) {
    stage.channel.destroy();
    if (signal?.aborted === true) throw interrupted(host.name, 'an upload');
    sendError = error;
  }
  const end = await stage.channel.ended;
  const [kind, gotSize, gotHash] = answer ?? [];
  const digest = hash.digest('hex');
  if (kind === 'U' && Number(gotSize) === size && gotHash === digest) return digest;
  if (sendError === undefined && end.status === undefined && end.signal === undefined) throw connectionLost(host.name, 'during an upload');
  if (!stage.greeted() && sendError === undefined) throw await stage.explainEnd('before an upload');
  const said = quoteHostText(stage.stderr());
  throw failure('upload-failed', `${host.name}: an upload of ${String(size)} bytes did not arrive whole`, {
    detail: said === '' ? (sendError instanceof Error ? sendError.message : undefined) : `the host said: ${said}`,
    remedy: 'see that there is room in /var/tmp of the host (df -h /var/tmp) and that the local file does not change meanwhile',
    cause: sendError,
  });
}

/**
 * Opens a file of the target for reading.
 *
 * @returns a stream that errors with a Diagnostic when the file does not arrive whole
 * @throws Diagnostic when the file cannot be opened
 */
export async function download(host: StageHost, become: Become | undefined, path: string): Promise<NodeJS.ReadableStream> {
  const out = new PassThrough();
  let opened: (() => void) | undefined;
  const idle = idleGuard();
  const isOpen = new Promise<'open'>((resolve) => { opened = () => { resolve('open'); }; });
  const stage = await startStage(host, become, downloadProgram(quote(path)), {
    onHeader: (words) => {
      if (words[0] !== 'D') throw new Error(`unexpected frame ${words.join(' ')}`);
      opened?.();
      idle.moved();
      return 'raw';
    },
    onBody: (bytes) => {
      idle.moved();
      if (!out.write(bytes)) {
        // The reader is slow, not the host: that may take as long as it takes.
        idle.stop();
        stage.channel.stdout.pause();
        out.once('drain', () => {
          idle.moved();
          stage.channel.stdout.resume();
        });
      }
    },
    onBroken: (error) => { out.destroy(error); },
  });
  idle.start(stage.channel);
  // The reader may go away; then nobody needs the rest.
  out.once('close', () => { stage.channel.destroy(); });
  const explain = async (): Promise<Diagnostic> => {
    const end = await stage.channel.ended;
    if ((end.status === undefined && end.signal === undefined) || !stage.greeted()) return stage.explainEnd('during a download');
    return failure('download-failed', `${host.name}: cannot read ${path}`, { detail: quoteHostText(stage.stderr()) });
  };
  const first = await Promise.race([isOpen, stage.channel.ended]);
  if (first !== 'open' && !(await settled(isOpen))) throw await explain();
  void stage.channel.ended.then(async (end) => {
    if (end.status === 0) out.end();
    else if (!out.destroyed) out.destroy(await explain());
  });
  return out;
}

/** Whether a promise has been fulfilled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Promise.resolve().then(() => Promise.resolve()).then(() => false)]);
}
