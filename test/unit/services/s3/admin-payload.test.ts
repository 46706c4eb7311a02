import { randomBytes } from 'node:crypto';
import * as crypto from 'node:crypto';
import { expect, test } from 'vitest';
import { argon2idInJavaScript, openPayload, sealPayload } from '../../../../src/services/s3/admin-payload.ts';

/** Sealed by madmin-go 3.0.109 (EncryptData), for the secret `a secret key of root`: argon2id with AES-GCM. */
const BY_MADMIN = 'vi/VdUfP0LgKqqB5em8dIJNeEBErq3MHi7z/JukPaBQAACeqdOrmvW8ItDyXg9SyIovowvn8C5jQYuZ0Ur/Sozl8OnaHRHLsr2uX';

test.each([0, 1, 16383, 16384, 16385, 40_000])('what is sealed is opened again: %d bytes', async (size) => {
  const plain = randomBytes(size);
  const sealed = await sealPayload('a secret key', plain);
  expect(sealed.includes(plain.subarray(0, 16)) && size >= 16).toBe(false);
  expect((await openPayload('a secret key', sealed)).equals(plain)).toBe(true);
  await expect(openPayload('another secret key', sealed)).rejects.toThrow();
});

test('what was cut off or changed is not opened', async () => {
  const sealed = await sealPayload('a secret key', randomBytes(20_000));
  await expect(openPayload('a secret key', sealed.subarray(0, 41 + 16_400))).rejects.toThrow();
  await expect(openPayload('a secret key', sealed.subarray(0, 40))).rejects.toThrow('cut off');
  const changed = Buffer.from(sealed);
  changed[32] = 7;
  await expect(openPayload('a secret key', changed)).rejects.toThrow('not known (7)');
});

test('what MinIO’s own client has sealed is opened', async () => {
  expect((await openPayload('a secret key of root', Buffer.from(BY_MADMIN, 'base64'))).toString()).toBe('api requests_max=0');
});

test.skipIf(typeof crypto.argon2Sync !== 'function')('argon2id in JavaScript is that of Node', async () => {
  const salt = randomBytes(32);
  const own = crypto.argon2Sync('argon2id', { message: Buffer.from('x'), nonce: salt, parallelism: 4, tagLength: 32, memory: 65_536, passes: 1 });
  expect((await argon2idInJavaScript('x', salt)).equals(own)).toBe(true);
}, 30_000);
