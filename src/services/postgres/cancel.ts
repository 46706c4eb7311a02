/** Asks a server to end a statement that nobody waits for any more (CancelRequest, PostgreSQL's protocol 55.2.8). */
import type { Streams } from '../clients.ts';
import { openServerStream } from './connect.ts';
import type { PostgresLogin } from './login.ts';

const CANCEL_CODE = 80877102;
const WAIT_MS = 1000;

function keyOf(client: object): { readonly processId: number; readonly secretKey: number } | undefined {
  const processId: unknown = Reflect.get(client, 'processID');
  const secretKey: unknown = Reflect.get(client, 'secretKey');
  return typeof processId === 'number' && typeof secretKey === 'number' ? { processId, secretKey } : undefined;
}

/** As well as can be: the server's own statement_timeout ends it otherwise. Never throws. */
export async function sendCancel(client: object, login: PostgresLogin, streams: () => Promise<Streams>): Promise<void> {
  const key = keyOf(client);
  if (key === undefined) return;
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(CANCEL_CODE, 4);
  message.writeInt32BE(key.processId, 8);
  message.writeInt32BE(key.secretKey, 12);
  try {
    const stream = await openServerStream(login.at, await streams());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WAIT_MS);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      stream.once('error', end);
      stream.once('close', end);
      stream.resume();
      stream.end(message);
    });
    stream.destroy();
  } catch {
    // The connection itself may be what is gone.
  }
}
