/**
 * The watching client: numbered objects at a fixed pace, and an earlier one read back each time through the next place. What fails is
 * tried again as the SDKs of S3 do it; only what fails in all tries is an error for an application.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../operations/minio/store.ts';
import { S3Client } from '../../services/s3/client.ts';
import { S3Trouble } from '../../services/s3/trouble.ts';
import type { Count, Recording } from '../record.ts';
import { Recorder } from '../recorder.ts';
import { DRILL_NAME, type Account } from './admin.ts';
import { bodyOf, objectPath } from './body.ts';
import { clientAt, type Place } from './places.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';

export interface WriterOptions {
  readonly store: Store;
  readonly ca: string;
  /** Where it goes from now on, in turn. */
  readonly places: () => readonly Place[];
  readonly seed: string;
  /** Whose keys count from now on. */
  readonly account: () => Account;
  readonly now: () => number;
}

export interface ObjectWriter {
  recording(): Recording;
  counts(): readonly Count[];
  stop(): Promise<void>;
}

const EVERY_MS = 200;
/**
 * For half a minute, with pauses that grow: as long as an application tries that is told to (botocore: `retries={"mode": "standard",
 * "max_attempts": 8}`, whose pauses double). Nodes that are started together need some seconds, on a busy machine twenty.
 */
export const TRIES = 12;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 3000;
const TRY_SECONDS = 5;
const CLIENT = 'writer';

class Unexpected extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The reason in one word and one line. @throws what is no trouble of the store's */
function reasonOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof Unexpected) return { code: error.code, message: error.message };
  if (error instanceof S3Trouble) return { code: error.trouble.code ?? error.trouble.kind, message: error.trouble.msg.split('\n')[0] ?? '' };
  throw error;
}

export function startObjectWriter(options: WriterOptions): ObjectWriter {
  const { store, ca, seed, now } = options;
  const recorder = new Recorder();
  const stopping = new AbortController();
  const clients = new Map<string, S3Client>();
  let [requests, retried, failed, turn] = [0, 0, 0, 0];

  const clientOf = (place: Place): S3Client => {
    const account = options.account();
    const id = `${place.label} ${account.name}`;
    const made = clients.get(id) ?? clientAt(store, place, account, ca);
    clients.set(id, made);
    return made;
  };
  /** @returns when it was sent and answered, and by which place; undefined: it failed in all tries */
  const tried = async (sequence: number, work: (client: S3Client) => Promise<void>): Promise<{ readonly sentMs: number; readonly place: Place } | undefined> => {
    requests += 1;
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const places = options.places();
      const place = places[(turn++) % places.length];
      if (place === undefined) return undefined;
      if (tries > 1) retried += 1;
      const sentMs = now();
      try {
        await work(clientOf(place));
        return { sentMs, place };
      } catch (error) {
        recorder.fail({ client: CLIENT, atMs: now(), sequence, endpoint: place.label, ...reasonOf(error) });
        await sleep(Math.min(PAUSE_MS * tries, LONGEST_PAUSE_MS));
      }
    }
    failed += 1;
    return undefined;
  };
  const limits = { timeoutSeconds: TRY_SECONDS, signal: uninterrupted() };
  const write = async (sequence: number): Promise<void> => {
    const done = await tried(sequence, async (client) => {
      const answer = await client.send({ method: 'PUT', path: objectPath(DRILL_NAME, sequence), body: bodyOf(seed, sequence) }, limits);
      if (answer.status !== 200) throw new Unexpected(String(answer.status), `PUT: ${answer.body.toString('utf8').slice(0, 200)}`);
    });
    if (done !== undefined) recorder.acknowledged.push({ client: CLIENT, sequence, sentMs: done.sentMs, atMs: now(), timeline: 1, server: done.place.label });
  };
  const readBack = async (): Promise<void> => {
    const row = recorder.acknowledged[Math.floor(Math.random() * recorder.acknowledged.length)];
    if (row === undefined) return;
    await tried(row.sequence, async (client) => {
      const answer = await client.send({ method: 'GET', path: objectPath(DRILL_NAME, row.sequence) }, limits);
      if (answer.status !== 200) throw new Unexpected(String(answer.status), `GET: ${answer.body.toString('utf8').slice(0, 200)}`);
      if (!answer.body.equals(bodyOf(seed, row.sequence))) throw new Unexpected('wrong-bytes', 'GET: the object holds other bytes than were written');
    });
  };
  const running = (async () => {
    for (let sequence = 1; !stopping.signal.aborted; sequence += 1) {
      const began = now();
      await write(sequence);
      await readBack();
      await sleep(Math.max(10, began + EVERY_MS - now()));
    }
  })();
  // A defect is heard of when it is stopped.
  running.catch(() => undefined);
  return {
    recording: () => recorder.recording,
    counts: () => [
      { name: 'requests', label: 'requests were made, writes and reads', count: requests, most: undefined },
      { name: 'retried', label: 'times something was tried again', count: retried, most: undefined },
      { name: 'failed_requests', label: `requests failed in all ${String(TRIES)} tries`, count: failed, most: 0 },
    ],
    async stop() {
      stopping.abort();
      await running;
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}
