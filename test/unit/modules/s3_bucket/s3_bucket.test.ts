import { expect, test } from 'vitest';
import { s3Bucket } from '../../../../src/modules/s3_bucket/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(s3Bucket, import.meta.url);

test('CORS rules for a flavour that has none are refused by the arguments alone', () => {
  const args = { name: 'care-patient', cors_rules: [{ allowed_origins: ['https://care.example'], allowed_methods: ['PUT'] }], endpoint_url: 'https://127.0.0.1:9000', access_key: 'care-root', secret_key: 'RootOfTheStore' };
  expect(s3Bucket.refuses?.({ ...args, flavor: 'minio-source' })).toEqual([expect.stringContaining('bucket care-patient: a store of flavour minio-source has no CORS rules by bucket')]);
  for (const flavor of ['silo', 'rustfs', 'other']) expect(s3Bucket.refuses?.({ ...args, flavor })).toEqual([]);
});
