import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { inspectSnapshot } from '../../../src/operations/vault/snapshot.ts';

const PARTS = { 'meta.json': '{"Version":1,"Index":42}', 'state.bin': 'all that there is' };
const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** @param summed the parts whose digests are listed */
async function snapshot(parts: Readonly<Record<string, string>> = PARTS, summed: readonly string[] = Object.keys(parts), said: Readonly<Record<string, string>> = parts): Promise<Buffer> {
  const archive = pack();
  for (const [name, text] of Object.entries(parts)) archive.entry({ name }, text);
  archive.entry({ name: 'SHA256SUMS' }, summed.map((name) => `${sumOf(said[name] ?? '')}  ${name}\n`).join(''));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(Buffer.from(chunk as Uint8Array));
  return gzipSync(Buffer.concat(chunks));
}

test('a whole one tells of which moment it is', async () => {
  expect(await inspectSnapshot(await snapshot())).toMatchObject({ index: 42 });
});

test.each<[string, () => Promise<Buffer>]>([
  ['one that is cut off', async () => (await snapshot()).subarray(0, 100)],
  ['a state that is another one', () => snapshot(PARTS, undefined, { ...PARTS, 'state.bin': 'x' })],
  ['a state that no digest vouches for', () => snapshot(PARTS, ['meta.json'])],
  ['one without a description', () => snapshot({ 'state.bin': 'x' })],
  ['a description that is none', () => snapshot({ ...PARTS, 'meta.json': 'x' })],
])('%s is refused', async (_what, made) => {
  await expect(inspectSnapshot(await made())).rejects.toMatchObject({ code: 'bad-snapshot' });
});
