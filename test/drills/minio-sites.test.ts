/**
 * Two stores at two sites, each one host with four drives, and the buckets of one copied to the other; with the real MinIO, without which
 * they are skipped. And what role minio declares besides: metrics by a token, hand-set policies, CORS for flavours that know it.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import type { EventLine, ResultLine, SummaryLine } from '../../src/drills/report/lines.ts';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { anonymous, Caller, type Account, type Store } from './support/s3-contract.ts';

const HOSTS = ['n1', 'n2'] as const;
const VERSION = '2026-02-12';
const found = findArtifact(loadCatalogue([]), 'minio', VERSION);
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const docs = process.env['CARE_DRILLS_DOCS'];
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', `${name}.yml`);
const ROOT: Account = { name: 'care-root', key: 'RootOfTheDrill2026' };
/** With what curl's and MinIO's settings would take for their own. */
const COPIES: Account = { name: 'from-kochi', key: 'Key"of\\the-copies26' };
const METRICS = 'KeyOfTheMetrics26';

let lab: Lab;
let project: LabProject;
let [here, there]: [Caller | undefined, Caller | undefined] = [undefined, undefined];
const callers: Caller[] = [];

const addressOf = (host: string): string => String(hostVariables(lab, host)['ansible_host']);
const drives = 'for n in 1 2 3 4; do mkdir -p /srv/minio/drive$n; mountpoint -q /srv/minio/drive$n || mount -t tmpfs -o size=1g minio$n /srv/minio/drive$n; done';
const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [book('pki'), book('minio')], ...options });
const runStore = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: [book('minio')], ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');
const succeeded = (result: Result): void => { expect([troubles(result), result.status]).toEqual(['', 0]); };

function storeOf(host: string): Store {
  const ca = readFileSync(path.join(project.dir, '.care', 'pki', 'authority.pem'), 'utf8').match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/)?.[0] ?? '';
  return { endpoint: 'https://localhost:9000', region: 'us-east-1', ca, root: ROOT, address: () => addressOf(host) };
}

function caller(host: string, account: Account): Caller {
  const made = new Caller(storeOf(host), account);
  callers.push(made);
  return made;
}

const caught = (of: Caller | undefined): Caller => of ?? caller('n1', ROOT);

describe.skipIf(!existsSync(cachedPath(cacheDirectory(), digest)))(`minio ${VERSION} at two sites (care-provision artifacts fetch minio)`, () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('msites'), hosts: [{ name: 'n1', site: 'kochi', release: 'trixie' as const }, { name: 'n2', site: 'delhi', release: 'trixie' as const }] });
    project = labProject({});
    project.write('artifacts.yml', JSON.stringify({ end_of_life_accepted: [{ name: 'minio', version: VERSION, until: '9999-12-31', reason: 'a drill' }] }));
    const hosts = Object.fromEntries(HOSTS.map((name) => {
      const address = addressOf(name);
      return [name, { ...hostVariables(lab, name), lab_address: address, minio_address: address, pki_host_address: address }];
    }));
    const vars = { drills: 'allowed', base_firewall: false, minio_standalone: true, minio_filesystems: ['tmpfs'], minio_root_password: `{{ secret "${ROOT.key}" }}`, minio_settings: { scanner: { speed: 'fastest' } } };
    const secret = `{{ secret (b64_decode "${Buffer.from(COPIES.key).toString('base64')}") }}`;
    project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: {
      minio: { hosts: { n1: null }, vars: {
        minio_buckets: [{ name: 'care-patient' }, { name: 'by-hand', manage_policy: false }],
        minio_replication: [{ bucket: 'care-patient', targets: [{ endpoint_url: `https://${addressOf('n2')}:9000`, access_key: COPIES.name, secret_key: secret }] }],
        minio_metrics_password: `{{ secret "${METRICS}" }}`,
      } },
      minio_copies: { hosts: { n2: null }, vars: {
        minio_group: 'minio_copies',
        minio_buckets: [{ name: 'care-patient' }, { name: 'other' }],
        minio_replication_sources: [{ name: COPIES.name, password: secret, buckets: ['care-patient'] }],
      } },
    } } }));
    await Promise.all(HOSTS.map((host) => onHost(lab, host, `${drives}; command -v nft >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends nftables; } >/dev/null 2>&1`)));
  }, 900_000);
  afterAll(async () => {
    await Promise.all(callers.map((c) => c.close()));
    project.remove();
    await labDown(ownLab('msites'));
  });

  it('refuses CORS rules for a flavour without them before any host is touched, and two hosts that stand alone', async () => {
    const cors = { minio_buckets: [{ name: 'care-facility', cors: [{ allowed_origins: ['https://care.example'], allowed_methods: ['PUT'] }] }] } as unknown as NonNullable<RunOptions['extraVars']>;
    const refused = await project.start(['validate', 'inventory.yml', book('minio'), '--extra-vars', JSON.stringify(cors)]).ended;
    expect([refused.status, refused.stderr]).toEqual([65, expect.stringContaining('flavour minio-source has no CORS rules by bucket')]);
    const same = await runStore({ extraVars: { minio_standalone: false } });
    expect(troubles(same)).toContain('at least four hosts (with minio_standalone: true one');
    expect(await onHost(lab, 'n1', 'ls /usr/local/bin/minio 2>&1 || true')).toContain('No such file');
  });

  it('is made as predicted, copies and all; a second apply changes nothing; verify reads at the other site what it has written here', async () => {
    const predicted = await run({ mode: 'check' });
    expect([troubles(predicted), predicted.summary?.total.failed]).toEqual(['', 0]);
    const made = await run();
    succeeded(made);
    expect(changes(made)).toEqual(changes(predicted));
    const again = await run();
    expect([again.status, changes(again)]).toEqual([0, []]);
    const verified = await run({ mode: 'verify' });
    succeeded(verified);
    expect(verified.events.some((e) => e.type === 'task' && e.task.includes('read at the other site') && e.status === 'ok')).toBe(true);
    for (const secret of [ROOT.key, COPIES.key, METRICS]) for (const result of [made, verified]) expect(JSON.stringify(result.events)).not.toContain(JSON.stringify(secret).slice(1, -1));
    [here, there] = [caller('n1', ROOT), caller('n2', ROOT)];
  });

  it('copies versions and delete markers; what is deleted for good stays there', async () => {
    const [kochi, delhi] = [caught(here), caught(there)];
    await kochi.put('/care-patient/a', 'one');
    await kochi.put('/care-patient/a', 'two');
    const versions = async (of: Caller): Promise<number> => ((await of.send('GET', '/care-patient', { query: { versions: '', prefix: 'a' } })).body.toString().match(/<VersionId>/g) ?? []).length;
    await eventually(async () => (await versions(delhi)) === 2, 60_000, () => 'not both versions are there');
    await kochi.status('DELETE', '/care-patient/a');
    await eventually(async () => (await delhi.status('GET', '/care-patient/a')) === 404, 60_000, () => 'the delete marker is not there');
    for (const id of (await kochi.send('GET', '/care-patient', { query: { versions: '', prefix: 'a' } })).body.toString().matchAll(/<VersionId>([^<]+)</g)) await kochi.status('DELETE', '/care-patient/a', { query: { versionId: id[1] ?? '' } });
    expect(await versions(kochi)).toBe(0);
    expect(await versions(delhi)).toBe(3);
  });

  it('the account that copies may do so in its bucket, and nothing else', async () => {
    const copier = caller('n2', COPIES);
    expect(await copier.status('GET', '/other', { query: { 'list-type': '2' } })).toBe(403);
    expect((await copier.put('/other/x', 'x')).status).toBe(403);
    const open = Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::care-patient/*' }] }));
    expect(await copier.status('PUT', '/care-patient', { query: { policy: '' }, body: open })).toBe(403);
    expect(await copier.status('DELETE', '/care-patient', { query: { replication: '' } })).toBe(403);
    expect(await copier.status('GET', '/minio/admin/v3/info')).toBe(403);
  });

  it('finds and mends what somebody changed: copies switched off, a policy set by hand; leaves alone what it is told to', async () => {
    const kochi = caught(here);
    await kochi.status('DELETE', '/care-patient', { query: { replication: '' } });
    const open = (bucket: string): Buffer => Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/*` }] }));
    for (const bucket of ['care-patient', 'by-hand']) expect(await kochi.status('PUT', `/${bucket}`, { query: { policy: '' }, body: open(bucket) })).toBe(204);
    expect(changes(await runStore({ mode: 'check' }))).toEqual(['n1|bucket care-patient']);
    const mended = await runStore();
    succeeded(mended);
    expect(changes(mended)).toEqual(['n1|bucket care-patient']);
    await kochi.put('/care-patient/b', 'b');
    await kochi.put('/by-hand/b', 'b');
    expect([await anonymous(storeOf('n1'), 'https://localhost:9000/care-patient/b'), await anonymous(storeOf('n1'), 'https://localhost:9000/by-hand/b')]).toEqual([403, 200]);
    await eventually(async () => (await caught(there).status('GET', '/care-patient/b')) === 200, 60_000, () => 'it is not copied again');
    expect(changes(await runStore())).toEqual([]);
  });

  it('gives metrics to whoever has the token, the backlog of copies among them, and to nobody else', async () => {
    expect(await onHost(lab, 'n1', 'stat -c "%a %U %G" /etc/minio/metrics.token')).toBe('600 root root');
    const scrape = (path: string): Promise<string> => onHost(lab, 'n1', `{ printf 'header = "Authorization: Bearer '; tr -d '\\n' </etc/minio/metrics.token; printf '"\\n'; } | curl -q -s -K - --cacert /etc/minio/certs/CAs/ca.crt https://127.0.0.1:9000${path}`);
    const all = [await scrape('/minio/v2/metrics/cluster'), await scrape('/minio/v2/metrics/node'), await scrape('/minio/v2/metrics/bucket')].join('\n');
    console.log([...new Set([...all.matchAll(/^(minio_\w*repl\w*)/gm)].map((m) => m[1]))].join('\n'));
    for (const name of ['minio_cluster_health_status', 'minio_cluster_drive_offline_total', 'minio_node_replication_recent_backlog_count']) expect(all).toContain(name);
    // Its user may do nothing else.
    expect(await caller('n1', { name: 'care-metrics', key: METRICS }).status('GET', '/care-patient', { query: { 'list-type': '2' } })).toBe(403);
    expect(await onHost(lab, 'n1', 'curl -q -s -o /dev/null -w "%{http_code}" --cacert /etc/minio/certs/CAs/ca.crt https://127.0.0.1:9000/minio/v2/metrics/cluster')).toBe('403');
  });

  it('a site that is lost: what was written is read at the other, clients write there, and all comes back', async () => {
    const { status, stdout, stderr } = await project.start(['drill', 'minio-site-loss', 'inventory.yml', '--output', 'json', ...(docs === undefined ? [] : ['--docs', docs])]).ended;
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as SummaryLine | EventLine | ResultLine);
    console.log(lines.map((line) => (line.type === 'event' ? `${String(line.at_ms)} ${line.what}` : JSON.stringify(line))).join('\n'));
    const summary = lines.find((line) => line.type === 'summary');
    expect([status, summary?.misses, stderr]).toEqual([0, [], '']);
    expect(summary).toMatchObject({ drill: 'minio-site-loss', met: true, lost: 0 });
    expect(lines.find((line) => line.type === 'result')?.counts['failed_requests']).toBe(0);
    expect(await onHost(lab, 'n1', 'nft list tables')).not.toContain('care_drill');
    for (const of of [here, there]) expect(await caught(of).status('HEAD', '/care-drill')).toBe(404);
  });
});
