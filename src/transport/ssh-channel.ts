/** Exec channels of one SSH client, within the server's MaxSessions. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { failure } from '../support/diagnostic.ts';
import type { ByteChannel, ChannelEnd } from './channel.ts';
import { connectionLost, quoteHostText } from './errors.ts';

/** sshd's MaxSessions is 10 by default; somebody else may share the connection's limit. */
const MOST_CHANNELS = 8;
const OPEN_TRIES = 5;
const OPEN_TIMEOUT_MS = 60_000;

export class ChannelOpener {
  readonly #client: Client;
  readonly #host: string;
  #open = 0;
  readonly #queue: (() => void)[] = [];

  constructor(client: Client, host: string) {
    this.#client = client;
    this.#host = host;
  }

  /** @throws Diagnostic when the host opens no (more) channel */
  async open(command: string): Promise<ByteChannel> {
    await this.#slot();
    try {
      return await this.#tryOpen(command);
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  async #slot(): Promise<void> {
    if (this.#open < MOST_CHANNELS) {
      this.#open += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(take), 1);
        reject(failure('too-many-channels', `${this.#host}: ${String(MOST_CHANNELS)} channels are open and none became free for a minute`, {
          remedy: 'use fewer different become users on one host at once',
        }));
      }, OPEN_TIMEOUT_MS);
      const take = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#queue.push(take);
    });
  }

  /** Hands the slot to the next in the queue. */
  #release(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#open -= 1;
    else next();
  }

  async #tryOpen(command: string): Promise<ByteChannel> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return this.#wrap(await this.#exec(command));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (!/open fail/i.test(message)) throw connectionLost(this.#host, 'before a command could be started', { detail: quoteHostText(message), cause: error });
        if (attempt === OPEN_TRIES) {
          throw failure('channel-refused', `${this.#host}: sshd opens no more channels (${quoteHostText(message, 200)})`, {
            remedy: 'raise MaxSessions in the sshd_config of the host (its default is 10); 8 are used at most',
            cause: error,
          });
        }
        await sleep(50 * 2 ** attempt * (1 + Math.random()));
      }
    }
  }

  #exec(command: string): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      const onClose = (): void => { reject(new Error('the connection was closed')); };
      this.#client.once('close', onClose);
      try {
        this.#client.exec(command, (error, channel) => {
          this.#client.removeListener('close', onClose);
          if (error !== undefined) reject(error);
          else resolve(channel);
        });
      } catch (error) {
        this.#client.removeListener('close', onClose);
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #wrap(channel: ClientChannel): ByteChannel {
    let end: ChannelEnd = { status: undefined, signal: undefined };
    channel.once('exit', (status: number | null, signal?: string) => {
      end = { status: status ?? undefined, signal };
    });
    const ended = new Promise<ChannelEnd>((resolve) => {
      // A lost connection closes the channel without an exit: then nothing is known, and never "ok".
      channel.once('close', () => {
        this.#release();
        resolve(end);
      });
    });
    channel.on('error', () => undefined);
    return { stdin: channel, stdout: channel, stderr: channel.stderr, ended, destroy: () => { channel.close(); } };
  }
}
