import { expect, test } from 'vitest';
import { loginOf } from '../../../../../src/modules/common/s3/login.ts';
import { Secret } from '../../../../../src/support/secret.ts';
import { fakeHost } from '../../fake-host.ts';

const args = { endpoint_url: 'https://127.0.0.1:9000', access_key: 'care-root', secret_key: new Secret('a-secret-key-of-the-test'), region: 'us-east-1' };
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';

test('of a file of authorities the certificates alone are taken', () => {
  const host = fakeHost({ local: { '/ca.pem': { content: `-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n${PEM}\n` } } });
  expect(loginOf({ ...args, ca_cert: '/ca.pem' }, host).ca).toBe(PEM);
  expect(loginOf(args, host).ca).toBeUndefined();
});

test('one without a certificate is refused: the store would be held against the authorities that everybody trusts', () => {
  const host = fakeHost({ local: { '/empty.pem': { content: '' } } });
  expect(() => loginOf({ ...args, ca_cert: '/empty.pem' }, host)).toThrow(expect.objectContaining({ code: 'no-certificate' }) as Error);
});
