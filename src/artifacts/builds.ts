/** How a file of the cache was built: kept beside it, and carried along in bundles. Facts only, nothing of the day or the machine. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { isMissing } from '../support/missing.ts';
import { writeWhole } from '../support/write-whole.ts';
import { PLATFORMS } from './catalogue.ts';

export const buildRecordSchema = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  version: z.string(),
  platform: z.enum(PLATFORMS),
  module: z.string(),
  module_version: z.string(),
  /** Hash of the module's source as the checksum database has it: `h1:…`. */
  module_sum: z.string().regex(/^h1:[A-Za-z0-9+/=]+$/),
  package: z.string(),
  /** `go1.26.8` */
  toolchain: z.string(),
  settings: z.array(z.string()),
});
export type BuildRecord = z.output<typeof buildRecordSchema>;

function fileOf(directory: string, sha256: string): string {
  return path.join(directory, 'builds', `${sha256}.json`);
}

export async function writeBuildRecord(directory: string, record: BuildRecord): Promise<void> {
  const file = fileOf(directory, record.sha256);
  await mkdir(path.dirname(file), { recursive: true });
  await writeWhole(file, `${JSON.stringify(record, undefined, 1)}\n`, 0o666);
}

/** How the file with this digest was built; undefined: nothing is known of it. A record that is none is as good as absent. */
export async function readBuildRecord(directory: string, sha256: string): Promise<BuildRecord | undefined> {
  let text: string;
  try {
    text = await readFile(fileOf(directory, sha256), 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return parseRecord(text, sha256);
}

function parseRecord(text: string, sha256: string): BuildRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Half a file of a crashed machine: what it was about can be built again.
    return undefined;
  }
  const parsed = buildRecordSchema.safeParse(value);
  return parsed.success && parsed.data.sha256 === sha256 ? parsed.data : undefined;
}

/** The builds of an artefact that the cache knows of, whatever their digest. */
export async function buildsOf(directory: string, artifact: { readonly name: string; readonly version: string }): Promise<readonly BuildRecord[]> {
  let names: readonly string[];
  try {
    names = await readdir(path.join(directory, 'builds'));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  const digests = names.map((name) => /^([0-9a-f]{64})\.json$/.exec(name)?.[1]).filter((digest) => digest !== undefined);
  const records = await Promise.all(digests.sort().map(async (digest) => readBuildRecord(directory, digest)));
  return records.filter((record) => record !== undefined).filter((record) => record.name === artifact.name && record.version === artifact.version);
}
