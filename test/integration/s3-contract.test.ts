/**
 * The S3 contract against the real MinIO as one process on this machine's loopback, with what role minio declares told to it by the role's own
 * tasks. The program was built from source into the artefact cache beforehand; without it this is skipped. Under a minute.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunOptions } from '../../src/run/options.ts';
import { packageRoot } from '../../src/support/package-root.ts';
import { Caller, may, type Store } from '../drills/support/s3-contract.ts';
import { BACKEND, contractTests, DATA, ROOT } from '../drills/support/s3-contract-tests.ts';
import { hasMinio, MINIO_KMS_KEY, minioProcess, type MinioProcess } from '../support/minio-process.ts';
import { labProject, type LabProject } from './support/lab-project.ts';

let minio: MinioProcess;
let folder: string;
let project: LabProject;
let store: Store;
let root: Caller;
let backend: Caller;

describe.skipIf(!hasMinio)('the S3 contract, on a MinIO (care-provision artifacts fetch minio)', () => {
  beforeAll(async () => {
    minio = await minioProcess(ROOT);
    ({ folder, store, root } = minio);
    backend = new Caller(store, BACKEND);
    const vars = { ...DATA, minio_root_password: `{{ secret "${ROOT.key}" }}`, minio_kms_key: `{{ secret "${MINIO_KMS_KEY}" }}`, minio_authority: store.ca, minio_port: minio.port, minio_address: '127.0.0.1', minio_started: { changed: false } };
    project = labProject({
      'inventory.yml': JSON.stringify({ all: { hosts: { store: { ansible_connection: 'local' } }, vars, children: { minio: { hosts: { store: null } } } } }),
      'data.yml': `- hosts: store\n  gather_facts: false\n  tasks:\n    - include_role: {name: "${path.join(packageRoot(), 'roles', 'minio')}", tasks_from: data}\n`,
    });
  });
  afterAll(async () => {
    await backend.close();
    project.remove();
    await minio.stop();
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
