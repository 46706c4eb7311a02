/** The watching client: numbered entries at a fixed pace, through whichever member takes them, as an application with a list of addresses would. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultClient } from '../../services/vault/client.ts';
import type { VaultAuth } from '../../services/vault/login.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import type { Recording } from '../record.ts';
import { Recorder } from '../recorder.ts';

export const DRILL_MOUNT = 'care-drill';
export const WRITER = 'writer';

const EVERY_MS = 50;
/** What an application would wait for one answer. */
const PATIENCE_SECONDS = 2;
/** Between two rounds through all members when none takes the entry. */
const PAUSE_MS = 50;

/** What is asked of a member is its name, and of whoever reaches it. */
export interface WriterOptions<H extends { readonly name: string }> {
  readonly observer: { client(host: H, auth: VaultAuth): VaultClient };
  readonly members: readonly H[];
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

export function startWriter<H extends { readonly name: string }>({ observer, members, token, now }: WriterOptions<H>): Writer {
  const recorder = new Recorder();
  const stopping = new AbortController();
  // An entry that is under way when it is stopped is heard out: it counts.
  const limits = { signal: uninterrupted(), timeoutSeconds: PATIENCE_SECONDS };
  const clients = new Map<string, VaultClient>();
  const clientOf = (host: H): VaultClient => {
    const known = clients.get(host.name) ?? observer.client(host, { type: 'token', token });
    clients.set(host.name, known);
    return known;
  };
  const failed = (sequence: number, host: H, error: unknown): void => {
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
        const broken = clients.get(host.name);
        clients.delete(host.name);
        await broken?.close();
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
