/** Which refusals are about key shares. The words are those of OpenBao and Vault (vault/core.go, rekey.go, generate_root.go, seal_access.go). */
import { expect, test } from 'vitest';
import { refusal, refusesShares } from '../../../../src/services/vault/trouble.ts';

test.each([
  [400, 'Unseal failed, invalid key'],
  [400, 'invalid key: failed to decrypt keys from storage: cipher: message authentication failed'],
  [400, 'key is shorter than minimum 16 bytes'],
  [400, "'key' must be a valid hex or base64 string"],
  [400, 'recovery key verification failed: recovery key does not match submitted values'],
  [400, 'root key verification failed: cipher: message authentication failed'],
  [500, 'failed to read root key: failed to decrypt encrypted stored keys: cipher: message authentication failed'],
  [500, 'failed to compute root key: duplicate part detected'],
  [400, 'root generation aborted: root key verification failed'],
])('%i %s: the shares are wrong', (status, words) => {
  expect(refusesShares(refusal(status, [words], 'POST sys/x').trouble)).toBe(true);
});

test.each([
  [400, 'given key has already been provided during this generation operation', /this share has counted already/],
  [400, 'incorrect nonce supplied; nonce for this rekey operation is "x"', /run the command again/],
  [400, 'no barrier rekey in progress', /run the command again/],
  [403, 'permission denied', /policy/],
  [429, 'request limit exceeded', /run again later/],
  [500, 'failed to fetch existing config: context deadline exceeded', undefined],
  [500, 'failed to read root key: failed to fetch stored keys: context deadline exceeded', undefined],
  [503, 'Vault is sealed', /unseal it/],
  [405, 'unsupported operation', undefined],
])('%i %s: says nothing of the shares', (status, words, remedy) => {
  const { trouble } = refusal(status, [words], 'POST sys/x');
  expect(refusesShares(trouble)).toBe(false);
  if (remedy === undefined) expect(trouble.remedy).toBeUndefined();
  else expect(trouble.remedy).toMatch(remedy);
});
