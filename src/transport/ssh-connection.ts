/** A connection to one host over SSH. */
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'ssh2';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { forwardOut, forwardOutSocket, type BastionPool } from './bastions.ts';
import { RunnerPool } from './connection.ts';
import { connectionLost, interrupted } from './errors.ts';
import type { Route } from './route.ts';
import { ChannelOpener } from './ssh-channel.ts';
import { openClient, type SshSettings } from './ssh-client.ts';
import { socketTrouble } from './socket-trouble.ts';
import type { StageHost } from './stage.ts';
import { download } from './transfer.ts';
import type { Connection, ConnectionTarget } from './types.ts';

/** While a host boots, pam_nologin refuses everyone but root: some refusals in a row are part of it. */
const MOST_REFUSALS = 6;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8000;
const END_MS = 3000;

interface Live {
  readonly client: Client;
  readonly host: StageHost;
  readonly runners: RunnerPool;
  lost: boolean;
}

export async function openSshConnection(target: ConnectionTarget, route: Route, bastions: BastionPool, settings: SshSettings, signal?: AbortSignal): Promise<Connection> {
  const sockets: Socket[] = [];
  const login = async (abort: AbortSignal | undefined): Promise<Live> => {
    const client = await bastions.through(route.bastions, route.target, abort, (open) => openClient(route.target, async () => {
      const stream = await open();
      if (stream instanceof Socket) sockets.push(stream);
      return stream;
    }, settings, abort));
    const opener = new ChannelOpener(client, target.name);
    const host: StageHost = { name: target.name, loginUser: route.target.user, open: (command) => opener.open(command) };
    const made: Live = { client, host, runners: new RunnerPool(host), lost: false };
    client.once('close', () => { made.lost = true; });
    return made;
  };
  let live: Live | undefined = await login(signal);

  const current = (): Live => {
    if (live === undefined) throw failure('connection-closed', `${target.name}: the connection has been closed`);
    if (live.lost) throw connectionLost(target.name, 'between scripts');
    return live;
  };
  /** Ends the runners, which have cleaned up on the host when they are gone, and begins to end the connection. */
  const leave = async (): Promise<Client | undefined> => {
    const old = live;
    live = undefined;
    if (old?.lost === false) await old.runners.close();
    return old?.client;
  };

  return {
    target,
    traffic: () => (route.bastions.length > 0 ? undefined : { sent: sum(sockets, (s) => s.bytesWritten), received: sum(sockets, (s) => s.bytesRead) }),
    runner: (become) => Promise.resolve().then(() => current().runners.get(become)),
    look: (become, request, abort) => Promise.resolve().then(() => current().runners.look(become, request, abort)),
    forward: (host, port) => Promise.resolve().then(() => forwardOut(current().client, host, port, (why, cause) => cannotForward(target.name, `${host}:${String(port)}`, why, cause, 'see that the service listens there, and that sshd allows it (AllowTcpForwarding)'))),
    forwardSocket: async (path) => {
      await Promise.resolve();
      const { client, runners } = current();
      try {
        return await forwardOutSocket(client, path, (why, cause) => cannotForward(target.name, `the socket ${path}`, why, cause, 'see that sshd allows it (AllowStreamLocalForwarding)'));
      } catch (error) {
        // sshd gives one answer for all reasons ("open failed"), so the host is asked which one it is.
        throw error instanceof Diagnostic && error.kind === 'failed' ? await socketTrouble(target.name, path, await runners.get(undefined), error) : error;
      }
    },
    download: (path, become) => Promise.resolve().then(() => download(current().host, become, path)),
    async reconnect({ waitSeconds }, abort) {
      const old = await leave();
      if (old !== undefined) await endClient(old);
      live = await loginWithin(login, target.name, waitSeconds, abort);
    },
    async close() {
      const old = await leave();
      // Nothing depends on the host's answer to that, which would take another turn on the wire.
      if (old !== undefined) void endClient(old);
    },
  };
}

function cannotForward(name: string, where: string, why: string, cause: unknown, remedy: string): Diagnostic {
  return new Diagnostic({
    // The host answered that it can't: it is there, what was asked for is not. RFC 4254 section 5.1 has the host say why.
    kind: cause instanceof Error && 'reason' in cause && typeof cause.reason === 'number' ? 'failed' : 'unreachable',
    code: 'forward-failed',
    summary: `${name}: cannot reach ${where} from there: ${why}`,
    remedy,
    cause,
  });
}

/** Tries to log in until the time is over; gives up at once on what waiting does not mend. */
async function loginWithin(login: (signal: AbortSignal | undefined) => Promise<Live>, name: string, waitSeconds: number, signal: AbortSignal | undefined): Promise<Live> {
  const deadline = performance.now() + waitSeconds * 1000;
  let pause = FIRST_PAUSE_MS;
  let refusals = 0;
  for (;;) {
    try {
      return await login(signal);
    } catch (error) {
      if (!(error instanceof Diagnostic) || error.kind !== 'unreachable' || error.code.startsWith('host-')) throw error;
      if (error.code === 'authentication-failed') {
        refusals += 1;
        // Repeated failures get this machine banned (PerSourcePenalties, fail2ban): few, and slowly.
        pause = LONGEST_PAUSE_MS;
        if (refusals >= MOST_REFUSALS) throw error;
      }
      if (performance.now() + pause > deadline) {
        throw new Diagnostic({
          kind: 'unreachable',
          code: 'did-not-come-back',
          summary: `${name}: it did not come back within ${String(waitSeconds)} seconds`,
          detail: error.message,
          remedy: 'look at its console; then run again',
          cause: error,
        });
      }
    }
    await sleep(pause, undefined, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
      throw signal?.aborted === true ? interrupted(name, 'waiting for it to come back') : cause;
    });
    pause = Math.min(LONGEST_PAUSE_MS, pause * 1.6);
  }
}

function sum(sockets: readonly Socket[], count: (socket: Socket) => number): number {
  return sockets.reduce((total, socket) => total + count(socket), 0);
}

async function endClient(client: Client): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      client.destroy();
      resolve();
    }, END_MS);
    client.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    client.end();
  });
}
