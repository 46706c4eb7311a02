/**
 * A TCP proxy that makes a near host far: every byte arrives half a round-trip time later, in each
 * direction, in order. There is no netem on every machine (and no root for it); this needs neither. It also counts
 * bytes and turns, which is what a benchmark of round trips wants to know.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface ProxyStats {
  connections: number;
  /** Bytes from the client to the host, and back. */
  bytesUp: number;
  bytesDown: number;
  /**
   * Changes of direction in the flow of data, over all connections, as they pass the proxy: twice the round trips of
   * a protocol that waits for each answer.
   */
  turns: number;
}

export interface DelayProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Round-trip time to emulate, in milliseconds. */
  readonly rttMs: number;
  /** Where to listen; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
}

export interface DelayProxy {
  readonly port: number;
  readonly stats: Readonly<ProxyStats>;
  /** Stops listening and cuts all connections. */
  close(): Promise<void>;
}

/** Bytes under way in one direction before the sender is made to wait. */
const WINDOW_BYTES = 16 * 1024 * 1024;

/** One direction of a connection: a queue in which everything waits its time, and the end of the stream too. */
class DelayLine {
  readonly #delayMs: number;
  readonly #from: Socket;
  readonly #deliver: (chunk: Buffer | undefined) => void;
  #queue: { due: number; chunk: Buffer | undefined }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, delayMs: number, deliver: (chunk: Buffer | undefined) => void) {
    this.#from = from;
    this.#delayMs = delayMs;
    this.#deliver = deliver;
  }

  /** Takes a chunk, or undefined for the end. `notBefore` is a time of performance.now(). */
  push(chunk: Buffer | undefined, notBefore = 0): void {
    this.#queue.push({ due: Math.max(performance.now() + this.#delayMs, notBefore), chunk });
    this.#bytes += chunk?.length ?? 0;
    if (this.#bytes > WINDOW_BYTES) this.#from.pause();
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }

  #schedule(): void {
    const first = this.#queue[0];
    if (this.#timer !== undefined || first === undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
      this.#schedule();
    }, Math.max(0, first.due - performance.now()));
  }

  #flush(): void {
    // Timers may fire up to a millisecond early.
    const now = performance.now() + 0.5;
    for (let first = this.#queue[0]; first !== undefined && first.due <= now; first = this.#queue[0]) {
      this.#queue.shift();
      this.#bytes -= first.chunk?.length ?? 0;
      this.#deliver(first.chunk);
    }
    if (this.#bytes <= WINDOW_BYTES && this.#from.isPaused()) this.#from.resume();
  }
}

/**
 * Joins a client to the host. A real handshake takes a round trip and a half until the server has its
 * connection (SYN, SYN-ACK, ACK): the host is connected to that late, and hears the client no earlier.
 */
function join(client: Socket, options: DelayProxyOptions, stats: ProxyStats, sockets: Set<Socket>): void {
  stats.connections += 1;
  const half = options.rttMs / 2;
  const opensAt = performance.now() + 3 * half;
  let direction: 'up' | 'down' | undefined;
  const turn = (next: 'up' | 'down'): void => {
    if (direction !== next) stats.turns += 1;
    direction = next;
  };
  let host: Socket | undefined;
  const up = new DelayLine(client, half, (chunk) => {
    if (chunk === undefined) host?.end();
    else host?.write(chunk);
  });
  let down: DelayLine | undefined;
  const opening = setTimeout(() => {
    const socket = connect({ ...options.target, noDelay: true, allowHalfOpen: true });
    host = socket;
    sockets.add(socket);
    const line = new DelayLine(socket, half, (chunk) => {
      if (chunk === undefined) client.end();
      else client.write(chunk);
    });
    down = line;
    socket.on('data', (chunk: Buffer) => {
      turn('down');
      stats.bytesDown += chunk.length;
      line.push(chunk);
    });
    socket.on('end', () => { line.push(undefined); });
    // The client sees the connection reset, as it would without a proxy.
    socket.on('error', () => { client.resetAndDestroy(); });
    socket.on('close', () => { sockets.delete(socket); });
  }, opensAt - performance.now());
  client.on('data', (chunk: Buffer) => {
    turn('up');
    stats.bytesUp += chunk.length;
    up.push(chunk, opensAt + 1);
  });
  client.on('end', () => { up.push(undefined, opensAt + 1); });
  client.on('error', () => { client.destroy(); });
  client.on('close', () => {
    clearTimeout(opening);
    up.stop();
    down?.stop();
    host?.destroy();
    sockets.delete(client);
  });
}

/** Starts a proxy in this process; delay-proxy-main.ts runs several in one of their own. */
export async function startDelayProxy(options: DelayProxyOptions): Promise<DelayProxy> {
  const stats: ProxyStats = { connections: 0, bytesUp: 0, bytesDown: 0, turns: 0 };
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    sockets.add(client);
    join(client, options, stats, sockets);
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.listen.port, options.listen.host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  return {
    port,
    stats,
    close: async () =>
      new Promise((resolve) => {
        server.close(() => { resolve(); });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
