import { randomBytes, createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PassThrough } from 'node:stream';
import { expect, it, type TestContext } from 'vitest';
import { attachFile, sh, type Attachment } from '../../../src/support/shell.ts';
import type { ByteChannel } from '../../../src/transport/channel.ts';
import { localConnection } from '../../../src/transport/connection.ts';
import { openLocalChannel } from '../../../src/transport/local.ts';
import type { Runner } from '../../../src/transport/types.ts';
import { dir, directories, has, request, target, text } from './local-runner.ts';

/** A connection that counts what is sent, its answers late by some milliseconds. */
async function counted(context: Pick<TestContext, 'onTestFinished'>, delayMs: number): Promise<{ readonly runner: Runner; readonly sent: () => number; readonly channels: () => number }> {
  let bytes = 0;
  let channels = 0;
  const connection = localConnection(target, async (command): Promise<ByteChannel> => {
    channels += 1;
    const channel = await openLocalChannel(command);
    const stdin = new PassThrough();
    stdin.on('data', (chunk: Buffer) => { bytes += chunk.length; });
    stdin.pipe(channel.stdin);
    const stdout = new PassThrough();
    void (async () => {
      for await (const chunk of channel.stdout) {
        await sleep(delayMs);
        stdout.write(chunk as Buffer);
      }
      stdout.end();
    })();
    const read = new Promise((resolve) => { stdout.once('end', resolve); });
    return { ...channel, stdin, stdout, ended: read.then(() => channel.ended), destroy: () => { channel.destroy(); } };
  });
  context.onTestFinished(() => connection.close());
  const runner = await connection.runner(undefined);
  await runner.run(request('true'));
  return { runner, sent: () => bytes, channels: () => channels };
}

function large(name: string, content: Buffer): Attachment {
  writeFileSync(join(dir, name), content);
  return attachFile(join(dir, name), content.length, createHash('sha256').update(content).digest('hex'));
}

it('sends a large file once for all scripts that need it, and again when its content is another', async (context) => {
  const { runner, channels } = await counted(context, 0);
  const [, kept] = await directories(runner);
  const file = large('once', randomBytes(1_200_000));
  const run = async (each: Attachment): Promise<string> => text(await runner.run({ script: sh`sha256sum <${each} | cut -c1-16; mv ${each} "$care_files"/moved`, timeoutSeconds: 20 })).trim();
  const before = channels();
  expect([await run(file), await run(file), await run(file)]).toEqual([file.id, file.id, file.id]);
  expect(channels() - before).toBe(1);
  const other = large('other', randomBytes(1_200_000));
  expect(await run(other)).toBe(other.id);
  expect(channels() - before).toBe(2);
  expect(readdirSync(`${kept ?? ''}/u`).sort()).toEqual([file.id, other.id].sort());
});

it('does not take a file that has changed since it was named for what it was', async (context) => {
  const { runner, channels } = await counted(context, 0);
  const file = large('changes', Buffer.alloc(1_200_000, 'a'));
  writeFileSync(join(dir, 'changes'), Buffer.alloc(1_200_000, 'b'));
  const before = channels();
  for (let i = 0; i < 2; i += 1) expect(text(await runner.run({ script: sh`head -c 1 ${file}`, timeoutSeconds: 20 }))).toBe('b');
  expect(channels() - before).toBe(2);
});

it.skipIf(!has('gzip'))('packs what shrinks for a host that is far, and nothing for one that is near', async (context) => {
  const shrinks = Buffer.alloc(2_000_000, 'as it is in a text, ');
  for (const [delay, most] of [[0, 3_000_000], [60, 100_000]] as const) {
    const { runner, sent } = await counted(context, delay);
    const before = sent();
    const file = large(`packed-${String(delay)}`, shrinks);
    expect(text(await runner.run({ script: sh`wc -c <${file}`, timeoutSeconds: 20 })).trim()).toBe('2000000');
    expect(sent() - before < most).toBe(true);
    expect(sent() - before > 2_000_000).toBe(delay === 0);
    const row = await runner.chain([request('echo one'), request(`true '${'x'.repeat(50_000)}'`), request('echo three')]);
    expect(row.map(text)).toEqual(['one\n', '', 'three\n']);
    expect(sent() - before < most + 50_000).toBe(true);
    // What does not shrink goes as it is, and arrives whole.
    const noise = large(`noise-${String(delay)}`, randomBytes(1_100_000));
    expect(text(await runner.run({ script: sh`sha256sum <${noise} | cut -c1-16`, timeoutSeconds: 20 })).trim()).toBe(noise.id);
  }
});
