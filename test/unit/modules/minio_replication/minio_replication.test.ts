import { describe, expect, test } from 'vitest';
import type { S3Request } from '../../../../src/services/s3/sign.ts';
import { minioReplication } from '../../../../src/modules/minio_replication/index.ts';
import { settle } from '../../../../src/modules/minio_replication/plan.ts';
import { ReplicationArgs } from '../../../../src/modules/minio_replication/schema.ts';
import { keyId, readTargets, RemoteTargets, wished, writeRules, type Target } from '../../../../src/modules/minio_replication/target.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { goldenCases } from '../golden.ts';

goldenCases(minioReplication, import.meta.url);

const login = { endpoint_url: 'https://127.0.0.1:9000', access_key: 'care-root', secret_key: 'RootOfTheStore' };
const given = { endpoint_url: 'https://s3.delhi.example:9443', access_key: 'from-kochi', secret_key: 'KeyOfTheCopies26' };
const remote = (more: object = {}): unknown => ({ sourcebucket: 'b', arn: 'arn:minio:replication::1:b', endpoint: 's3.delhi.example:9443', secure: true, targetbucket: 'care', credentials: { accessKey: 'from-kochi' }, type: 'replication', replicationSync: false, disableProxy: true, isOnline: true, ...more });
const read = (rules: string | undefined, ...remotes: readonly unknown[]): readonly Target[] => readTargets(rules, RemoteTargets.parse(remotes));

describe('targets', () => {
  const { targets } = ReplicationArgs.parse({ name: 'care', targets: [given], ...login });
  const wanted = wished(targets, 'care');
  const arns = new Map([['https://s3.delhi.example:9443', 'arn:minio:replication::1:b']]);

  test('are read back as they were written, ids of keys and all', () => {
    expect(read(writeRules(wanted, arns), remote())).toEqual(wanted);
    expect(wanted[0]).toMatchObject({ bucket: 'care', delete_markers: true, deletes: false, existing_objects: true, replica_modifications: false, synchronous: false, bandwidth: 0 });
    const all = wished(ReplicationArgs.parse({ name: 'care', targets: [{ ...given, bucket: 'copy', prefix: 'x & y/', delete_markers: false, deletes: true, existing_objects: false, replica_modifications: true, synchronous: true, bandwidth: '1GiB', enabled: false }], ...login }).targets, 'care');
    expect(read(writeRules(all, arns), remote({ targetbucket: 'copy', replicationSync: true, bandwidthlimit: 2 ** 30 }))).toEqual(all);
  });

  test('differ by what somebody changed: the key, a filter by tags, a rule more, a rule or a target taken away', () => {
    const rules = writeRules(wanted, arns);
    const key = { endpoint_url: given.endpoint_url, access_key: given.access_key, secret_key: new Secret('AnotherKeyOfThem26') };
    expect(keyId(key)).not.toBe(wanted[0]?.key_id);
    expect(wanted[0]?.key_id).toMatch(/^[0-9a-f]{16}$/);
    expect(read(rules.replace('<Prefix></Prefix>', '<And><Prefix></Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And>'), remote())[0]?.also).toEqual(['a filter by tags']);
    const rule = /<Rule>.*<\/Rule>/.exec(rules)?.[0] ?? '';
    expect(read(rules.replace(rule, rule + rule), remote())[0]?.also).toEqual(['1 more rules']);
    expect(read(undefined, remote())[0]).toMatchObject({ enabled: false, also: ['no rule'] });
    expect(read(rules)[0]).toMatchObject({ endpoint_url: 'arn:minio:replication::1:b', also: ['a rule whose target is not there'] });
    expect(read(rules, remote({ disableProxy: false }))[0]?.also).toEqual(['reads of what is not here are passed on']);
    expect(read(rules.replace(/care-[0-9a-f]+/, 'by-hand'), remote())[0]?.key_id).toBe('');
    // An older way of writing has the ARN as role.
    expect(read(rules.replace('arn:minio:replication::1:b', 'b').replace('<Rule>', '<Role>arn:minio:replication::1:b</Role><Rule>'), remote())).toEqual(wanted);
  });

  test.each([['https://S3.Delhi.example:443', 'https://s3.delhi.example'], ['https://s3.delhi.example:9443/', 'https://s3.delhi.example:9443']])('%s is found again as the store says it: %s', (written, said) => {
    const parsed = ReplicationArgs.parse({ name: 'care', targets: [{ ...given, endpoint_url: written }], ...login }).targets;
    const wish = wished(parsed, 'care');
    expect(read(writeRules(wish, new Map([[said, 'arn:minio:replication::1:b']])), remote({ endpoint: said.replace('https://', '') }))).toEqual(wish);
  });

  test('cut off while the other store does not answer: rules that stay do not say yet that their target has the new key', async () => {
    const sent: S3Request[] = [];
    const answer = (body: string) => ({ status: 200, headers: {}, body: Buffer.from(body) });
    const store = {
      read: () => Promise.resolve(answer(JSON.stringify([remote(), remote({ arn: 'arn:minio:replication::2:b', endpoint: 's3.gone.example:9443' })]))),
      write: (request: S3Request) => {
        sent.push(request);
        return request.path.endsWith('set-remote-target') ? Promise.reject(new Error('it does not answer')) : Promise.resolve(answer(''));
      },
      sealed: (value: unknown) => Promise.resolve(Buffer.from(JSON.stringify(value))),
    };
    await expect(settle(store, { timeoutSeconds: 1, signal: new AbortController().signal }, 'care', targets, wanted)).rejects.toThrow('it does not answer');
    expect(sent.map((r) => r.path.split('/').at(-1))).toEqual(['care', 'remove-remote-target', 'set-remote-target']);
    const left = read(sent[0]?.body?.toString('utf8'), remote());
    expect(left).toEqual([{ ...wanted[0], key_id: '' }]);
  });

  test('of another name are none of ours, and a store without any says so as null', () => {
    expect(RemoteTargets.parse(null)).toEqual([]);
    expect(() => read('<Other/>')).toThrow('expected ReplicationConfiguration');
  });
});
