/**
 * Buckets that are copied from one MinIO to another, both the real program as a process on this machine's loopback, with what role minio declares
 * told to them by the role's own tasks. The program was built from source into the artefact cache beforehand; without it this is skipped.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { packageRoot } from '../../src/support/package-root.ts';
import { anonymous, Caller, type Account, type Store } from '../drills/support/s3-contract.ts';
import { eventually, labProject, type LabProject } from './support/lab-project.ts';
import { freePort } from '../support/free-port.ts';

const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const program = cachedPath(cacheDirectory(), digest);
const ROOT: Account = { name: 'care-root', key: 'RootOfTheCopies2026' };
/** With what quoting goes wrong on. */
const COPIER: Account = { name: 'from-here', key: 'Key"of\\the copies' };
const METRICS = 'KeyOfTheMetrics26';
const SITES = ['here', 'there'] as const;
type Site = (typeof SITES)[number];

let folder: string;
let project: LabProject;
const servers: ChildProcess[] = [];
const stores = new Map<Site, Store>();
const callers = new Map<string, Caller>();
let said = '';

const storeOf = (site: Site): Store => {
  const store = stores.get(site);
  if (store === undefined) throw new Error(`${site} is not up`);
  return store;
};
const caller = (site: Site, account: Account = ROOT): Caller => {
  const made = callers.get(`${site} ${account.name}`) ?? new Caller(storeOf(site), account);
  callers.set(`${site} ${account.name}`, made);
  return made;
};

/** The body of an answer to whoever has a token. */
function scrape(store: Store, at: string, token: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: new URL(store.endpoint).port, servername: 's3.care.test', path: at, ca: store.ca, agent: false, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => { text += chunk; });
      response.on('end', () => { resolve(response.statusCode === 200 ? text : String(response.statusCode)); });
    });
    sent.on('error', reject);
    sent.end();
  });
}

type Result = Awaited<ReturnType<LabProject['run']>>;
const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [path.join(project.dir, 'both.yml')], hostLockDirectory: path.join(folder, 'locks'), ...options });
const changes = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}: ${e.resource}`] : []));
const trouble = (result: Result): string => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? e.msg ?? ''}`] : [])).join('\n');
const versions = async (site: Site, key: string): Promise<readonly string[]> => [...(await caller(site).send('GET', '/care-patient', { query: { versions: '', prefix: key } })).body.toString().matchAll(/<VersionId>([^<]+)</g)].map((m) => m[1] ?? '');

describe.skipIf(!existsSync(program))('copies from a MinIO to another (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 's3-copies-'));
    const certs = path.join(folder, 'certs');
    mkdirSync(path.join(certs, 'CAs'), { recursive: true });
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=s3-copies', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:s3.care.test', '-keyout', path.join(certs, 'private.key'), '-out', path.join(certs, 'public.crt')], { stdio: 'ignore' });
    copyFileSync(path.join(certs, 'public.crt'), path.join(certs, 'CAs', 'ca.crt'));
    const ca = readFileSync(path.join(certs, 'public.crt'), 'utf8');
    const minio = path.join(folder, 'minio');
    copyFileSync(program, minio);
    chmodSync(minio, 0o755);
    const ports = new Map<Site, number>();
    for (const site of SITES) {
      const port = await freePort();
      ports.set(site, port);
      const env = { PATH: process.env['PATH'], HOME: folder, MINIO_CI_CD: '1', MINIO_UPDATE: 'off', MINIO_BROWSER: 'off', MINIO_CALLHOME_ENABLE: 'off', MINIO_PROMETHEUS_AUTH_TYPE: 'jwt', MINIO_ROOT_USER: ROOT.name, MINIO_ROOT_PASSWORD: ROOT.key };
      const server = spawn(minio, ['server', '--quiet', '--address', `127.0.0.1:${String(port)}`, '--certs-dir', certs, path.join(folder, site, 'drive{1...4}')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      for (const stream of [server.stdout, server.stderr]) stream.on('data', (text: Buffer) => { said += text.toString(); });
      servers.push(server);
      stores.set(site, { endpoint: `https://s3.care.test:${String(port)}`, region: 'us-east-1', ca, root: ROOT, address: () => '127.0.0.1' });
    }
    for (const site of SITES) await eventually(async () => (await caller(site).status('GET', '/').catch(() => 0)) === 200, 60_000, () => said);
    const copier = `{{ secret (b64_decode "${Buffer.from(COPIER.key).toString('base64')}") }}`;
    const vars = { minio_root_password: `{{ secret "${ROOT.key}" }}`, minio_authority: ca, minio_address: '127.0.0.1', minio_started: { changed: false }, minio_settings: { scanner: { speed: 'fastest' } }, minio_metrics_token_file: path.join(folder, 'metrics.token') };
    const role = path.join(packageRoot(), 'roles', 'minio');
    project = labProject({
      'inventory.yml': JSON.stringify({ all: { vars: { ...vars, ansible_connection: 'local' }, children: {
        minio: { hosts: { here: { minio_port: ports.get('here') } }, vars: {
          minio_buckets: [{ name: 'care-patient' }], minio_metrics_password: `{{ secret "${METRICS}" }}`,
          minio_replication: [{ bucket: 'care-patient', targets: [{ endpoint_url: `https://127.0.0.1:${String(ports.get('there'))}`, access_key: COPIER.name, secret_key: copier }] }],
        } },
        minio_copies: { hosts: { there: { minio_port: ports.get('there') } }, vars: { minio_group: 'minio_copies', minio_buckets: [{ name: 'care-patient' }, { name: 'other' }], minio_replication_sources: [{ name: COPIER.name, password: copier, buckets: ['care-patient'] }] } },
      } } }),
      'both.yml': ['there', 'here'].map((site) => `- hosts: ${site}\n  gather_facts: false\n  tasks:\n    - include_role: {name: "${role}", tasks_from: data}\n    - include_role: {name: "${role}", tasks_from: replication}\n`).join(''),
    });
    // What was there before it was copied.
    expect(await caller('here').status('PUT', '/care-patient')).toBe(200);
    await caller('here').send('PUT', '/care-patient', { query: { versioning: '' }, body: Buffer.from('<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>') });
    await caller('here').put('/care-patient/before', 'before');
  });
  afterAll(async () => {
    await Promise.all([...callers.values()].map((c) => c.close()));
    project.remove();
    await Promise.all(servers.map((server) => new Promise((resolve) => {
      server.once('exit', resolve);
      server.kill('SIGKILL');
    })));
    rmSync(folder, { recursive: true, force: true });
  });

  it('are made as role minio declares them; a second time nothing changes, and no secret is shown', async () => {
    const told = await run();
    expect([trouble(told), told.status]).toEqual(['', 0]);
    expect(changes(told)).toEqual(expect.arrayContaining(['there: MinIO user from-here', 'here: bucket care-patient']));
    const again = await run();
    expect([trouble(again), again.status, changes(again)]).toEqual(['', 0, []]);
    for (const secret of [COPIER.key, METRICS, ROOT.key]) expect(JSON.stringify(told.events)).not.toContain(JSON.stringify(secret).slice(1, -1));
  });

  it('hold versions and delete markers; what is deleted for good stays', async () => {
    for (const text of ['one', 'two']) await caller('here').put('/care-patient/a', text);
    await eventually(async () => (await versions('there', 'a')).length === 2, 30_000, () => 'not both versions are there');
    expect((await caller('there').send('GET', '/care-patient/a')).body.toString()).toBe('two');
    await caller('here').status('DELETE', '/care-patient/a');
    await eventually(async () => (await caller('there').status('GET', '/care-patient/a')) === 404, 30_000, () => 'the delete marker is not there');
    for (const id of await versions('here', 'a')) await caller('here').status('DELETE', '/care-patient/a', { query: { versionId: id } });
    expect([(await versions('here', 'a')).length, (await versions('there', 'a')).length]).toEqual([0, 3]);
  });

  it('are written by an account that may do nothing else', async () => {
    const copier = caller('there', COPIER);
    const open = Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::care-patient/*' }] }));
    expect([
      await copier.status('GET', '/other', { query: { 'list-type': '2' } }), (await copier.put('/other/x', 'x')).status, await copier.status('PUT', '/care-patient', { query: { policy: '' }, body: open }),
      await copier.status('DELETE', '/care-patient'), await copier.status('GET', '/minio/admin/v3/info'),
    ]).toEqual([403, 403, 403, 403, 403]);
  });

  it('that somebody switched off, and a policy set by hand, are found by check and mended', async () => {
    await caller('here').status('DELETE', '/care-patient', { query: { replication: '' } });
    const open = Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::care-patient/*' }] }));
    expect(await caller('here').status('PUT', '/care-patient', { query: { policy: '' }, body: open })).toBe(204);
    const checked = await run({ mode: 'check' });
    expect(changes(checked)).toEqual(['here: bucket care-patient', 'here: bucket care-patient']);
    const kept = await run({ mode: 'check', extraVars: { minio_buckets: [{ name: 'care-patient', manage_policy: false }] } as unknown as NonNullable<RunOptions['extraVars']> });
    expect(changes(kept)).toEqual(['here: bucket care-patient']);
    const mended = await run();
    expect([trouble(mended), changes(mended)]).toEqual(['', changes(checked)]);
    expect(await anonymous(storeOf('here'), `${storeOf('here').endpoint}/care-patient/before`)).toBe(403);
    await caller('here').put('/care-patient/b', 'b');
    await eventually(async () => (await caller('there').status('GET', '/care-patient/b')) === 200, 30_000, () => 'it is not copied again');
    expect(changes(await run())).toEqual([]);
  });

  it('another key is given to both, and copies go on', async () => {
    const next = '{{ secret "AnotherKeyOfTheCopies" }}';
    const given = { minio_replication_sources: [{ name: COPIER.name, password: next, buckets: ['care-patient'] }] } as unknown as NonNullable<RunOptions['extraVars']>;
    const target = { endpoint_url: `https://127.0.0.1:${new URL(storeOf('there').endpoint).port}`, access_key: COPIER.name, secret_key: next };
    const book = path.join(project.dir, 'both.yml');
    expect(trouble(await run({ playbooks: [book], limit: 'there', extraVars: given }))).toBe('');
    const here = { minio_replication: [{ bucket: 'care-patient', targets: [target] }] } as unknown as NonNullable<RunOptions['extraVars']>;
    const told = await run({ limit: 'here', extraVars: here });
    expect([trouble(told), changes(told)]).toEqual(['', ['here: bucket care-patient']]);
    expect(changes(await run({ limit: 'here', extraVars: here }))).toEqual([]);
    await caller('here').put('/care-patient/c', 'c');
    await eventually(async () => (await caller('there').status('GET', '/care-patient/c')) === 200, 30_000, () => 'it is not copied with the other key');
  });

  it('are seen in metrics, by whoever has the token alone', async () => {
    expect((statSync(path.join(folder, 'metrics.token')).mode & 0o777).toString(8)).toBe('600');
    const token = readFileSync(path.join(folder, 'metrics.token'), 'utf8');
    const names = ['minio_cluster_health_status', 'minio_cluster_drive_offline_total', 'minio_cluster_capacity_usable_free_bytes', 'minio_node_replication_recent_backlog_count', 'minio_node_replication_last_minute_queued_count', 'minio_bucket_replication_sent_bytes'];
    let missing: readonly string[] = names;
    // The store counts up to a minute behind.
    await eventually(async () => {
      const all = (await Promise.all(['cluster', 'node', 'bucket'].map((of) => scrape(storeOf('here'), `/minio/v2/metrics/${of}`, token)))).join('\n');
      missing = names.filter((name) => !all.includes(`\n${name}`));
      return missing.length === 0;
    }, 120_000, () => `without ${missing.join(', ')}`);
    for (const of of ['v2/metrics/cluster', 'v2/metrics/node', 'v2/metrics/bucket', 'v2/metrics/resource', 'metrics/v3', 'prometheus/metrics']) expect(await anonymous(storeOf('here'), `${storeOf('here').endpoint}/minio/${of}`)).toBe(403);
    expect(await scrape(storeOf('there'), '/minio/v2/metrics/cluster', token)).toBe('403');
    expect(await caller('here', { name: 'care-metrics', key: METRICS }).status('GET', '/care-patient', { query: { 'list-type': '2' } })).toBe(403);
  });

  it('hold what was there before, when the scanner has come round', async () => {
    await eventually(async () => (await caller('there').status('GET', '/care-patient/before')) === 200, 90_000, () => 'what was there before is not copied');
  });
});
