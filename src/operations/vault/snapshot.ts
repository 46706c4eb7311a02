/** `vault snapshot` and `vault restore`: the whole state as the leader has it, in a file that only holders of keys can read. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { z } from 'zod';
import { failure } from '../../support/diagnostic.ts';
import type { VaultClient } from '../../services/vault/client.ts';
import type { VaultObserver } from './observe.ts';

/** Held in memory while it is encrypted: a cluster of a hospital has some megabytes. */
export const MOST_SNAPSHOT_BYTES = 1024 ** 3;
const SNAPSHOT_SECONDS = 900;

/** What is in a snapshot: an archive with the state, its description, and the digests of both (raft's snapshot format of Consul and Vault). */
export interface SnapshotContent {
  readonly bytes: number;
  /** Raft's index at that moment. */
  readonly index: number;
}

const NEEDED = ['state.bin', 'meta.json'];
const Meta = z.object({ Index: z.number() });

/**
 * Reads a snapshot and holds each part against its digest.
 *
 * @throws Diagnostic `bad-snapshot` when it is none, or damaged
 */
export async function inspectSnapshot(content: Buffer): Promise<SnapshotContent> {
  const digests = new Map<string, string>();
  let sums = '';
  let meta = '';
  try {
    const parts = extract();
    Readable.from([gunzipSync(content, { maxOutputLength: 4 * MOST_SNAPSHOT_BYTES })]).pipe(parts);
    for await (const part of parts) {
      const hash = createHash('sha256');
      let text = '';
      for await (const chunk of part) {
        const bytes = Buffer.from(chunk as Uint8Array);
        hash.update(bytes);
        if (part.header.name !== 'state.bin') text += bytes.toString('utf8');
      }
      if (part.header.name === 'SHA256SUMS') sums = text;
      else digests.set(part.header.name, hash.digest('hex'));
      if (part.header.name === 'meta.json') meta = text;
    }
  } catch (error) {
    throw failure('bad-snapshot', 'this is no snapshot of raft, or a damaged one', { detail: error instanceof Error ? error.message : String(error), remedy: 'take another one', cause: error });
  }
  const listed = sums.split('\n').filter((line) => line !== '').map((line) => line.split(/\s+/));
  const wrong = listed.filter(([sum, name]) => digests.get(name ?? '') !== sum).map(([, name]) => name ?? '');
  const vouched = NEEDED.every((name) => listed.some(([, known]) => known === name));
  if (!vouched || wrong.length > 0) throw failure('bad-snapshot', `the snapshot is damaged: ${wrong.length > 0 ? `${wrong.join(', ')} is not what was saved` : 'it has no state, no description, or no digests of them'}`, { remedy: 'take another one' });
  return { bytes: content.length, index: indexOf(meta) };
}

function indexOf(meta: string): number {
  try {
    return Meta.parse(JSON.parse(meta)).Index;
  } catch (error) {
    throw failure('bad-snapshot', 'the snapshot does not say of which moment it is', { remedy: 'take another one', cause: error });
  }
}

/** @param operator at the leader @throws VaultTrouble, Diagnostic `bad-snapshot` */
export async function takeSnapshot(operator: VaultClient, observer: VaultObserver): Promise<{ readonly content: Buffer; readonly seen: SnapshotContent }> {
  const content = await operator.bytes('sys/storage/raft/snapshot', { ...observer.limits, timeoutSeconds: SNAPSHOT_SECONDS }, MOST_SNAPSHOT_BYTES);
  return { content, seen: await inspectSnapshot(content) };
}

/**
 * Puts a snapshot in place of everything that the cluster holds.
 *
 * @param foreign true: it was taken under other keys (another cluster, or this one before it was made anew); members are sealed by them afterwards
 * @throws VaultTrouble
 */
export async function putSnapshot(operator: VaultClient, observer: VaultObserver, content: Buffer, foreign: boolean): Promise<void> {
  await operator.upload(`sys/storage/raft/snapshot${foreign ? '-force' : ''}`, content, { ...observer.limits, timeoutSeconds: SNAPSHOT_SECONDS });
}
