/** The program's start: everything that belongs to this process and not to `cli.ts`. */
import { processContext } from './context.ts';
import { finish, main } from './cli.ts';

/** Milliseconds that forgotten handles (a socket, a timer) may keep the process after its work is done. */
const LINGER_MS = 3000;

/**
 * Node hands out small buffers from pools of 64 KB (Node 24), each kept whole as long as one byte of it is: a thousand
 * connections with a few small ones each would keep a hundred megabytes.
 */
Buffer.poolSize = 8 * 1024;

async function start(): Promise<void> {
  const context = processContext();
  const status = finish(await main(process.argv.slice(2), context), context);
  process.exitCode = status;
  // At once where nothing waits to be written: taking the process apart in order costs 10 ms for nothing.
  if (process.stdout.writableLength + process.stderr.writableLength === 0) process.exit(status);
  setTimeout(() => process.exit(status), LINGER_MS).unref();
}

void start();
