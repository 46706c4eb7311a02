/**
 * The watching client: numbered rows at a fixed pace through the write endpoint, as an application would write them. It
 * reconnects at once, to the next endpoint in turn, as libpq does with several hosts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recording } from '../../record.ts';
import { Recorder } from '../../recorder.ts';
import { dial, WriteError, type DrillConnection, type Endpoint, type Patience } from './connection.ts';
import type { DrillLogin } from './login.ts';

export interface WriterOptions {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly login: DrillLogin;
  readonly ca: string;
  readonly patience: Patience;
  /** Milliseconds from one row to the next; a row that takes longer delays the next, and none pile up. */
  readonly everyMs: number;
  /** Milliseconds since the watching began. */
  readonly now: () => number;
}

export interface Watcher {
  /** What was seen so far. */
  recording(): Recording;
  /** Ends the row in hand and closes. */
  stop(): Promise<Recording>;
}

/** Between two rounds through all endpoints when none takes us. */
const PAUSE_MS = 20;

function asWriteError(error: unknown): WriteError {
  if (error instanceof WriteError) return error;
  throw error;
}

export function startWriter(options: WriterOptions): Watcher {
  const { name, endpoints, now } = options;
  const recorder = new Recorder();
  const stopping = new AbortController();
  const stopped = (): boolean => stopping.signal.aborted;
  let sequence = 0;
  let preferred = 0;

  const failed = (error: unknown, endpoint: Endpoint, row: number | undefined): void => {
    const { code, message } = asWriteError(error);
    recorder.fail({ client: name, atMs: now(), sequence: row, endpoint: endpoint.label, code, message });
  };

  /** The first endpoint that takes us, from the one that did last; undefined when none does. */
  const connect = async (): Promise<DrillConnection | undefined> => {
    for (let i = 0; i < endpoints.length && !stopped(); i += 1) {
      const at = (preferred + i) % endpoints.length;
      const endpoint = endpoints[at];
      if (endpoint === undefined) continue;
      let connection: DrillConnection | undefined;
      try {
        connection = await dial(endpoint, options.login, options.ca, options.patience);
        // libpq's target_session_attrs=read-write: a replica is passed over, which is no error.
        if (endpoint.member && (await connection.inRecovery())) {
          connection.destroy();
          continue;
        }
        preferred = at;
        return connection;
      } catch (error) {
        connection?.destroy();
        failed(error, endpoint, undefined);
      }
    }
    return undefined;
  };

  const work = async (): Promise<void> => {
    let connection: DrillConnection | undefined;
    while (!stopped()) {
      connection ??= await connect();
      if (connection === undefined) {
        await sleep(PAUSE_MS);
        continue;
      }
      sequence += 1;
      const sentMs = now();
      try {
        const row = await connection.write(name, sequence);
        recorder.acknowledged.push({ client: name, sequence, sentMs, atMs: now(), ...row });
        await sleep(Math.max(0, sentMs + options.everyMs - now()));
      } catch (error) {
        failed(error, connection.endpoint, sequence);
        connection.destroy();
        connection = undefined;
        preferred = (preferred + 1) % endpoints.length;
      }
    }
    connection?.destroy();
  };
  const running = work();
  // Whoever stops it hears of a defect; until then it must not end the process.
  running.catch(() => undefined);
  return {
    recording: () => recorder.recording,
    async stop() {
      stopping.abort();
      await running;
      return recorder.recording;
    },
  };
}
