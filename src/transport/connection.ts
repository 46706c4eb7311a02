/** What SSH and local connections share: one runner a user, downloads. */
import type { Duplex } from 'node:stream';
import { createConnection, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import type { OpenChannel } from './channel.ts';
import { interrupted } from './errors.ts';
import { openLocalChannel } from './local.ts';
import { socketTrouble } from './socket-trouble.ts';
import { startRunner, type HeldRunner } from './runner.ts';
import { canBeFirst, PendingLook } from './first-look.ts';
import type { StageHost } from './stage.ts';
import { download } from './transfer.ts';
import type { Become, Connection, ConnectionTarget, Outcome, Runner, RunRequest } from './types.ts';

/** The runners of one connection by user. */
export class RunnerPool {
  readonly #host: StageHost;
  readonly #runners = new Map<string, Promise<HeldRunner>>();

  constructor(host: StageHost) {
    this.#host = host;
  }

  /** The runner of a user, started when there is none or when it has ended. */
  async get(become: Become | undefined): Promise<Runner> {
    const user = this.#userOf(become);
    const held = this.#runners.get(user);
    if (held !== undefined && (await held).alive) return held;
    if (held !== undefined && this.#runners.get(user) !== held) return this.get(become);
    return this.#start(user, become, undefined);
  }

  /** See {@link Connection.look}. */
  async look(become: Become | undefined, request: RunRequest, signal: AbortSignal | undefined): Promise<Outcome> {
    const user = this.#userOf(become);
    if (this.#runners.has(user) || !canBeFirst(request)) return (await this.get(become)).run(request, signal);
    const look = new PendingLook(this.#host.name, request, signal);
    try {
      await this.#start(user, become, look);
    } catch (error) {
      if (error instanceof Diagnostic) look.fail(error);
      throw error;
    }
    return look.answer;
  }

  #userOf(become: Become | undefined): string {
    return become?.user ?? this.#host.loginUser;
  }

  async #start(user: string, become: Become | undefined, look: PendingLook | undefined): Promise<HeldRunner> {
    const started = startRunner(this.#host, become, look);
    this.#runners.set(user, started);
    try {
      return await started;
    } catch (error) {
      // The next caller tries again: a password may have been corrected meanwhile.
      if (this.#runners.get(user) === started) this.#runners.delete(user);
      throw error;
    }
  }

  /** Ends all runners. Never throws. */
  async close(): Promise<void> {
    const all = [...this.#runners.values()];
    this.#runners.clear();
    await Promise.all(all.map(async (runner) => {
      // A runner that failed to start was reported to whoever asked for it.
      await runner.then((r) => r.close(), () => undefined);
    }));
  }
}

/** A plain TCP stream from this machine. */
export function plainSocket(host: string, port: number): Promise<Duplex> {
  return connected(createConnection({ host, port, noDelay: true }), `${host}:${String(port)}`);
}

function connected(socket: Socket, where: string): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error): void => {
      reject(new Diagnostic({ kind: 'failed', code: 'forward-failed', summary: `cannot connect to ${where}: ${cause.message}`, cause }));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.removeListener('error', onError);
      resolve(socket);
    });
  });
}

/**
 * A connection to this machine: the same runner, spawned instead of sent over SSH.
 *
 * @param open replaced in tests to try other shells
 */
export function localConnection(target: ConnectionTarget, open: OpenChannel = openLocalChannel): Connection {
  const host: StageHost = { name: target.name, loginUser: userInfo().username, open };
  let runners = new RunnerPool(host);
  let closed = false;
  const check = (): void => {
    if (closed) throw failure('connection-closed', `${target.name}: the connection has been closed`);
  };
  return {
    target,
    async runner(become) {
      check();
      return runners.get(become);
    },
    async look(become, request, signal) {
      check();
      return runners.look(become, request, signal);
    },
    async forward(address, port) {
      check();
      return plainSocket(address, port);
    },
    async forwardSocket(path) {
      check();
      try {
        return await connected(createConnection({ path }), `the socket ${path}`);
      } catch (error) {
        throw error instanceof Diagnostic ? await socketTrouble(target.name, path, await runners.get(undefined), error) : error;
      }
    },
    async download(path, become) {
      check();
      return download(host, become, path);
    },
    async reconnect(_options, signal) {
      check();
      if (signal?.aborted === true) throw interrupted(target.name, 'the reconnection');
      await runners.close();
      runners = new RunnerPool(host);
    },
    async close() {
      closed = true;
      await runners.close();
    },
  };
}
