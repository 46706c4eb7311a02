/** An HTTP server on the loopback for downloads: answers by path, and remembers what it was asked. */
import { readdirSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface TestServer {
  readonly base: string;
  /** `PATH range`, in order. */
  readonly asked: string[];
  readonly answers: Map<string, Answer>;
  close(): Promise<void>;
}

export async function testServer(): Promise<TestServer> {
  const asked: string[] = [];
  const answers = new Map<string, Answer>();
  const server: Server = createServer((request, response) => {
    asked.push(`${request.url ?? ''} ${request.headers.range ?? ''}`.trim());
    const answer = answers.get(request.url ?? '');
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    base: `http://127.0.0.1:${String(address.port)}`,
    asked,
    answers,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Bytes of the largest file in a cache's `incoming/`: how far a download has come. */
export function arrived(directory: string): number {
  const folder = join(directory, 'incoming');
  return Math.max(0, ...readdirSync(folder).map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0));
}

/** Cuts an answer off once its bytes have arrived on the other side's disk: what is on its way is lost with the connection. */
function cutWhen(response: ServerResponse, there: () => boolean): void {
  const until = Date.now() + 10_000;
  const timer = setInterval(() => {
    if (!there() && Date.now() < until) return;
    clearInterval(timer);
    response.destroy();
  }, 5);
}

/** Serves bytes as RFC 9110 section 14 has it; cut off after so many bytes of each answer have arrived in the cache. */
export function ranged(bytes: Buffer, cut?: { readonly after: number; readonly cache: string }): Answer {
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${String(bytes.length)}` }).end();
      return;
    }
    const rest = bytes.subarray(start);
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': String(rest.length), ...(start === 0 ? {} : { 'content-range': `bytes ${String(start)}-${String(bytes.length - 1)}/${String(bytes.length)}` }) });
    if (cut === undefined || rest.length <= cut.after) {
      response.end(rest);
      return;
    }
    response.write(rest.subarray(0, cut.after));
    cutWhen(response, () => arrived(cut.cache) >= start + cut.after);
  };
}
