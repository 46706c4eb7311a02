/**
 * The S3 contract against the real MinIO as one process on this machine's loopback, with what role minio declares told to it by the role's own
 * tasks. The program was built from source into the artefact cache beforehand; without it this is skipped. Under a minute.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { packageRoot } from '../../src/support/package-root.ts';
import { Caller, may, type Store } from '../drills/support/s3-contract.ts';
import { BACKEND, contractTests, DATA, ROOT } from '../drills/support/s3-contract-tests.ts';
import { eventually, labProject, type LabProject } from './support/lab-project.ts';
import { freePort } from '../support/free-port.ts';

const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const digest = found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '';
const program = cachedPath(cacheDirectory(), digest);

let folder: string;
let server: ChildProcess | undefined;
let project: LabProject;
let store: Store;
let root: Caller;
let backend: Caller;
let said = '';

describe.skipIf(!existsSync(program))('the S3 contract, on a MinIO (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 's3-contract-'));
    const certs = path.join(folder, 'certs');
    mkdirSync(certs);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=s3-contract', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:s3.care.test', '-keyout', path.join(certs, 'private.key'), '-out', path.join(certs, 'public.crt')], { stdio: 'ignore' });
    const ca = readFileSync(path.join(certs, 'public.crt'), 'utf8');
    const minio = path.join(folder, 'minio');
    copyFileSync(program, minio);
    chmodSync(minio, 0o755);
    const port = await freePort();
    // MINIO_CI_CD lets drives be folders of one file system; nothing else is another way than on real drives.
    const env = { PATH: process.env['PATH'], HOME: folder, MINIO_CI_CD: '1', MINIO_UPDATE: 'off', MINIO_BROWSER: 'off', MINIO_CALLHOME_ENABLE: 'off', MINIO_PROMETHEUS_AUTH_TYPE: 'jwt', MINIO_ROOT_USER: ROOT.name, MINIO_ROOT_PASSWORD: ROOT.key, MINIO_KMS_SECRET_KEY: 'care-minio:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=' };
    server = spawn(minio, ['server', '--quiet', '--address', `127.0.0.1:${String(port)}`, '--certs-dir', certs, path.join(folder, 'drive{1...4}')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [server.stdout, server.stderr]) stream?.on('data', (text: Buffer) => { said += text.toString(); });
    store = { endpoint: `https://s3.care.test:${String(port)}`, region: 'us-east-1', ca, root: ROOT, address: () => '127.0.0.1' };
    root = new Caller(store, ROOT);
    backend = new Caller(store, BACKEND);
    await eventually(async () => (await root.status('GET', '/').catch(() => 0)) === 200, 60_000, () => said);
    const vars = { ...DATA, minio_root_password: `{{ secret "${ROOT.key}" }}`, minio_kms_key: '{{ secret "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=" }}', minio_authority: ca, minio_port: port, minio_address: '127.0.0.1', minio_started: { changed: false } };
    project = labProject({
      'inventory.yml': JSON.stringify({ all: { hosts: { store: { ansible_connection: 'local' } }, vars, children: { minio: { hosts: { store: null } } } } }),
      'data.yml': `- hosts: store\n  gather_facts: false\n  tasks:\n    - include_role: {name: "${path.join(packageRoot(), 'roles', 'minio')}", tasks_from: data}\n`,
    });
  });
  afterAll(async () => {
    await root.close();
    await backend.close();
    project.remove();
    const ended = new Promise((resolve) => server?.once('exit', resolve));
    server?.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  it('is told what role minio declares; a second time nothing changes', async () => {
    const run = () => project.run({ playbooks: [path.join(project.dir, 'data.yml')], hostLockDirectory: path.join(folder, 'locks') });
    const changes = (result: Awaited<ReturnType<typeof run>>): readonly string[] => result.events.flatMap((e) => (e.type === 'change' ? [e.resource] : []));
    const trouble = (result: Awaited<ReturnType<typeof run>>): string => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? e.msg ?? ''}`] : [])).join('\n');
    const told = await run();
    expect([trouble(told), told.status]).toEqual(['', 0]);
    expect(changes(told)).toContain('MinIO user care-backend');
    const again = await run();
    expect([trouble(again), again.status, changes(again)]).toEqual(['', 0, []]);
  });

  it('has SN-2026-004: a wildcard about objects gives what is about their bucket, so role minio refuses it of this flavour', async () => {
    const wide = { minio_policies: [...DATA.minio_policies, { name: 'wide', policy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: ['s3:*'], Resource: 'arn:aws:s3:::plain/*' }] } }], minio_users: [...DATA.minio_users, { name: 'wide', password: '{{ secret "KeyOfWhatIsWide2026" }}', policies: ['wide'] }] };
    const told = await project.run({ playbooks: [path.join(project.dir, 'data.yml')], hostLockDirectory: path.join(folder, 'locks'), extraVars: wide as unknown as NonNullable<RunOptions['extraVars']> });
    expect(told.status).toBe(0);
    const caller = new Caller(store, { name: 'wide', key: 'KeyOfWhatIsWide2026' });
    // When this fails, the flavour was mended: let the role take wildcards then.
    expect(await may(root, caller, 'plain', 'list')).toBe(true);
    await caller.close();
  });

  contractTests({
    store: () => store,
    root: () => root,
    backend: () => backend,
    rawDrives: (text) => Promise.resolve(Number(execFileSync('sh', ['-c', 'grep -rlF "$1" "$2"/drive* | wc -l', 'sh', text, folder], { encoding: 'utf8' }))),
  });
});
