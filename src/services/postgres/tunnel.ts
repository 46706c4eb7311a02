/** A stream that is open already, in the shape of the socket that the driver wants to open itself. */
import { Duplex } from 'node:stream';

export class Tunnel extends Duplex {
  readonly #inner: Duplex;

  constructor(inner: Duplex) {
    // As a socket of Node: the server that has said its last word has gone. Left half open, a stream through sshd stays so for ever.
    super({ allowHalfOpen: false });
    this.#inner = inner;
    inner.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause();
    });
    inner.on('end', () => { this.push(null); });
    inner.on('error', (error) => { this.destroy(error); });
    inner.on('close', () => { this.destroy(); });
  }

  /** Where to is decided already. */
  connect(): this {
    process.nextTick(() => this.emit('connect'));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#inner.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner.destroy();
    done(error);
  }
}
