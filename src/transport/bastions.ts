/** Connections to bastions, shared by all hosts behind them. */
import type { Duplex } from 'node:stream';
import pLimit, { type LimitFunction } from 'p-limit';
import type { Client, ClientCallback } from 'ssh2';
import { interrupted } from './errors.ts';
import { cannotConnect, openClient, openTcp, type SshSettings } from './ssh-client.ts';
import type { Hop } from './route.ts';

interface Bastion {
  readonly client: Promise<Client>;
  /** Handshakes through it at once. */
  readonly limit: LimitFunction;
}

export class BastionPool {
  readonly #bastions = new Map<string, Bastion>();
  readonly #settings: SshSettings;
  readonly #handshakes: number;
  readonly #direct: LimitFunction;

  /** @param handshakes at once through one bastion, and eight times that directly from here */
  constructor(settings: SshSettings, handshakes: number) {
    this.#settings = settings;
    this.#handshakes = handshakes;
    this.#direct = pLimit(handshakes * 8);
  }

  /**
   * Logs in to a hop through its bastions.
   *
   * @param finish what to do with the stream to the hop; runs within the bound on handshakes
   */
  async through<T>(bastions: readonly Hop[], hop: Hop, signal: AbortSignal | undefined, finish: (open: () => Promise<Duplex>) => Promise<T>): Promise<T> {
    const last = bastions.at(-1);
    if (last === undefined) return this.#direct(() => finish(() => openTcp(hop, signal)));
    const bastion = this.#bastion(bastions);
    const client = await orAborted(bastion.client, signal, hop.label);
    return bastion.limit(() => finish(() => forwardOut(client, hop.host, hop.port, (why, cause) => cannotConnect(hop, `${why} (through ${last.label})`, cause))));
  }

  #bastion(chain: readonly Hop[]): Bastion {
    const key = chain.map((hop) => `${hop.user}@${hop.host}:${String(hop.port)}`).join(',');
    const known = this.#bastions.get(key);
    if (known !== undefined) return known;
    const forget = (): void => {
      if (this.#bastions.get(key) === made) this.#bastions.delete(key);
    };
    const made: Bastion = { client: this.#open(chain, forget), limit: pLimit(this.#handshakes) };
    this.#bastions.set(key, made);
    // One that could not be reached is tried again by the next host that needs it, not held against it.
    made.client.catch(forget);
    return made;
  }

  async #open(chain: readonly Hop[], forget: () => void): Promise<Client> {
    const hop = chain.at(-1);
    if (hop === undefined) throw new Error('a bastion chain is never empty');
    // No abort signal: the bastion is shared, one host's cancellation must not take it from the others.
    const client = await this.through(chain.slice(0, -1), hop, undefined, (open) => openClient(hop, open, this.#settings, undefined));
    client.once('close', forget);
    await warmUp(client);
    return client;
  }

  /** Closes all. Never throws. */
  async close(): Promise<void> {
    const all = [...this.#bastions.values()];
    this.#bastions.clear();
    await Promise.all(all.map((bastion) => bastion.client.then((client) => { client.end(); }, () => undefined)));
  }
}

/** Waits for something shared without taking it from the others when this one gives up. */
function orAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined, label: string): Promise<T> {
  if (signal === undefined) return shared;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => { reject(interrupted(label, 'the connection')); };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    shared.then(resolve, reject).finally(() => { signal.removeEventListener('abort', onAbort); });
  });
}

/**
 * Runs `true` once: sshd turns Nagle's delay off when a session channel is opened, not for forwarded
 * streams alone, and every turn through the bastion would take 44 ms (measured).
 */
function warmUp(client: Client): Promise<void> {
  return new Promise((resolve) => {
    client.exec('true', (error, channel) => {
      // A bastion that allows forwarding only (a no-shell account) refuses this; it is slower, not wrong.
      if (error !== undefined) {
        resolve();
        return;
      }
      channel.once('close', () => { resolve(); });
      channel.resume();
      channel.stderr.resume();
      channel.end();
    });
  });
}

/** A direct-tcpip stream as seen from the other end of a client. */
export function forwardOut(client: Client, host: string, port: number, explain: (why: string, cause: unknown) => Error): Promise<Duplex> {
  return openStream(client, (done) => client.forwardOut('127.0.0.1', 0, host, port, done), explain);
}

/** A stream to a UNIX socket at the other end of a client (PROTOCOL of OpenSSH, section 2.4). */
export function forwardOutSocket(client: Client, path: string, explain: (why: string, cause: unknown) => Error): Promise<Duplex> {
  return openStream(client, (done) => client.openssh_forwardOutStreamLocal(path, done), explain);
}

/** sshd keeps a channel open whose service has gone, until this side has nothing more to say either; nobody here waits for that. */
function closedByEither(channel: Duplex): Duplex {
  channel.allowHalfOpen = false;
  return channel;
}

function openStream(client: Client, begin: (done: ClientCallback) => void, explain: (why: string, cause: unknown) => Error): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => { reject(explain('the connection was lost', undefined)); };
    client.once('close', onClose);
    try {
      begin((error, channel) => {
        client.removeListener('close', onClose);
        if (error !== undefined) reject(explain(error.message, error));
        else resolve(closedByEither(channel));
      });
    } catch (error) {
      client.removeListener('close', onClose);
      reject(explain(error instanceof Error ? error.message : String(error), error));
    }
  });
}
