/**
 * Asks every member directly, ten times a second, whether it takes writes, by writing: the proof that no two members ever
 * confirm rows at the same time. A member that only says that it is the primary proves nothing; a row that it confirms does.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recording } from '../../record.ts';
import { dial, WriteError, type DrillConnection, type Endpoint, type Patience } from './connection.ts';
import type { DrillLogin } from './login.ts';
import { Recorder } from '../../recorder.ts';
import type { Watcher } from './writer.ts';

export interface ProberOptions {
  /** One endpoint a member. */
  readonly members: readonly Endpoint[];
  readonly login: DrillLogin;
  readonly ca: string;
  readonly patience: Patience;
  readonly everyMs: number;
  readonly now: () => number;
}

/** The client's name in the table for the rows of a member. */
export function proberName(member: string): string {
  return `prober:${member}`;
}

export function startProber(options: ProberOptions): Watcher {
  const stopping = new AbortController();
  const recorder = new Recorder();
  const running = Promise.all(options.members.map((member) => probe(member, options, recorder, stopping.signal)));
  running.catch(() => undefined);
  return {
    recording: () => recorder.recording,
    async stop(): Promise<Recording> {
      stopping.abort();
      await running;
      return recorder.recording;
    },
  };
}

async function probe(member: Endpoint, options: ProberOptions, recorder: Recorder, stop: AbortSignal): Promise<void> {
  const client = proberName(member.label);
  let connection: DrillConnection | undefined;
  let sequence = 0;
  while (!stop.aborted) {
    const began = options.now();
    let row: number | undefined;
    try {
      connection ??= await dial(member, options.login, options.ca, options.patience);
      if (!(await connection.inRecovery())) {
        sequence += 1;
        row = sequence;
        const sentMs = options.now();
        const written = await connection.write(client, sequence);
        // The member is known by whom we have dialled, whatever address it calls its own.
        recorder.acknowledged.push({ client, sequence, sentMs, atMs: options.now(), timeline: written.timeline, server: member.label });
      }
    } catch (error) {
      if (!(error instanceof WriteError)) throw error;
      connection?.destroy();
      connection = undefined;
      recorder.fail({ client, atMs: options.now(), sequence: row, endpoint: member.label, code: error.code, message: error.message });
    }
    await sleep(Math.max(10, began + options.everyMs - options.now()));
  }
  connection?.destroy();
}
