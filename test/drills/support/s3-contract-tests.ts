/**
 * The contract of support/s3-contract.ts as tests, and the buckets and accounts that it is tried with, as role minio declares them. Whoever
 * tries a store has these declared in it first.
 */
import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { eventually } from '../../integration/support/lab-project.ts';
import { anonymous, Caller, header, may, multipart, openUploads, plainHttp, presigned, takesTls, VERBS, versions, type Account, type Store, type Verb } from './s3-contract.ts';

export const ROOT: Account = { name: 'care-root', key: 'RootOfTheDrill2026' };
export const BACKEND: Account = { name: 'care-backend', key: 'KeyOfTheBackend2026' };
const BACKUP: Account = { name: 'pgbackrest', key: 'KeyOfTheBackups2026' };
const OBJECTS: Account = { name: 'objects-only', key: 'KeyOfObjectsOnly2026' };
const allow = (actions: readonly string[], resource: string): object => ({ Effect: 'Allow', Action: actions, Resource: `arn:aws:s3:::${resource}` });
const READ_WRITE = ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

const BUCKETS: readonly Readonly<Record<string, unknown>>[] = [
  { name: 'care-patient', quota: '1GiB', tags: { data: 'patient' }, lifecycle: [{ id: 'old-versions', noncurrent_version_expiration: { noncurrent_days: 90 } }, { id: 'past', prefix: 'contract/past/', expiration: { date: '2020-01-31' } }] },
  { name: 'care-facility', policy: { Version: '2012-10-17', Statement: [{ ...allow(['s3:GetObject'], 'care-facility/*'), Principal: '*' }] } },
  { name: 'backups', object_lock: true, retention: { mode: 'GOVERNANCE', days: 1 } },
  { name: 'plain', encrypted: false, versioning: false, lifecycle: [] },
];
export const DATA = {
  minio_settings: { api: { stale_uploads_expiry: '168h' }, scanner: { speed: 'fastest' } },
  minio_buckets: BUCKETS,
  minio_policies: [
    { name: 'care-backend', policy: { Version: '2012-10-17', Statement: ['care-patient', 'care-facility'].flatMap((b) => [allow(READ_WRITE, `${b}/*`), allow(['s3:ListBucket', 's3:ListBucketMultipartUploads'], b)]) } },
    { name: 'pgbackrest', policy: { Version: '2012-10-17', Statement: [allow([...READ_WRITE, 's3:DeleteObjectVersion'], 'backups/*'), allow(['s3:ListBucket'], 'backups')] } },
    { name: 'objects-only', policy: { Version: '2012-10-17', Statement: [allow(['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], 'care-patient/*')] } },
  ],
  minio_users: [BACKEND, BACKUP, OBJECTS].map(({ name, key }) => ({ name, password: `{{ secret "${key}" }}`, policies: [name] })),
};
/** What each account may, by bucket; what is not named it may not. */
// Whether an account that has no word on a public bucket reads there as everybody does is told differently by different stores: not asked.
const MATRIX: Readonly<Record<string, Readonly<Record<string, readonly Verb[]>>>> = {
  'care-backend': { 'care-patient': ['get', 'put', 'delete', 'list'], 'care-facility': ['get', 'put', 'delete', 'list'] },
  pgbackrest: { backups: ['get', 'put', 'delete', 'list'] },
  // What is about objects gives nothing that is about their bucket.
  'objects-only': { 'care-patient': ['get', 'put', 'delete'] },
};

export interface Tried {
  readonly store: () => Store;
  readonly root: () => Caller;
  readonly backend: () => Caller;
  /** In how many files of the raw drives a text is. */
  readonly rawDrives: (text: string) => Promise<number>;
}

/** The tests, to be called in a `describe`. */
export function contractTests(of: Tried): void {
  it('keeps versions', async () => {
    expect(await versions(of.backend(), 'care-patient')).toEqual({ removed: 204, now: 404, old: 'v1' });
  });

  it('deletes what its lifecycle says, and nothing else', async () => {
    for (const name of ['past/gone', 'kept']) expect((await of.backend().put(`/care-patient/contract/${name}`, name)).status).toBe(200);
    await eventually(async () => (await of.backend().status('GET', '/care-patient/contract/past/gone')) === 404, 120_000, () => 'the object is still there');
    expect(await of.backend().status('GET', '/care-patient/contract/kept')).toBe(200);
  });

  it('lets nobody delete what is locked, but who bypasses it by name', async () => {
    const backup = new Caller(of.store(), BACKUP);
    const version = header(await backup.put('/backups/locked', 'kept'), 'x-amz-version-id');
    for (const caller of [backup, of.root()]) {
      const refused = await caller.send('DELETE', '/backups/locked', { query: { versionId: version } });
      expect([400, 403], refused.body.toString()).toContain(refused.status);
    }
    expect((await backup.send('GET', '/backups/locked', { query: { versionId: version } })).body.toString()).toBe('kept');
    expect(await of.root().status('DELETE', '/backups/locked', { query: { versionId: version }, headers: { 'x-amz-bypass-governance-retention': 'true' } })).toBe(204);
    await backup.close();
  });

  it('lets each account do what is declared in each bucket, and nothing else', async () => {
    for (const account of [BACKEND, BACKUP, OBJECTS]) {
      const caller = new Caller(of.store(), account);
      for (const bucket of ['care-patient', 'care-facility', 'backups', 'plain']) {
        const allowed: Verb[] = [];
        for (const verb of VERBS) if ((verb !== 'get' || bucket !== 'care-facility' || account === BACKEND) && (await may(of.root(), caller, bucket, verb))) allowed.push(verb);
        expect(allowed, `${account.name} in ${bucket}`).toEqual(MATRIX[account.name]?.[bucket] ?? []);
      }
      await caller.close();
    }
  });

  it('shows those without an account what is public alone', async () => {
    await of.root().put('/care-facility/contract/logo', 'logo');
    await of.root().put('/care-patient/contract/record', 'record');
    const seen = await Promise.all(['care-facility/contract/logo', 'care-patient/contract/record', 'care-facility/', 'care-patient/'].map((at) => anonymous(of.store(), `${of.store().endpoint}/${at}`)));
    expect(seen).toEqual([200, 403, 403, 403]);
    expect(await anonymous(of.store(), `${of.store().endpoint}/minio/v2/metrics/cluster`)).toBe(403);
  });

  it('speaks TLS 1.2 and later alone', async () => {
    await of.root().put('/care-facility/contract/bytes', 'the bytes themselves');
    expect(await plainHttp(of.store(), '/care-facility/contract/bytes')).not.toContain('the bytes themselves');
    expect([await takesTls(of.store(), 'TLSv1.1'), await takesTls(of.store(), 'TLSv1.2'), await takesTls(of.store(), 'TLSv1.3')]).toEqual([false, true, true]);
  });

  it('encrypts: what was written is on no drive in the clear', async () => {
    const canary = `canary-${randomBytes(8).toString('hex')}`;
    await of.backend().put(`/care-patient/contract/canary`, `${canary} `.repeat(4000));
    expect(header(await of.backend().send('HEAD', '/care-patient/contract/canary'), 'x-amz-server-side-encryption')).toBe('AES256');
    expect(await of.rawDrives(canary)).toBe(0);
    // Where nothing is encrypted it is found, so the look at the drives is one.
    await of.root().put('/plain/canary', `${canary}-plain `.repeat(4000));
    expect(await of.rawDrives(`${canary}-plain`)).toBeGreaterThan(0);
  });

  it('lets those in who have a signed address, for its time and its object alone', async () => {
    await of.backend().put('/care-patient/contract/shared', 'shared');
    const url = await presigned(of.store(), BACKEND, 'GET', '/care-patient/contract/shared', 300);
    expect(await anonymous(of.store(), url)).toBe(200);
    expect(await anonymous(of.store(), url.href.replace('contract/shared', 'contract/record'))).toBe(403);
    const short = await presigned(of.store(), BACKEND, 'GET', '/care-patient/contract/shared', 1);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await anonymous(of.store(), short)).toBe(403);
    expect(await anonymous(of.store(), await presigned(of.store(), OBJECTS, 'GET', '/backups/locked', 300))).toBe(403);
  });

  it('takes uploads in parts', async () => {
    const parts = [randomBytes(5 * 1024 * 1024), randomBytes(5 * 1024 * 1024), Buffer.from('the end')];
    const done = await multipart(of.backend(), 'care-patient', parts);
    expect(done.etag).toMatch(/-3"?$/);
    expect(done.same).toBe(true);
    expect(await openUploads(of.backend(), 'care-patient', 'contract/')).toBe(0);
  });
}
