import { expect, it } from 'vitest';
import { checkS3Upload, s3UploadInventory, S3UploadInventoryArgs } from '../../../../src/modules/s3_upload_inventory/index.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { goldenCases } from '../golden.ts';

goldenCases(s3UploadInventory, import.meta.url);

const RECIPIENT = `age1${'q'.repeat(58)}`;
const SOUND = { option: 'logs_s3', url: 'https://s3.site.example:9000/logs', access_key: 'logs', secret_key: new Secret('key-of-the-check'), recipients: [RECIPIENT], recipients_option: 'logs_recipients' };
const NOWHERE = { option: 'logs_s3', recipients_option: 'logs_recipients' };
const check = (args: object): string => checkS3Upload(S3UploadInventoryArgs.parse(args)).join('\n');

it.each<[string, object]>([
  ['nothing goes anywhere', NOWHERE],
  ['a bucket', SOUND],
  ['a folder of a bucket, at the standard port', { ...SOUND, url: 'https://s3.site.example/logs/kochi.1/a_b' }],
  ['a role that asks for recipients anyhow', { ...SOUND, recipients: undefined }],
])('%s: sound', (_what, args) => {
  expect(check(args)).toBe('');
});

it.each<[string, object, RegExp]>([
  ['plain http', { ...SOUND, url: 'http://s3.site.example/logs' }, /not encrypted on its way/],
  ['a store without a bucket', { ...SOUND, url: 'https://s3.site.example/' }, /https address of a bucket/],
  ['a folder with an end', { ...SOUND, url: 'https://s3.site.example/logs/' }, /https address of a bucket/],
  ['what is signed in several ways', { ...SOUND, url: 'https://s3.site.example/logs/a b' }, /letters, digits/],
  ['an account in the address', { ...SOUND, url: 'https://logs:key@s3.site.example/logs' }, /https address of a bucket/],
  ['no account', { ...SOUND, access_key: '' }, /needs logs_s3_access_key/],
  ['no key', { ...SOUND, secret_key: '' }, /needs logs_s3_secret_key/],
  ['a key that no header carries', { ...SOUND, secret_key: new Secret('schlüssel der logs') }, /needs logs_s3_secret_key/],
  ['a region that ends a line', { ...SOUND, region: 'a"\nb' }, /logs_s3_region/],
  ['nobody who may read it', { ...SOUND, recipients: [] }, /needs logs_recipients/],
  ['a private key for a public one', { ...SOUND, recipients: [RECIPIENT, `AGE-SECRET-KEY-1${'Q'.repeat(58)}`] }, /logs_recipients has 1 that are no public age keys/],
  ['nowhere, for what needs it', { ...NOWHERE, required_by: 'a restore reads copies' }, /^a restore reads copies, and logs_s3_url is empty$/],
  ['an account for nothing', { ...NOWHERE, access_key: 'logs', secret_key: new Secret('key-of-the-check') }, /logs_s3_access_key and logs_s3_secret_key without logs_s3_url/],
  ['recipients of nothing', { ...NOWHERE, recipients: [RECIPIENT] }, /logs_recipients without logs_s3_url/],
])('%s: refused', (_what, args, expected) => {
  expect(check(args)).toMatch(expected);
});

it('no key is in what is said', () => {
  expect(check({ ...SOUND, url: 'http://x', secret_key: new Secret('ümlaut-in-the-key'), recipients: [`AGE-SECRET-KEY-1${'Q'.repeat(58)}`] })).not.toMatch(/ümlaut|QQQ/);
});
