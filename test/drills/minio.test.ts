/**
 * MinIO on four fresh hosts with the real program, built from source into the artefact cache beforehand; without it these are
 * skipped. What a store must do for CARE (support/s3-contract.ts), and what it must survive. About ten minutes.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { Load } from './support/s3-load.ts';
import { anonymous, Caller, header, sha256, type Account, type Store } from './support/s3-contract.ts';
import { BACKEND, contractTests, DATA, ROOT } from './support/s3-contract-tests.ts';

const HOSTS = ['s1', 's2', 's3', 's4'] as const;
const PASSWORD = ROOT.key;
const KMS = Buffer.from(randomBytes(32)).toString('base64');
const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
const PLAYBOOKS = ['base.yml', 'pki.yml', 'artifact-mirror.yml', 'minio.yml'].map(book);
let lab: Lab;
let project: LabProject;
/** To be closed at the end. */
const callers: Caller[] = [];
let store: Store;
let root: Caller;
let backend: Caller;

/** Memory stands for disks: a file system each, empty after a power cut. */
const drives = (...numbers: readonly number[]): string => `for n in ${numbers.join(' ')}; do mkdir -p /srv/minio/drive$n; mountpoint -q /srv/minio/drive$n || mount -t tmpfs -o size=2g minio$n /srv/minio/drive$n; done`;
const addressOf = (host: string): string => String(hostVariables(lab, host)['ansible_host']);
const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: PLAYBOOKS, ...options });
const runStore = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [book('minio.yml')], ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
const succeeded = (result: Result): void => { expect([troubles(result), result.status]).toEqual(['', 0]); };
const onAll = (script: string): Promise<readonly string[]> => Promise.all(HOSTS.map((host) => onHost(lab, host, script)));

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)))('minio 2026-02-12 (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('minio'), hosts: HOSTS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    project = labProject({});
    project.write('artifacts.yml', 'end_of_life_accepted:\n  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }\n');
    const vars = {
      time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
      artifact_mirrors: [`https://${addressOf('s1')}:8444`], minio_drives: 2, minio_filesystems: ['tmpfs'], minio_root_password: `{{ secret "${PASSWORD}" }}`, minio_kms_key: `{{ secret "${KMS}" }}`,
      minio_extra_names: ['DNS:s3.care.test'], minio_client_networks: ['172.16.0.0/12', '10.0.0.0/8', '192.168.0.0/16'], ...DATA,
    };
    const all = Object.fromEntries(HOSTS.map((h) => [h, null]));
    const hosts = Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name)]));
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { minio: { hosts: all }, minio_proxy: { hosts: all }, three: { hosts: { s1: null, s2: null, s3: null } }, artifact_mirror: { hosts: { s1: null } } } } }));
  });
  afterAll(async () => {
    await Promise.all(callers.map((c) => c.close()));
    project.remove();
    await labDown(ownLab('minio'));
  });

  it('refuses too few hosts, drives that are none, and what does not go together, before anything of the store is there', async () => {
    const refused = await run();
    expect(refused.status).toBe(3);
    expect(troubles(refused)).toContain('/srv/minio/drive1 is not there');
    await onHost(lab, 's1', 'mkdir -p /srv/minio/drive1 /srv/minio/drive2');
    const told = async (extraVars: Readonly<Record<string, unknown>> = {}): Promise<string> => troubles(await runStore({ limit: 's1', extraVars: extraVars as NonNullable<RunOptions['extraVars']> }));
    expect(await told()).toContain('/srv/minio/drive1 is on the root file system');
    expect(await told({ minio_group: 'three' })).toContain('the group three holds at least four hosts');
    expect(await told({ minio_pools: [{ hosts: [1, 3], drives: [1, 2] }] })).toContain('the first and the last of its hosts');
    expect(await told({ minio_pools: [{ hosts: [1, 4], drives: [1, 2] }, { hosts: [1, 4], drives: [2, 3] }] })).toContain('no drive of a host twice');
    expect(await told({ minio_buckets: [{ name: 'x-y-z', object_lock: true, retention: { mode: 'COMPLIANCE', days: 1 } }] })).toContain('minio_allow_compliance');
    expect(await told({ minio_kms_key: '{{ secret "c2hvcnQ=" }}' })).toContain('32 random bytes');
    expect(await told({ minio_policies: [{ name: 'wide', policy: { Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::x/*' }] } }] })).toContain('wide: write each action out');
    expect(await onHost(lab, 's1', 'ls /usr/local/bin/minio 2>&1 || true')).toContain('No such file');
    await onAll(drives(1, 2));
    await onHost(lab, 's2', 'mount -o remount,size=1g /srv/minio/drive2');
    expect(troubles(await runStore({ limit: 's2', mode: 'check' }))).toContain('are of different sizes');
    await onHost(lab, 's2', 'mount -o remount,size=2g /srv/minio/drive2');
  });

  it('is made as predicted, data and all; a second apply changes nothing; verify passes on every node', async () => {
    const predicted = await run({ mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.failed, predicted.summary?.total.unknown]).toEqual(['', 0, 0]);
    const made = await run();
    if (made.status !== 0) console.log(await onHost(lab, 's1', 'journalctl -u care-minio -n 40 --no-pager'));
    succeeded(made);
    expect(changes(made)).toEqual(changes(predicted));
    const again = await run();
    expect([again.status, changes(again)]).toEqual([0, []]);
    succeeded(await run({ mode: 'verify' }));
    expect(await onAll('stat -c "%a %U" /etc/minio/minio.env /etc/minio/kms.env; ps -o user= -C minio')).toEqual(HOSTS.map(() => '600 root\n600 root\nminio'));
    for (const secret of [PASSWORD, KMS, BACKEND.key]) expect(JSON.stringify(made.events)).not.toContain(secret);
    const ca = readFileSync(path.join(project.dir, '.care', 'pki', 'authority.pem'), 'utf8').match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/)?.[0] ?? '';
    let turn = 0;
    store = { endpoint: 'https://s3.care.test:9443', region: 'us-east-1', ca, root: ROOT, address: () => addressOf(HOSTS[(turn++) % HOSTS.length] ?? 's1') };
    root = new Caller(store, ROOT);
    backend = new Caller(store, BACKEND);
    callers.push(root, backend);
  });

  describe('the contract', () => {
    contractTests({ store: () => store, root: () => root, backend: () => backend, rawDrives: async (text) => (await onAll(`grep -rlF ${text} /srv/minio/drive1 /srv/minio/drive2 | wc -l`)).map(Number).reduce((a, b) => a + b) });
  });

  it('a removed lifecycle rule and a widened policy are found by check, and mended', async () => {
    expect(await root.status('DELETE', '/care-patient', { query: { lifecycle: '' } })).toBe(204);
    const wide = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject', 's3:ListBucket'], Resource: ['arn:aws:s3:::care-facility/*', 'arn:aws:s3:::care-facility'] }] };
    expect(await root.status('PUT', '/care-facility', { query: { policy: '' }, body: Buffer.from(JSON.stringify(wide)) })).toBe(204);
    expect(await anonymous(store, `${store.endpoint}/care-facility/`)).toBe(200);
    const wanted = ['s1|bucket care-facility', 's1|bucket care-patient'];
    expect(changes(await runStore({ mode: 'check' }))).toEqual(wanted);
    const mended = await runStore();
    succeeded(mended);
    expect(changes(mended)).toEqual(wanted);
    expect(await anonymous(store, `${store.endpoint}/care-facility/`)).toBe(403);
  });

  it('refuses object lock for a bucket that is there, and another key, with what to do; nothing is lost', async () => {
    const told = async (extraVars: Readonly<Record<string, unknown>>): Promise<string> => troubles(await runStore({ extraVars: extraVars as NonNullable<RunOptions['extraVars']> }));
    expect(await told({ minio_buckets: [{ name: 'care-facility', object_lock: true }] })).toContain('object lock comes with a new bucket only');
    const other = Buffer.from(randomBytes(32)).toString('base64');
    expect(await told({ minio_kms_key: `{{ secret "${other}" }}` })).toContain('another one than the store was made with');
    expect(await told({ minio_kms_key: '' })).toContain('the store has a key');
    expect(await backend.status('GET', '/care-patient/contract/kept')).toBe(200);
  });

  it('a key is changed with both holding in between, without a failed upload; the old one holds no more', async () => {
    const old: Account = { name: 'backend-2026a', key: 'FirstHalfOfTheYear26' };
    const next: Account = { name: 'backend-2026b', key: 'SecondHalfOfTheYear6' };
    const key = ({ name, key: secret }: Account, more: object = {}): object => ({ name, user: 'care-backend', password: `{{ secret "${secret}" }}`, ...more });
    const declare = async (keys: readonly object[]): Promise<void> => { succeeded(await runStore({ extraVars: { minio_service_accounts: keys } as unknown as NonNullable<RunOptions['extraVars']> })); };
    await declare([key(old)]);
    const load = new Load(store, () => account, 'care-patient');
    let account = old;
    load.start();
    await declare([key(old), key(next)]);
    account = next;
    await load.several();
    await declare([key(next), { name: old.name, user: 'care-backend', state: 'absent' }]);
    await load.several();
    expect((await load.stop()).failed).toEqual([]);
    const former = new Caller(store, old);
    await eventually(async () => (await former.status('GET', '/care-patient/contract/kept')) === 403, 60_000, () => 'the old key still holds');
    await former.close();
  });

  it('serves on with one node of four cut off, without a failed request; the node heals its empty drives', async () => {
    const load = new Load(store, () => BACKEND, 'care-patient');
    load.start();
    await load.several();
    const s4 = await labPower('s4', addressOf('s4'));
    await s4.cut();
    await load.several(20);
    await s4.on();
    await eventually(async () => (await onHost(lab, 's4', 'systemctl is-system-running || true').catch(() => '')) !== '', 60_000, () => 's4 is not up');
    await onHost(lab, 's4', drives(1, 2));
    const told = await load.stop();
    expect(told.failed).toEqual([]);
    console.log(`host cut off: ${String(told.requests)} requests, ${String(told.retried)} tried again, longest ${String(told.longestMs)} ms`);
    succeeded(await run());
    // MinIO looks for empty drives by itself, and puts onto them what they are to hold.
    await eventually(async () => (await onHost(lab, 's4', 'find /srv/minio/drive*/care-patient -name xl.meta 2>/dev/null | wc -l')) !== '0', 180_000, () => 'nothing was healed on s4');
    succeeded(await run({ mode: 'verify' }));
    expect(await load.wrong()).toEqual([]);
  });

  it('a wiped drive is healed: it holds all that it held, and every object is what it was', async () => {
    const count = "find /srv/minio/drive1/care-patient /srv/minio/drive1/care-facility -name xl.meta | wc -l";
    const load = new Load(store, () => BACKEND, 'care-patient');
    load.start();
    await load.several(20);
    await load.stop();
    const before = Number(await onHost(lab, 's2', count));
    expect(before).toBeGreaterThan(10);
    const started = Date.now();
    await onHost(lab, 's2', 'rm -rf /srv/minio/drive1/* /srv/minio/drive1/.minio.sys');
    await eventually(async () => Number(await onHost(lab, 's2', `${count} 2>/dev/null || true`)) >= before, 300_000, () => 'the drive was not healed');
    console.log(`drive wiped: healed after ${String(Math.round((Date.now() - started) / 1000))} s, ${String(before)} objects`);
    expect(await load.wrong()).toEqual([]);
  });

  it('two nodes of four stopped: what is there is read, who writes and who applies hear what to do, and with them back nothing is lost', async () => {
    for (const host of ['s3', 's4']) await onHost(lab, host, 'systemctl stop care-minio');
    await eventually(async () => (await backend.status('GET', '/care-patient/contract/kept')) === 200, 60_000, () => 'it is not read');
    const write = (): Promise<number> => backend.status('PUT', '/care-patient/contract/quorum', { body: Buffer.from('with a quorum') });
    await eventually(async () => (await write()) === 503, 60_000, () => 'a write is not refused');
    expect(troubles(await runStore({ limit: 's1' }))).toMatch(/has no write quorum after minutes: bring the other nodes or their drives back/);
    for (const host of ['s3', 's4']) await onHost(lab, host, 'systemctl start care-minio');
    await eventually(async () => (await write()) === 200, 120_000, () => 'it is not written');
    const again = await runStore();
    expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
    expect(await backend.status('GET', '/care-patient/contract/kept')).toBe(200);
  });

  it('grows by a pool, with an upload in parts under way', async () => {
    const space = async (): Promise<number> => {
      const info = JSON.parse((await root.send('GET', '/minio/admin/v3/info')).body.toString()) as { servers: readonly { drives: readonly { totalspace: number }[] }[] };
      return info.servers.flatMap((s) => s.drives).reduce((sum, d) => sum + d.totalspace, 0);
    };
    const before = await space();
    const begun = await backend.send('POST', '/care-patient/contract/grows', { query: { uploads: '' } });
    const uploadId = /<UploadId>([^<]+)</.exec(begun.body.toString())?.[1] ?? '';
    const first = randomBytes(5 * 1024 * 1024);
    const one = header(await backend.send('PUT', '/care-patient/contract/grows', { query: { partNumber: '1', uploadId }, body: first }), 'etag');
    await onAll(drives(3, 4));
    const pools = { extraVars: { minio_pools: [{ hosts: [1, 4], drives: [1, 2] }, { hosts: [1, 4], drives: [3, 4] }] } as unknown as NonNullable<RunOptions['extraVars']> };
    succeeded(await runStore(pools));
    expect(changes(await runStore(pools))).toEqual([]);
    succeeded(await runStore({ mode: 'verify', ...pools }));
    const two = header(await backend.send('PUT', '/care-patient/contract/grows', { query: { partNumber: '2', uploadId }, body: Buffer.from('rest') }), 'etag');
    const done = await backend.send('POST', '/care-patient/contract/grows', { query: { uploadId }, body: Buffer.from(`<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${one}</ETag></Part><Part><PartNumber>2</PartNumber><ETag>${two}</ETag></Part></CompleteMultipartUpload>`) });
    expect(done.status, done.body.toString()).toBe(200);
    expect(sha256((await backend.send('GET', '/care-patient/contract/grows')).body)).toBe(sha256(Buffer.concat([first, Buffer.from('rest')])));
    expect(await space()).toBe(2 * before);
    expect(await backend.status('GET', '/care-patient/contract/kept')).toBe(200);
    // The new pool takes new objects: it is the one with more room.
    for (let n = 0; n < 20; n += 1) await backend.put(`/care-patient/contract/new-${String(n)}`, randomBytes(200_000));
    expect((await onAll("find /srv/minio/drive3 -name xl.meta -path '*care-patient*' | wc -l")).map(Number).reduce((a, b) => a + b)).toBeGreaterThan(0);
    // It goes on so: a store never loses a pool.
    project.write('group_vars/all.yml', JSON.stringify(pools.extraVars));
  });

  it('a root password that has changed is set on all nodes together', async () => {
    const other = { extraVars: { minio_root_password: '{{ secret "AnotherOfTheDrill26" }}' } };
    succeeded(await runStore(other));
    succeeded(await runStore({ mode: 'verify', ...other }));
    expect(await root.status('GET', '/care-patient/contract/kept')).toBe(403);
    expect(await backend.status('GET', '/care-patient/contract/kept')).toBe(200);
  });
});
