/** The bytes of the runner protocol, both ways. `docs/protocol.md` is its description. */
import { quote } from '../support/shell.ts';
import { revealed, type Secret } from '../support/secret.ts';
import { badInput } from '../support/diagnostic.ts';

/** Noise that a login shell may print before our first byte. */
const NOISE_LIMIT = 1024 * 1024;
const HEADER_LIMIT = 1024;

/** Bytes that follow without a length, up to a mark and the line break before it. */
export interface Until {
  readonly mark: string;
  /** Bytes that are kept; what is more is read and dropped. */
  readonly limit: number;
}

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/**
 * Splits what a stage sends into frames: a line `NONCE word word…` and, when the receiver says so, a body
 * of known length. Whatever comes before the first nonce (motd, a chatty ~/.bashrc) is discarded.
 */
export class FrameReader {
  readonly #nonce: Buffer;
  readonly #onHeader: (words: readonly string[]) => number | 'raw' | Until;
  readonly #onBody: (body: Buffer, cut: boolean) => void;
  #pending: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  #wanted = 0;
  #state: 'noise' | 'header' | 'body' | 'raw' | 'until' = 'noise';
  #until: { readonly end: Buffer; readonly limit: number } = { end: Buffer.alloc(0), limit: 0 };

  /**
   * @param onHeader gets the words after the nonce; returns the length of the body in bytes (0: none),
   *   `raw` when everything that follows up to the end is body, given in pieces, or what ends the body
   * @param onBody gets a whole body, and whether it was longer than the limit given with its end; or pieces when raw
   */
  constructor(nonce: string, onHeader: (words: readonly string[]) => number | 'raw' | Until, onBody: (body: Buffer, cut: boolean) => void) {
    // Memory of its own: as long as it is held, a piece of Node's pool would keep all 64 KB of that.
    this.#nonce = Buffer.alloc(nonce.length, nonce, 'latin1');
    this.#onHeader = onHeader;
    this.#onBody = onBody;
  }

  /** @throws ProtocolError when the stream is not ours any more */
  push(chunk: Buffer): void {
    let rest = chunk;
    for (;;) {
      if (this.#state === 'raw') {
        if (rest.length > 0) this.#onBody(rest, false);
        return;
      }
      if (this.#state === 'until') {
        const after = this.#takeUntil(rest);
        if (after === undefined) return;
        rest = after;
        continue;
      }
      if (this.#state === 'body') {
        const taken = rest.subarray(0, this.#wanted - this.#chunkBytes);
        this.#chunks.push(taken);
        this.#chunkBytes += taken.length;
        if (this.#chunkBytes < this.#wanted) return;
        rest = rest.subarray(taken.length);
        const body = Buffer.concat(this.#chunks);
        this.#chunks = [];
        this.#chunkBytes = 0;
        this.#state = 'header';
        this.#onBody(body, false);
        continue;
      }
      this.#pending = this.#pending.length === 0 ? rest : Buffer.concat([this.#pending, rest]);
      if (this.#state === 'noise' && !this.#skipNoise()) return;
      const end = this.#pending.indexOf(10);
      if (end === -1) {
        if (this.#pending.length > HEADER_LIMIT) throw new ProtocolError('a frame header without an end');
        return;
      }
      const line = this.#pending.subarray(0, end).toString('latin1');
      rest = this.#pending.subarray(end + 1);
      this.#pending = Buffer.alloc(0);
      const [nonce, ...words] = line.split(' ');
      if (nonce !== this.#nonce.toString('latin1')) throw new ProtocolError(`unexpected bytes instead of a frame: ${JSON.stringify(line.slice(0, 80))}`);
      const body = this.#onHeader(words);
      if (body === 'raw') this.#state = 'raw';
      else if (typeof body === 'object') {
        this.#until = { end: Buffer.from(`\n${body.mark}`, 'latin1'), limit: body.limit };
        this.#state = 'until';
      } else if (body > 0) {
        this.#wanted = body;
        this.#state = 'body';
      }
      if (rest.length === 0) return;
    }
  }

  /** Takes in what comes before the mark. @returns what comes after it; undefined when it has not come yet */
  #takeUntil(rest: Buffer): Buffer | undefined {
    const { end, limit } = this.#until;
    const window = Buffer.concat([this.#pending, rest]);
    const at = window.indexOf(end);
    // The mark may come in two pieces: its length, less one byte, is held back.
    const sure = at === -1 ? Math.max(0, window.length - end.length + 1) : at;
    if (this.#chunkBytes < limit) this.#chunks.push(window.subarray(0, Math.min(sure, limit - this.#chunkBytes)));
    this.#chunkBytes += sure;
    if (at === -1) {
      this.#pending = window.subarray(sure);
      return undefined;
    }
    const body = Buffer.concat(this.#chunks);
    const cut = this.#chunkBytes > limit;
    this.#pending = Buffer.alloc(0);
    this.#chunks = [];
    this.#chunkBytes = 0;
    this.#state = 'header';
    this.#onBody(body, cut);
    return window.subarray(at + end.length);
  }

  #skipNoise(): boolean {
    const at = this.#pending.indexOf(this.#nonce);
    if (at === -1) {
      if (this.#pending.length > NOISE_LIMIT) throw new ProtocolError('the login shell printed more than 1 MiB before the runner could start');
      return false;
    }
    this.#pending = this.#pending.subarray(at);
    this.#state = 'header';
    return true;
  }
}

export interface WireFile {
  readonly id: string;
  readonly bytes: Buffer;
  /** True when the script only copies it, by `care_cat`: it need not be a file. */
  readonly copied: boolean;
}

export interface WireRequest {
  readonly sequence: number;
  /** A row: the number of its last script. `timeoutSeconds` and `outputLimit` then stand in its body. */
  readonly last?: number;
  /** A row: its body is packed by gzip. */
  readonly packed?: boolean;
  readonly timeoutSeconds: number;
  /** Bytes of each output that come back. */
  readonly outputLimit: number;
  /** Scripts of one chain share a number above 0; the first failure stops the others. */
  readonly chain: number;
  /** True: attachments lie in the directory for large ones, where an upload has put some already. */
  readonly large: boolean;
  readonly body: Buffer;
  readonly files: readonly WireFile[];
}

/** `R seq timeout limit chain large bodyBytes files` (a row: `B first last 0 chain 0 bodyBytes files`, or `C` when its body is packed), body, `id bytes` and bytes for each file, nonce. */
export function encodeRequest(nonce: string, request: WireRequest): Buffer {
  const kind = request.last === undefined ? ['R', request.sequence, request.timeoutSeconds, request.outputLimit] : [request.packed === true ? 'C' : 'B', request.sequence, request.last, 0];
  const head = [...kind, request.chain, request.large ? 1 : 0, request.body.length, request.files.length].join(' ');
  const parts: Buffer[] = [Buffer.from(`${head}\n`), request.body];
  for (const file of request.files) parts.push(Buffer.from(`${file.id} ${String(file.bytes.length)}\n`), file.bytes);
  parts.push(Buffer.from(`${nonce}\n`));
  return Buffer.concat(parts);
}

/** Makes the runner make its directories, which it tells in answer. */
export const DIRECTORIES = 'D\n';

export function encodeKill(sequence: number): Buffer {
  return Buffer.from(`K ${String(sequence)}\n`);
}

/**
 * The text that the target's sh runs: the environment as exports, then the script. It travels as data and
 * is stored in a private file, so no value is ever in an argument list.
 *
 * @throws Diagnostic for a name that is not one of the shell's or a value with a NUL
 */
export function scriptBody(text: string, environment: Readonly<Record<string, string | Secret>> = {}): Buffer {
  const exports = Object.entries(environment).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw badInput('bad-environment-name', `${JSON.stringify(name)} is not the name of an environment variable`, {
        detail: 'A name is made of letters, digits and underscores and does not begin with a digit (POSIX XBD 8.1).',
      });
    }
    const plain = revealed(value);
    if (plain.includes('\0')) throw badInput('nul-in-environment', `the environment variable ${name} holds a NUL byte, which no environment can carry`);
    return `export ${name}=${quote(plain)}`;
  });
  // On one line with the script's first, so that line numbers in error messages stay the script's.
  return Buffer.from(exports.length === 0 ? text : `${exports.join(';')};${text}`, 'utf8');
}
