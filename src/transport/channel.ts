/** A command running somewhere with three byte streams: what SSH channels and child processes have in common. */
import type { Readable, Writable } from 'node:stream';

/** How a channel ended. Both undefined: it was cut off, nothing is known. */
export interface ChannelEnd {
  readonly status: number | undefined;
  readonly signal: string | undefined;
}

export interface ByteChannel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the command has ended and the channel is closed; never rejects. */
  readonly ended: Promise<ChannelEnd>;
  /** Cuts the channel off at once. */
  destroy(): void;
}

/** Starts one command line, as the login shell of the target reads it. */
export type OpenChannel = (command: string) => Promise<ByteChannel>;

/** Keeps the last bytes of a stream, for messages; reading to the end is what lets the channel close. */
export class Tail {
  #text = '';
  readonly #limit: number;

  constructor(stream: Readable, limit = 4096) {
    this.#limit = limit;
    stream.on('data', (chunk: Buffer) => {
      this.#text = (this.#text + chunk.toString('utf8')).slice(-this.#limit);
    });
  }

  get text(): string {
    return this.#text.trim();
  }
}
