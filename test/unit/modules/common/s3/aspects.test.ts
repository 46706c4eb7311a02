/** Settings of buckets as MinIO writes them (recorded from the real one), and as we write them. */
import { describe, expect, test } from 'vitest';
import { cors } from '../../../../../src/modules/common/s3/aspects/cors.ts';
import { encryption } from '../../../../../src/modules/common/s3/aspects/encryption.ts';
import { lifecycle, type LifecycleRule } from '../../../../../src/modules/common/s3/aspects/lifecycle.ts';
import { notification } from '../../../../../src/modules/common/s3/aspects/notification.ts';
import { objectLock } from '../../../../../src/modules/common/s3/aspects/object-lock.ts';
import { readPolicy } from '../../../../../src/modules/common/s3/aspects/policy.ts';
import { tagging } from '../../../../../src/modules/common/s3/aspects/tagging.ts';
import { versioning } from '../../../../../src/modules/common/s3/aspects/versioning.ts';
import { readConfig } from '../../../../../src/modules/minio_config/query.ts';

const RULES: readonly LifecycleRule[] = [
  { id: 'a', status: 'Enabled', prefix: '', tags: {}, expiration: { expired_object_delete_marker: true } },
  { id: 'b', status: 'Disabled', prefix: 'tmp & co ', tags: { kind: 'scratch ', x: '<y>' }, expiration: { date: '2020-01-31' } },
  { id: 'c', status: 'Enabled', prefix: '', tags: { one: '1' }, expiration: { days: 3 } },
  { id: 'd', status: 'Enabled', prefix: 'x', tags: {}, object_size_greater_than: 10, object_size_less_than: 20, noncurrent_version_expiration: { noncurrent_days: 90, newer_noncurrent_versions: 3 } },
  { id: 'e', status: 'Enabled', prefix: 'y', tags: {}, transition: { days: 0, storage_class: 'COLD' }, noncurrent_version_transition: { noncurrent_days: 5, storage_class: 'COLD' } },
  { id: 'f', status: 'Enabled', prefix: '', tags: {}, abort_incomplete_multipart_upload: { days_after_initiation: 7 }, del_marker_expiration: { days: 2 } },
];

describe('what is written is read again', () => {
  test('lifecycle rules', () => {
    expect(lifecycle.aspect.read(lifecycle.aspect.write(RULES))).toEqual(RULES);
    expect(lifecycle.aspect.read(lifecycle.aspect.write([...RULES].reverse()))).toEqual(RULES);
  });
  test('the others', () => {
    const tags = { a: 'b', 'c d': '', ' e ': ' f ' };
    expect(tagging.aspect.read(tagging.aspect.write(tags))).toEqual(tags);
    for (const retention of [null, { mode: 'COMPLIANCE', unit: 'years', count: 7 }, { mode: 'GOVERNANCE', unit: 'days', count: 1 }] as const) expect(objectLock.aspect.read(objectLock.aspect.write({ retention }))).toEqual({ retention });
    for (const config of [{ algorithm: 'AES256', key: null }, { algorithm: 'aws:kms', key: 'care' }] as const) expect(encryption.aspect.read(encryption.aspect.write(config))).toEqual(config);
    for (const status of ['Enabled', 'Suspended'] as const) expect(versioning.aspect.read(versioning.aspect.write(status))).toBe(status);
    const rules = [{ allowed_origins: ['https://care.example'], allowed_methods: ['GET', 'PUT'], allowed_headers: ['*'], expose_headers: ['ETag'], max_age_seconds: 60 }];
    expect(cors.aspect.read(cors.aspect.write(rules))).toEqual(rules);
    const told = [{ id: 'a', arn: 'arn:minio:sqs::care:webhook', events: ['s3:ObjectCreated:*'], prefix: ' in/', suffix: '' }, { id: 'b', arn: 'arn:x', events: ['s3:ObjectRemoved:*'], prefix: '', suffix: '' }];
    expect(notification.aspect.read(notification.aspect.write([...told].reverse()))).toEqual(told);
  });
});

test('the oldest way of writing a rule, and what says nothing', () => {
  expect(lifecycle.aspect.read('<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>x</ID><Status>Enabled</Status><Prefix>old/</Prefix><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>')).toEqual([{ id: 'x', status: 'Enabled', prefix: 'old/', tags: {}, expiration: { days: 1 } }]);
  expect(lifecycle.aspect.read('<LifecycleConfiguration/>')).toBeUndefined();
  expect(versioning.aspect.read('<VersioningConfiguration xmlns="x"></VersioningConfiguration>')).toBeUndefined();
  expect(notification.aspect.read('<NotificationConfiguration/>')).toBeUndefined();
  expect(() => tagging.aspect.read('<Other/>')).toThrow('expected Tagging, got Other');
});

test('an expiration that deletes more than can be declared is another one', () => {
  const read = (expiration: string): unknown => lifecycle.aspect.read(`<LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status><Filter/><Expiration>${expiration}</Expiration></Rule></LifecycleConfiguration>`)?.[0]?.expiration;
  expect(read('<Days>30</Days><ExpiredObjectAllVersions>true</ExpiredObjectAllVersions>')).toEqual({ days: 30, also: ['ExpiredObjectAllVersions'] });
  expect(read('<Days>30</Days><ExpiredObjectAllVersions>false</ExpiredObjectAllVersions><ExpiredObjectDeleteMarker/>')).toEqual({ days: 30 });
  expect(read('<Date>2030-01-31T00:00:00Z</Date>')).toEqual({ date: '2030-01-31' });
});

test('a rule that moves objects more than once is another one than can be declared', () => {
  const rule = (body: string): unknown => lifecycle.aspect.read(`<LifecycleConfiguration><Rule><ID>x</ID><Status>Enabled</Status><Filter/>${body}</Rule></LifecycleConfiguration>`)?.[0];
  const first = '<Transition><Days>30</Days><StorageClass>WARM</StorageClass></Transition>';
  const wanted = { id: 'x', status: 'Enabled', prefix: '', tags: {}, transition: { days: 30, storage_class: 'WARM' } };
  expect(rule(first)).toEqual(wanted);
  expect(rule(`${first}<Transition><Days>90</Days><StorageClass>COLD</StorageClass></Transition>`)).toEqual({ ...wanted, also: ['Transition to COLD after 90'] });
  expect(rule(`${first}<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays><StorageClass>A</StorageClass></NoncurrentVersionTransition><NoncurrentVersionTransition><NoncurrentDays>2</NoncurrentDays><StorageClass>B</StorageClass></NoncurrentVersionTransition>`))
    .toEqual({ ...wanted, noncurrent_version_transition: { noncurrent_days: 1, storage_class: 'A' }, also: ['NoncurrentVersionTransition to B after 2'] });
});

describe('policies', () => {
  const same = (a: unknown, b: unknown): void => { expect(readPolicy(JSON.stringify(a))).toEqual(readPolicy(JSON.stringify(b))); };
  test('are compared by what they mean', () => {
    same({ Version: '2012-10-17', Statement: { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'r' } }, { ID: '', Version: '2012-10-17', Statement: [{ Sid: '', Effect: 'Allow', Principal: { AWS: ['*'] }, Action: ['s3:GetObject'], NotAction: [], Resource: ['r'], Condition: {} }] });
    same({ Statement: [{ Effect: 'Deny', Action: ['b', 'a', 'a'], Condition: { Bool: { x: false } } }, { Effect: 'Allow', Action: 'c' }] }, { Statement: [{ Effect: 'Allow', Action: ['c'] }, { Condition: { Bool: { x: ['false'] } }, Action: ['a', 'b'], Effect: 'Deny' }, { Effect: 'Allow', Action: 'c' }] });
  });
  test('and a difference is one', () => {
    expect(readPolicy('{"Statement":[{"Effect":"Allow","Action":"a"}]}')).not.toEqual(readPolicy('{"Statement":[{"Effect":"Deny","Action":"a"}]}'));
    expect(() => readPolicy('{"Statement":[{"Effect":"Perhaps","Action":"a"}]}')).toThrow();
  });
});

test("MinIO's settings are read from its lines", () => {
  const text = '# MINIO_API_REQUESTS_MAX=5\napi requests_max=0 cors_allow_origin=* comment="two words" empty= \nnotify_webhook enable=off endpoint= \n# MINIO_NOTIFY_WEBHOOK_ENDPOINT_CARE=https://x\nnotify_webhook:care endpoint=https://x.test/?a=b queue_limit=0 \n';
  expect(readConfig(text, 'api', '_')).toEqual({ exists: true, settings: { requests_max: '0', cors_allow_origin: '*', comment: 'two words', empty: '' }, fromEnvironment: ['requests_max'] });
  expect(readConfig(text, 'notify_webhook', 'care')).toMatchObject({ exists: true, settings: { endpoint: 'https://x.test/?a=b', queue_limit: '0' }, fromEnvironment: ['endpoint'] });
  expect(readConfig(text, 'notify_webhook', 'other')).toEqual({ exists: false, settings: {}, fromEnvironment: [] });
});
