/** The watching client: numbered entries at a fixed pace, through whichever member takes them, as an application with a list of addresses would. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterHost } from '../../operations/inventory.ts';
import type { VaultObserver } from '../../operations/vault/observe.ts';
import type { VaultClient } from '../../services/vault/client.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import type { Recording } from '../record.ts';
import { Recorder } from '../recorder.ts';

export const DRILL_MOUNT = 'care-drill';
export const WRITER = 'writer';

const EVERY_MS = 50;
/** What an application would wait for one answer. */
const PATIENCE_SECONDS = 2;
/** Between two rounds through all members when none takes the entry. */
const PAUSE_MS = 50;

export interface WriterOptions {
  readonly observer: VaultObserver;
  readonly members: readonly ClusterHost[];
  readonly token: Secret;
  /** Milliseconds since the watching began. */
  readonly now: () => number;
}

export interface Writer {
  recording(): Recording;
  stop(): Promise<Recording>;
}

/** A word for the table of errors. */
function codeOf(error: VaultTrouble | Diagnostic): string {
  if (error instanceof Diagnostic) return error.code;
  return error.trouble.status === undefined ? error.trouble.kind : String(error.trouble.status);
}

export function startWriter({ observer, members, token, now }: WriterOptions): Writer {
  const recorder = new Recorder();
  const stopping = new AbortController();
  const limits = { signal: new AbortController().signal, timeoutSeconds: PATIENCE_SECONDS };
  const clients = new Map<string, VaultClient>();
  const clientOf = (host: ClusterHost): VaultClient => {
    const known = clients.get(host.name) ?? observer.client(host, { type: 'token', token });
    clients.set(host.name, known);
    return known;
  };
  const failed = (sequence: number, host: ClusterHost, error: unknown): void => {
    if (!(error instanceof VaultTrouble) && !(error instanceof Diagnostic)) throw error;
    const message = error instanceof VaultTrouble ? error.trouble.msg : error.message;
    recorder.fail({ client: WRITER, atMs: now(), sequence, endpoint: host.name, code: codeOf(error), message });
  };
  const work = async (): Promise<void> => {
    let preferred = 0;
    for (let sequence = 1; !stopping.signal.aborted; ) {
      const host = members[preferred % members.length];
      if (host === undefined) return;
      const sentMs = now();
      try {
        await clientOf(host).write(`${DRILL_MOUNT}/${WRITER}/${String(sequence)}`, { n: sequence }, limits);
        recorder.acknowledged.push({ client: WRITER, sequence, sentMs, atMs: now(), timeline: 0, server: host.name });
        sequence += 1;
        await sleep(Math.max(0, sentMs + EVERY_MS - now()));
      } catch (error) {
        failed(sequence, host, error);
        // A connection that broke is made anew; the same entry is tried at the next member. It may be there already: writing it twice is the same.
        clients.delete(host.name);
        preferred += 1;
        await sleep(PAUSE_MS);
      }
    }
  };
  const running = work();
  // Whoever stops it hears of a defect; until then it must not end the process.
  running.catch(() => undefined);
  return {
    recording: () => recorder.recording,
    async stop() {
      stopping.abort();
      await running;
      await Promise.all([...clients.values()].map((client) => client.close()));
      return recorder.recording;
    },
  };
}
