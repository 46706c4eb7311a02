/**
 * SHA-512-crypt, `$6$…`, as crypt(5) and Dovecot's `{SHA512-CRYPT}` check it. Node has no crypt(3).
 * Source: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512" (2008); the steps are numbered as there.
 */
import { createHash } from 'node:crypto';

const ROUNDS = 5000;
const DIGEST_BYTES = 64;
const MOST_SALT = 16;
const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const sha512 = (...parts: readonly Buffer[]): Buffer => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** `length` bytes of `block` over and over. */
function repeated(block: Buffer, length: number): Buffer {
  const result = Buffer.alloc(length);
  for (let at = 0; at < length; at += block.length) block.copy(result, at, 0, Math.min(block.length, length - at));
  return result;
}

/** The digest in crypt's own base64: three bytes in a row that rotates (step 22). */
function encoded(digest: Buffer): string {
  const groups = Array.from({ length: 21 }, (_, i) => {
    const [a, b, c] = [i, i + 21, i + 42];
    return i % 3 === 0 ? [a, b, c] : i % 3 === 1 ? [b, c, a] : [c, a, b];
  });
  const text = (value: number, characters: number): string =>
    Array.from({ length: characters }, (_, i) => ALPHABET.charAt((value >> (6 * i)) & 63)).join('');
  const byte = (index: number | undefined): number => digest[index ?? 0] ?? 0;
  return groups.map(([x, y, z]) => text((byte(x) << 16) | (byte(y) << 8) | byte(z), 4)).join('') + text(byte(63), 2);
}

/**
 * The hash of a password, with crypt's 5000 rounds: the same text and salt give the same hash.
 *
 * @param password any text (UTF-8)
 * @param salt letters, digits, `.` and `/`; of more than 16 characters the first 16 count
 * @throws Error when the salt is empty or has other characters
 */
export function sha512Crypt(password: string, salt: string): string {
  if (!/^[./0-9A-Za-z]+$/.test(salt)) throw new Error('the salt must be letters, digits, "." and "/", at least one');
  const key = Buffer.from(password, 'utf8');
  const grains = Buffer.from(salt.slice(0, MOST_SALT), 'latin1');
  const b = sha512(key, grains, key);
  const mixed: Buffer[] = [key, grains, repeated(b, key.length)];
  // Step 11: the bits of the length, lowest first.
  for (let bits = key.length; bits > 0; bits >>= 1) mixed.push((bits & 1) === 1 ? b : key);
  let digest = sha512(...mixed);
  const p = repeated(sha512(...Array.from({ length: key.length }, () => key)), key.length);
  const s = repeated(sha512(...Array.from({ length: 16 + (digest[0] ?? 0) }, () => grains)), grains.length);
  for (let round = 0; round < ROUNDS; round += 1) {
    const odd = round % 2 === 1;
    digest = sha512(odd ? p : digest, ...(round % 3 === 0 ? [] : [s]), ...(round % 7 === 0 ? [] : [p]), odd ? digest : p);
  }
  if (digest.length !== DIGEST_BYTES) throw new Error('SHA-512 gave another length than 64 bytes');
  return `$6$${grains.toString('latin1')}$${encoded(digest)}`;
}
