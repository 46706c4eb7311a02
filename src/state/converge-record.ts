/**
 * What is known of the nightly runs of an inventory on this controller: when the newest began, how it ended, what was told of it. Small
 * files, written whole, for `converge status` and for whoever looks whether a run was missed, hangs or has died; what a run did is in
 * the run history.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { badInput } from '../support/diagnostic.ts';
import { isMissing } from '../support/missing.ts';
import { writeWhole } from '../support/write-whole.ts';
import { stateDirectory } from './location.ts';

const Moment = z.iso.datetime();

const BegunSchema = z.strictObject({
  at: Moment,
  pid: z.int(),
  started: z.string(),
  bootId: z.string(),
  host: z.string(),
  /** systemd's INVOCATION_ID; null for a run by hand. */
  invocation: z.string().nullable(),
  /** Seconds after which it counts as hanging. */
  timeout: z.number(),
});

const EndedSchema = z.strictObject({
  at: Moment,
  status: z.int(),
  /** A sentence about what came of it. */
  outcome: z.string(),
  /** Why nothing, or not all, was mended; empty when there was no reason not to. */
  restraint: z.string(),
  /** Ids in the run history, in order. */
  runs: z.array(z.string()),
  hosts: z.record(z.string(), z.int()),
  mended: z.int(),
  /** What was found and left as it is, the first of them: `file /etc/motd: content (db1, db2)`. */
  left: z.array(z.string()),
  leftCount: z.int(),
  /** Whether everybody who was to be told has been; null when there was nothing to say, or nobody to tell. */
  told: z.boolean().nullable(),
  /** Things of this night that keep coming back; not there when the history could not be read, and in records of before. */
  recurring: z.int().optional(),
});

const RecordSchema = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  begun: BegunSchema.nullable(),
  ended: EndedSchema.nullable(),
  /** When one last reached every host and failed on none. */
  lastSuccess: Moment.nullable(),
  /** When the first one of this name began. Not there in records of before. */
  since: Moment.optional(),
  /** Longest time between two runs by the schedule of the newest one that has read it, in seconds. Not there in records of before. */
  interval: z.number().optional(),
  /** The drift that people have been told of: a digest of it, and when. */
  said: z.strictObject({ key: z.string(), at: Moment }).nullable(),
});

const WatchSchema = z.strictObject({
  format: z.literal(1),
  /** Since when it is watched: what was to be before is not missed. */
  since: Moment,
  /** When the newest missed run that was told of was due. */
  missed: Moment.nullable(),
  /** When the newest run that was told of as dead or hanging had begun. */
  broken: Moment.nullable(),
  /** When somebody last looked. */
  looked: Moment.nullable(),
  /** What systemd has said of a run that failed, once, and nobody could be told of: to be told of yet. Not there in records of before. */
  pending: z.strictObject({ what: z.enum(['hung', 'died']), at: Moment, text: z.string() }).optional(),
});

export type ConvergeBegun = z.output<typeof BegunSchema>;
export type ConvergeEnded = z.output<typeof EndedSchema>;
export type ConvergeRecord = z.output<typeof RecordSchema>;
export type ConvergeWatch = z.output<typeof WatchSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

function fileOf(name: string, part: 'run' | 'watch', environment: Environment): string {
  return path.join(stateDirectory(environment), 'converge', `${name}.${part}.json`);
}

function read<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw badInput('bad-converge-record', `${file} cannot be read: ${error instanceof Error ? error.message.split('\n')[0] ?? '' : String(error)}`, { remedy: 'move it away; the next run writes a new one', cause: error });
  }
}

async function write(file: string, value: unknown): Promise<void> {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeWhole(file, `${JSON.stringify(value, undefined, 1)}\n`);
}

/** @returns undefined when no run has begun @throws Diagnostic `bad-converge-record` */
export function readRecord(name: string, environment: Environment): ConvergeRecord | undefined {
  return read(fileOf(name, 'run', environment), RecordSchema);
}

export async function writeRecord(record: ConvergeRecord, environment: Environment): Promise<void> {
  await write(fileOf(record.name, 'run', environment), record);
}

/** @returns undefined when nobody watches @throws Diagnostic `bad-converge-record` */
export function readWatch(name: string, environment: Environment): ConvergeWatch | undefined {
  return read(fileOf(name, 'watch', environment), WatchSchema);
}

export async function writeWatch(name: string, watch: ConvergeWatch, environment: Environment): Promise<void> {
  await write(fileOf(name, 'watch', environment), watch);
}

/** Where the files of a name are, for who takes them away. */
export function recordFiles(name: string, environment: Environment): readonly string[] {
  return [fileOf(name, 'run', environment), fileOf(name, 'watch', environment)];
}
