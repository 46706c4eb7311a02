import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedPath, cacheDirectory, fromCache } from '../../../src/artifacts/cache.ts';
import { download, obtain } from '../../../src/artifacts/download.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
let directory: string;
let server: Server;
let base: string;
const asked: string[] = [];
const quick = { pauseSeconds: 0.01 };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'care-cache-'));
  asked.length = 0;
  server = createServer((request, response) => {
    asked.push(`${request.url ?? ''} ${String(request.headers['x-key'] ?? '')}`.trim());
    if (request.url === '/moved') response.writeHead(302, { location: '/file' }).end();
    else if (request.url === '/file') response.end('content');
    else if (request.url === '/cut') response.writeHead(200, { 'content-length': '100' }).write('part', () => response.destroy());
    else if (request.url === '/slow') response.write('first');
    else if (request.url === '/flaky') response.writeHead(asked.length < 2 ? 503 : 200).end('content');
    else response.writeHead(404).end('no');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Sound: a TCP server that listens has an address of this type.
  base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

test('an artefact is downloaded once, verified, and then comes from the cache', async () => {
  const wanted = { name: 'thing 1.0', sha256: digest('content'), url: `${base}/moved` };
  const got = await obtain(directory, wanted);
  expect(got).toEqual({ path: cachedPath(directory, wanted.sha256), size: 7, sha256: wanted.sha256 });
  expect(readFileSync(got.path, 'utf8')).toBe('content');
  expect(await obtain(directory, { ...wanted, url: undefined })).toEqual(got);
  expect(asked).toEqual(['/moved', '/file']);
  expect(readdirSync(join(directory, 'incoming'))).toEqual([]);
});

test('another file than the locked one is refused and not kept', async () => {
  const wanted = { name: 'thing 1.0', sha256: digest('other'), url: `${base}/file` };
  await expect(obtain(directory, wanted)).rejects.toMatchObject({ code: 'wrong-checksum', message: expect.stringContaining('thing 1.0') as string });
  expect(existsSync(cachedPath(directory, wanted.sha256))).toBe(false);
  expect(existsSync(cachedPath(directory, digest('content')))).toBe(false);
  expect(readdirSync(join(directory, 'incoming'))).toEqual([]);
});

test('a file that went bad in the cache is not given out', async () => {
  const got = await download(directory, 'thing', `${base}/file`, undefined);
  writeFileSync(got.path, 'rotten');
  expect(await fromCache(directory, got.sha256)).toBeUndefined();
  expect(existsSync(got.path)).toBe(false);
});

test('what is neither in the cache nor to be had is told by name, with where to put it', async () => {
  const sha256 = digest('x');
  await expect(obtain(directory, { name: 'etcd 9', sha256, url: undefined })).rejects.toMatchObject({ code: 'artifact-missing', message: expect.stringContaining('etcd 9') as string, remedy: expect.stringContaining(cachedPath(directory, sha256)) as string });
  await expect(obtain(directory, { name: 'etcd 9', sha256, url: `${base}/none` })).rejects.toMatchObject({ code: 'artifact-missing', detail: expect.stringContaining('404') as string });
  expect(asked).toEqual(['/none']);
});

test('a failing server is tried again, a cut or slow answer is no file', async () => {
  expect((await download(directory, 'f', `${base}/flaky`, undefined, quick)).size).toBe(7);
  await expect(download(directory, 'f', `${base}/slow`, undefined, { ...quick, timeoutSeconds: 0.1 })).rejects.toMatchObject({ detail: 'it took too long' });
  await expect(download(directory, 'f', `${base}/cut`, undefined, quick)).rejects.toMatchObject({ code: 'download-failed' });
  expect(asked.filter((a) => a === '/cut')).toHaveLength(3);
  await expect(download(directory, 'f', `${base}/slow`, undefined, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(readdirSync(join(directory, 'incoming'))).toEqual([]);
});

test('headers are sent, passwords in a URL are not shown, odd URLs are refused', async () => {
  await download(directory, 'f', `${base}/file`, undefined, { headers: { 'x-key': 'k' } });
  expect(asked).toEqual(['/file k']);
  await expect(download(directory, 'f', 'ftp://me:pw@host/f', undefined)).rejects.toMatchObject({ message: 'f could not be downloaded from ftp://host/f' });
  await expect(download(directory, 'f', 'nonsense', undefined)).rejects.toMatchObject({ code: 'bad-url' });
});

test('a file URL is a mirror on a disk', async () => {
  const file = join(directory, 'carried over');
  writeFileSync(file, 'content');
  expect((await obtain(directory, { name: 'f', sha256: digest('content'), url: pathToFileURL(file).href })).size).toBe(7);
});

test('where the cache is', () => {
  expect(cacheDirectory({ CARE_ARTIFACTS: '/srv/cache' })).toBe('/srv/cache');
  expect(cacheDirectory({ XDG_CACHE_HOME: '/c' })).toBe('/c/care-provision/artifacts');
  expect(cacheDirectory({})).toMatch(/\/\.cache\/care-provision\/artifacts$/);
});
