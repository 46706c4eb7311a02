/** Kind `image`, against a registry on this machine that wants a token, as public ones do. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { artifactSchema, type ImageArtifact } from '../../../src/artifacts/catalogue.ts';
import { saveImage } from '../../../src/artifacts/image-save.ts';
import { tokenAddress } from '../../../src/artifacts/registry.ts';

const cache = mkdtempSync(path.join(tmpdir(), 'image-save-'));
const blobs = new Map<string, Buffer>();
/** What the registry says in place of a blob. */
const lies = new Map<string, Buffer>();
/** Bytes that the answer with the token has besides. */
let padding = 0;
let server: Server;
let host = '';

function put(content: Buffer | object): { readonly digest: string; readonly size: number } {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  blobs.set(digest, bytes);
  return { digest, size: bytes.length };
}

const layer = put(Buffer.alloc(200_000, 'layer'));
const config = put({ architecture: 'amd64', os: 'linux' });
const manifest = put({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config }, layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }, { mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }] });
const index = put({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest, platform: { os: 'linux', architecture: 'amd64' } }] });

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url?.startsWith('/token') === true) {
      response.end(JSON.stringify({ token: request.url.includes('scope=repository%3Ateam%2Ftool%3Apull') ? 'for-reading' : 'none', padding: ' '.repeat(padding) }));
      return;
    }
    if (request.headers.authorization !== 'Bearer for-reading') {
      response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token",service="registry",scope="repository:team/tool:pull"` }).end();
      return;
    }
    const digest = request.url?.split('/').at(-1) ?? '';
    const bytes = lies.get(digest) ?? blobs.get(digest);
    if (bytes === undefined || request.url?.startsWith('/v2/team/tool/') !== true) response.writeHead(404).end();
    else response.end(bytes);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const address = server.address();
  host = typeof address === 'object' && address !== null ? `127.0.0.1:${String(address.port)}` : '';
});
afterAll(() => {
  server.close();
  rmSync(cache, { recursive: true });
});

const entry = (more: Partial<ImageArtifact> = {}): ImageArtifact => ({ name: 'tool', version: '1.2', source: 'image', license: 'MIT', image: `${host}/team/tool`, digest: index.digest, sha256: {}, ...more });

test('an image is saved as a layout that has all its blobs once, the same each time', async () => {
  const saved = await saveImage(cache, entry(), 'linux/amd64', undefined);
  const names = execFileSync('tar', ['-tf', saved.path], { encoding: 'utf8' }).trim().split('\n');
  expect(names).toEqual(['oci-layout', 'index.json', ...[layer, config, manifest].map((d) => `blobs/sha256/${d.digest.slice(7)}`).sort()]);
  expect(JSON.parse(execFileSync('tar', ['-xOf', saved.path, 'index.json'], { encoding: 'utf8' }))).toMatchObject({ manifests: [{ digest: manifest.digest, size: manifest.size, annotations: { 'io.containerd.image.name': `${host}/team/tool:1.2` } }] });
  expect(execFileSync('tar', ['-xOf', saved.path, `blobs/sha256/${layer.digest.slice(7)}`]).equals(blobs.get(layer.digest) ?? Buffer.alloc(0))).toBe(true);
  expect((await saveImage(cache, entry(), 'linux/amd64', saved.sha256)).sha256).toBe(saved.sha256);
  await expect(saveImage(cache, entry(), 'linux/amd64', '0'.repeat(64))).rejects.toMatchObject({ code: 'wrong-checksum' });
});

test('a digest of one manifest is enough; another platform, or none such, is told', async () => {
  expect((await saveImage(cache, entry({ digest: manifest.digest }), 'linux/amd64', undefined)).size).toBeGreaterThan(200_000);
  await expect(saveImage(cache, entry(), 'linux/arm64', undefined)).rejects.toMatchObject({ code: 'image-failed', detail: 'the image has nothing for linux/arm64: it has linux/amd64' });
  await expect(saveImage(cache, entry({ digest: `sha256:${'0'.repeat(64)}` }), 'linux/amd64', undefined)).rejects.toMatchObject({ code: 'image-failed' });
});

test.each([['a manifest', manifest.digest], ['a layer', layer.digest], ['an index', index.digest]])('%s that is not what its digest says is refused', async (_what, digest) => {
  const real = blobs.get(digest) ?? Buffer.alloc(0);
  for (const lie of [Buffer.concat([real, Buffer.from(' ')]), real.subarray(1)]) {
    lies.set(digest, lie);
    await expect(saveImage(cache, entry(), 'linux/amd64', undefined)).rejects.toMatchObject({ code: 'image-failed' });
  }
  lies.clear();
});

test('tags and names without a registry are refused', () => {
  const refused = (more: object): boolean => !artifactSchema.safeParse({ ...entry({ image: 'registry.example/team/tool' }), ...more }).success;
  expect([refused({}), refused({ image: 'debian' }), refused({ image: 'registry.example/team/tool:1.2' }), refused({ digest: 'latest' })]).toEqual([false, true, true, true]);
});

test('an answer without an end in place of a token is not read to its end', async () => {
  padding = 2 * 1024 * 1024;
  await expect(saveImage(cache, entry(), 'linux/amd64', undefined)).rejects.toMatchObject({ code: 'image-failed', detail: `the answer of ${host} is too large` });
  padding = 0;
});

test('a registry sends nobody on to services of this machine', () => {
  const registry = new URL('https://registry.example');
  const at = (realm: string): string => tokenAddress(`Bearer realm="${realm}",service="registry",scope="repository:team/tool:pull"`, registry).href;
  expect(at('https://auth.example/token')).toBe('https://auth.example/token?service=registry&scope=repository%3Ateam%2Ftool%3Apull');
  expect(() => at('http://127.0.0.1:2379/v2/keys')).toThrow('plain http');
  expect(() => at('file:///etc/shadow')).toThrow('cannot fetch');
  expect(() => at('token')).toThrow('in a way that is not known here');
  expect(() => tokenAddress('Basic realm="https://auth.example"', registry)).toThrow('in a way that is not known here');
});
