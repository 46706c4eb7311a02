/** Downloads that are cut, sent on, too large or too slow. The server is on the loopback. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cachedPath } from '../../../src/artifacts/cache.ts';
import { artifactSchema } from '../../../src/artifacts/catalogue.ts';
import { download, obtain } from '../../../src/artifacts/download.ts';
import { fetchAll, wantingOf, type FetchProgress } from '../../../src/artifacts/fetch-all.ts';
import { refusal } from '../../../src/artifacts/request.ts';
import { ranged, testServer, type TestServer } from './server.ts';

const BYTES = Buffer.alloc(300_000, 'abcdefg');
const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const SHA = digest(BYTES);
const quick = { pauseSeconds: 0.01 };
let directory = '';
let server: TestServer;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'care-download-'));
  server = await testServer();
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});
const incoming = (): readonly string[] => readdirSync(join(directory, 'incoming'));

describe('resume', () => {
  test('goes on where it was cut, as often as there is progress', async () => {
    server.answers.set('/f', ranged(BYTES, { after: 60_000, cache: directory }));
    const got = await download(directory, 'f', `${server.base}/f`, SHA, quick);
    expect(readFileSync(got.path).equals(BYTES)).toBe(true);
    expect(server.asked).toEqual(['/f', '/f bytes=60000-', '/f bytes=120000-', '/f bytes=180000-', '/f bytes=240000-']);
    expect(incoming()).toEqual([]);
  });

  test('a later run goes on with what an earlier one left', async () => {
    server.answers.set('/f', (request, response) => { if (request.headers.range === undefined) ranged(BYTES, { after: 100_000, cache: directory })(request, response); else response.destroy(); });
    await expect(download(directory, 'f', `${server.base}/f`, SHA, quick)).rejects.toMatchObject({ code: 'download-failed' });
    expect(incoming()).toEqual([`${SHA}.part`]);
    server.asked.length = 0;
    server.answers.set('/f', ranged(BYTES));
    expect((await download(directory, 'f', `${server.base}/f`, SHA, quick)).size).toBe(BYTES.length);
    expect(server.asked).toEqual(['/f bytes=100000-']);
  });

  test('takes over from a process that is gone, leaves alone what another one has in hand, throws old parts away', async () => {
    const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, '_');
    const gone = spawnSync('true').pid;
    mkdirSync(join(directory, 'incoming'), { recursive: true });
    const part = (name: string): void => { writeFileSync(join(directory, 'incoming', name), BYTES.subarray(0, 50_000)); };
    part(`${SHA}.${host}.${String(gone)}.abcdef.part`);
    const busy = `${SHA}.${host}.${String(process.ppid)}.abcdef.part`;
    part(busy);
    const old = `${'0'.repeat(64)}.part`;
    part(old);
    utimesSync(join(directory, 'incoming', old), new Date('2026-01-01'), new Date('2026-01-01'));
    const young = `${'1'.repeat(64)}.part`;
    part(young);
    server.answers.set('/f', ranged(BYTES));
    await download(directory, 'f', `${server.base}/f`, SHA, quick);
    expect(server.asked).toEqual(['/f bytes=50000-']);
    expect(incoming()).toEqual([young, busy].sort());
  });

  test('a server that knows no ranges sends all of it again', async () => {
    let times = 0;
    server.answers.set('/f', (request, response) => {
      times += 1;
      if (times === 1) ranged(BYTES, { after: 1000, cache: directory })(request, response);
      else response.end(BYTES);
    });
    expect((await download(directory, 'f', `${server.base}/f`, SHA, quick)).size).toBe(BYTES.length);
    expect(server.asked).toEqual(['/f', '/f bytes=1000-']);
  });

  test('a part that is of another file is given up, and all of it fetched', async () => {
    mkdirSync(join(directory, 'incoming'), { recursive: true });
    writeFileSync(join(directory, 'incoming', `${SHA}.part`), Buffer.alloc(1000, 'X'));
    server.answers.set('/f', ranged(BYTES));
    expect((await download(directory, 'f', `${server.base}/f`, SHA, quick)).sha256).toBe(SHA);
    expect(server.asked).toEqual(['/f bytes=1000-', '/f']);
  });

  test('an answer that begins elsewhere is not put in', async () => {
    mkdirSync(join(directory, 'incoming'), { recursive: true });
    writeFileSync(join(directory, 'incoming', `${SHA}.part`), BYTES.subarray(0, 1000));
    server.answers.set('/f', (_request, response) => { response.writeHead(206, { 'content-range': `bytes 5-9/${String(BYTES.length)}` }).end('abcde'); });
    await expect(download(directory, 'f', `${server.base}/f`, SHA, quick)).rejects.toMatchObject({ detail: expect.stringContaining('another part') as string });
  });
});

describe('what is not the file', () => {
  test('a wrong checksum leaves nothing behind', async () => {
    server.answers.set('/f', ranged(BYTES));
    await expect(obtain(directory, { name: 'etcd 1', sha256: digest('other'), url: `${server.base}/f` }, quick)).rejects.toMatchObject({ code: 'wrong-checksum', detail: expect.stringContaining(SHA) as string });
    expect(incoming()).toEqual([]);
    expect(existsSync(join(directory, 'sha256'))).toBe(false);
  });

  test('a body shorter than was said is no file, even where the digest is not known', async () => {
    server.answers.set('/f', ranged(BYTES, { after: 1000, cache: directory }));
    await expect(download(directory, 'f', `${server.base}/f`, undefined, quick)).rejects.toMatchObject({ code: 'download-failed' });
    expect(server.asked).toHaveLength(3);
    expect(incoming()).toEqual([]);
  });

  test('a body without end is bounded, whether its length is told or not', async () => {
    server.answers.set('/told', (_request, response) => { response.writeHead(200, { 'content-length': '99999999999' }).write('x'); });
    server.answers.set('/untold', (_request, response) => {
      const more = (): void => { if (!response.destroyed) response.write(BYTES, () => setImmediate(more)); };
      more();
    });
    for (const name of ['/told', '/untold']) {
      await expect(download(directory, 'f', `${server.base}${name}`, undefined, { ...quick, largestBytes: 1_000_000 })).rejects.toMatchObject({ detail: 'more than 1000000 bytes' });
    }
    expect(server.asked).toEqual(['/told', '/untold']);
    expect(incoming()).toEqual([]);
  });

  test('a server that falls silent is given up', async () => {
    server.answers.set('/f', (_request, response) => { response.writeHead(200, { 'content-length': '1000' }).write('x'); });
    const begun = Date.now();
    await expect(download(directory, 'f', `${server.base}/f`, undefined, { ...quick, idleSeconds: 0.1 })).rejects.toMatchObject({ detail: 'it took too long' });
    expect(Date.now() - begun).toBeLessThan(5000);
    expect(server.asked).toHaveLength(3);
  });
});

describe('the way to the file', () => {
  test('https only, but for this machine itself; never from https to http', () => {
    const at = (url: string, from?: string, plain = false): string | undefined => refusal(new URL(url), from === undefined ? undefined : new URL(from), plain);
    for (const allowed of ['https://example.org/f', 'http://127.0.0.1/f', 'http://127.9.9.9/f', 'http://[::1]:80/f', 'http://localhost/f']) expect(at(allowed)).toBeUndefined();
    for (const refused of ['http://example.org/f', 'http://127.0.0.1.example.org/f', 'http://localhost.example.org/', 'http://192.0.2.1/f']) expect(at(refused)).toBe('plain http is refused: use https');
    expect(at('ftp://127.0.0.1/f')).toBe('cannot fetch ftp:');
    expect(at('file:///etc/passwd', 'https://example.org/')).toBe('cannot fetch file:');
    expect(at('http://example.org/f', undefined, true)).toBeUndefined();
    expect(at('http://127.0.0.1/f', 'https://example.org/f', true)).toContain('sends on to plain http');
  });

  test('a redirect to plain http is refused before anybody is asked', async () => {
    server.answers.set('/f', (_request, response) => { response.writeHead(302, { location: 'http://192.0.2.1/f' }).end(); });
    await expect(download(directory, 'f', `${server.base}/f`, SHA, quick)).rejects.toMatchObject({ detail: 'plain http is refused: use https' });
    expect(server.asked).toEqual(['/f']);
  });

  test('redirects are followed and bounded; headers go to the first origin only', async () => {
    const other = await testServer();
    const keys: (string | undefined)[] = [];
    other.answers.set('/f', (request, response) => { keys.push(request.headers['x-key']?.toString()); response.end(BYTES); });
    server.answers.set('/f', (_request, response) => { response.writeHead(307, { location: '/g' }).end(); });
    server.answers.set('/g', (request, response) => { keys.push(request.headers['x-key']?.toString()); response.writeHead(301, { location: `${other.base}/f` }).end(); });
    server.answers.set('/round', (_request, response) => { response.writeHead(302, { location: '/round' }).end(); });
    await download(directory, 'f', `${server.base}/f`, SHA, { ...quick, headers: { 'x-key': 'k' } });
    expect(keys).toEqual(['k', undefined]);
    await other.close();
    await expect(download(directory, 'f', `${server.base}/round`, SHA, quick)).rejects.toMatchObject({ detail: expect.stringContaining('more than 10 times') as string });
    expect(server.asked.filter((path) => path === '/round')).toHaveLength(11);
  });
});

describe('many at once', () => {
  test('as many side by side as was said, each told of, one failure beside the others', async () => {
    let now = 0;
    let most = 0;
    const files = Array.from({ length: 6 }, (_, i) => Buffer.from(`file ${String(i)}`));
    for (const [i, bytes] of files.entries()) {
      server.answers.set(`/${String(i)}.bin`, (_request, response) => {
        now += 1;
        most = Math.max(most, now);
        setTimeout(() => {
          now -= 1;
          response.end(i === 3 ? 'something else' : bytes);
        }, 50);
      });
    }
    // The schema wants https; here it is the loopback.
    const wanted = files.map((bytes, i) => {
      const artifact = artifactSchema.parse({ name: 'f', version: String(i), source: 'url', url: 'https://example.org/{version}.bin', sha256: { 'linux/amd64': digest(bytes) }, license: 'MIT' });
      return { ...wantingOf(artifact, 'linux/amd64'), url: `${server.base}/${String(i)}.bin` };
    });
    const steps: FetchProgress[] = [];
    const results = await fetchAll(directory, wanted, { jobs: 3, download: quick, progress: (step) => steps.push(step) });
    expect(most).toBe(3);
    expect(results.map((result) => result.status)).toEqual(['fetched', 'fetched', 'fetched', 'failed', 'fetched', 'fetched']);
    expect(steps.filter((step) => step.state === 'started')).toHaveLength(6);
    expect(steps.filter((step) => step.state === 'done')).toHaveLength(6);
    const again = await fetchAll(directory, wanted.slice(0, 2), { jobs: 3 });
    expect(again.map((result) => result.status)).toEqual(['cached', 'cached']);
    expect(readFileSync(cachedPath(directory, digest(files[5] ?? ''))).toString()).toBe('file 5');
  });

  test('the same file twice at once is no trouble', async () => {
    server.answers.set('/f', ranged(BYTES));
    const both = await Promise.all([download(directory, 'f', `${server.base}/f`, SHA, quick), download(directory, 'f', `${server.base}/f`, SHA, quick)]);
    expect(both.map((each) => each.sha256)).toEqual([SHA, SHA]);
    expect(incoming()).toEqual([]);
  });
});
