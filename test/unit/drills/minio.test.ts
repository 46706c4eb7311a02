import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { bodyOf, objectPath } from '../../../src/drills/minio/body.ts';
import { changesBetween } from '../../../src/drills/minio/monitor.ts';
import { readStores } from '../../../src/operations/minio/store.ts';
import { poolsOf, readInfo, troublesOf, type StoreView } from '../../../src/operations/minio/view.ts';

const drive = (path: string, more: object = {}): object => ({ endpoint: `https://care-minio-1:9000${path}`, path, state: 'ok', pool_index: 0, totalspace: 100, ...more });
const info = (...drives: readonly object[]): string => JSON.stringify({ mode: 'online', servers: [{ state: 'online', endpoint: 'care-minio-1:9000', drives }] });
const view = (body: string, live = true, writes = true): StoreView => ({ nodes: [{ name: 'a', live, writes }], info: readInfo(body) });

describe('what a store says of itself', () => {
  test('is read, also of drives that are not there', () => {
    const { drives } = readInfo(info(drive('/d1'), { endpoint: 'https://care-minio-1:9000/d2', state: 'offline', pool_index: 1 }));
    expect(drives).toEqual([
      { node: 'care-minio-1', path: '/d1', state: 'ok', healing: false, pool: 0, total: 100 },
      { node: 'care-minio-1', path: '/d2', state: 'offline', healing: false, pool: 1, total: 0 },
    ]);
    expect(poolsOf({ drives })).toBe(2);
    expect(readInfo('{"servers":null}').drives).toEqual([]);
    expect(() => readInfo('{"servers":[{}]}')).toThrow();
  });

  test('is healthy, or says what is wrong', () => {
    expect(troublesOf(view(info(drive('/d1'))))).toEqual([]);
    expect(troublesOf(view(info(drive('/d1')), false))).toEqual(['a does not answer']);
    expect(troublesOf(view(info(drive('/d1')), true, false))).toEqual(["a says that the store can't be written to"]);
    expect(troublesOf(view(info(drive('/d1', { state: 'offline' }), drive('/d2', { healing: true }))))).toEqual(['/d1 of care-minio-1 is offline', '/d2 of care-minio-1 is healed']);
    expect(troublesOf({ nodes: [], info: undefined })).toEqual(['no node tells of its drives']);
    expect(troublesOf(view(info()))).toEqual(['the store knows of no drives']);
  });

  test('is told as it changes', () => {
    const [well, gone] = [view(info(drive('/d1'))), view(info(drive('/d1', { state: 'offline' })), false)];
    expect(changesBetween(well, gone).map((c) => c.what)).toEqual(['a does not answer', '0 of 1 drives are up']);
    expect(changesBetween(gone, view(info(drive('/d1', { healing: true })), true, false)).map((c) => c.what)).toEqual(['a answers', '1 of 1 drives are up, 1 of them are healed']);
    expect(changesBetween(well, well)).toEqual([]);
  });
});

test('objects can be made again, and differ', () => {
  expect(bodyOf('s', 1).equals(bodyOf('s', 1))).toBe(true);
  expect([bodyOf('s', 1).equals(bodyOf('s', 2)), bodyOf('s', 1).equals(bodyOf('t', 1))]).toEqual([false, false]);
  // Less than 128 KiB would be kept beside the metadata.
  expect(bodyOf('s', 1).length).toBeGreaterThan(128 * 1024);
  expect(objectPath('b', 7)).toBe('/b/writer/000007');
});

describe('an inventory', () => {
  const read = (body: string): ReturnType<typeof readStores> => {
    const directory = mkdtempSync(path.join(tmpdir(), 'care-store-'));
    try {
      const file = path.join(directory, 'hosts.yml');
      writeFileSync(file, body);
      return readStores({ inventory: [file], extraVars: {} });
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
  const vars = 'minio_root_password: aaaaaaaaaaaa1, minio_port: 9100, minio_extra_names: ["IP:192.0.2.1", "DNS:*.x.example", "DNS:s3.x.example"], minio_pools: [{hosts: [1, 1], drives: [1, 4]}, {hosts: [1, 1], drives: [5, 8]}]';

  test('says where the store is, and who copies it', () => {
    const { store, other } = read(`minio: {hosts: {a: {ansible_host: 192.0.2.5}}, vars: {${vars}}}\nminio_proxy: {hosts: {p: }}\n`);
    expect(store).toMatchObject({ name: 'minio', port: 9100, proxyPort: 9443, region: 'us-east-1', rootUser: 'care-root', serverName: 's3.x.example', pools: 2 });
    expect([store.nodes.map((n) => n.address), store.proxies.map((p) => p.name), other]).toEqual([['192.0.2.5'], ['p'], undefined]);
    expect(read(`minio: {hosts: {a: }, vars: {minio_root_password: aaaaaaaaaaaa1}}\nminio_copies: {hosts: {b: }, vars: {minio_root_password: bbbbbbbbbbbb1}}\n`).other).toMatchObject({ name: 'minio_copies', serverName: 'localhost', proxies: [] });
  });

  test('without nodes, or without the password of the root account, is refused', () => {
    expect(() => read('all: {hosts: {a: }}')).toThrow(expect.objectContaining({ code: 'no-minio', exitStatus: 65 }) as Error);
    expect(() => read('minio: {hosts: {a: }}')).toThrow(expect.objectContaining({ code: 'no-root-password' }) as Error);
    expect(() => read('minio: {hosts: {a: }, vars: {minio_root_password: aaaaaaaaaaaa1, minio_port: x}}')).toThrow(expect.objectContaining({ code: 'bad-port' }) as Error);
  });
});
