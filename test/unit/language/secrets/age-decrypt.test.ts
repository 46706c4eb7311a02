import { armor, Encrypter, generateX25519Identity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AgeProblem, decryptAge, parseIdentity, type X25519Identity } from '../../../../src/language/secrets/age-decrypt.ts';
import { decodeBech32, encodeBech32, encodeRecipient } from '../../../../src/language/secrets/bech32.ts';

let text: string;
let mine: X25519Identity;
let recipient: string;
let other: X25519Identity;

async function identity(): Promise<[string, X25519Identity]> {
  const made = await generateX25519Identity();
  const parsed = parseIdentity(made);
  if (parsed === undefined) throw new Error('an identity of the library was not understood');
  return [made, parsed];
}

beforeAll(async () => {
  [text, mine] = await identity();
  [, other] = await identity();
  recipient = await identityToRecipient(text);
});

async function seal(plain: Uint8Array | string, ...recipients: string[]): Promise<Buffer> {
  const encrypter = new Encrypter();
  for (const r of [recipient, ...recipients]) encrypter.addRecipient(r);
  return Buffer.from(await encrypter.encrypt(plain));
}

function reason(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof AgeProblem) return error.reason;
    throw error;
  }
  return 'nothing';
}

describe('against the age-encryption package', () => {
  it.each([0, 1, 100, 65_535, 65_536, 65_537, 131_072, 200_000])('opens %i bytes', async (size) => {
    const plain = Buffer.alloc(size, 'care');
    const sealed = await seal(plain);
    expect(decryptAge(sealed, { identities: [mine] }).equals(plain)).toBe(true);
    expect(decryptAge(Buffer.from(armor.encode(sealed)), { identities: [other, mine] }).equals(plain)).toBe(true);
  });

  it('opens what is for several, and what a passphrase protects', async () => {
    const sealed = await seal('x', encodeRecipient(other.publicKey));
    expect(decryptAge(sealed, { identities: [other] }).toString()).toBe('x');
    const encrypter = new Encrypter();
    encrypter.setPassphrase('correct horse');
    encrypter.setScryptWorkFactor(10);
    const locked = Buffer.from(await encrypter.encrypt('y'));
    expect(decryptAge(locked, { passphrase: 'correct horse' }).toString()).toBe('y');
    expect(reason(() => decryptAge(locked, { passphrase: 'wrong' }))).toBe('no-match');
    expect(reason(() => decryptAge(locked, { identities: [mine] }))).toBe('no-match');
  });

  it('gives the recipient that the package gives', () => {
    expect(encodeRecipient(mine.publicKey)).toBe(recipient);
  });
});

describe('refuses', () => {
  it('other keys, cut files and any altered byte', async () => {
    const sealed = await seal('a secret that matters');
    expect(reason(() => decryptAge(sealed, { identities: [other] }))).toBe('no-match');
    for (let i = 0; i < sealed.length; i += 1) {
      const altered = Buffer.from(sealed);
      altered[i] = (altered[i] ?? 0) ^ 1;
      expect(reason(() => decryptAge(altered, { identities: [mine] })), `byte ${String(i)}`).not.toBe('nothing');
    }
    for (const length of [0, 10, 60, sealed.length - 17, sealed.length - 1]) expect(reason(() => decryptAge(sealed.subarray(0, length), { identities: [mine] })), `cut at ${String(length)}`).not.toBe('nothing');
  });

  it('a file cut between chunks, and chunks in another order', async () => {
    const sealed = await seal(Buffer.alloc(3 * 65_536, 7));
    const chunk = 65_536 + 16;
    const start = sealed.length - 3 * chunk;
    expect(reason(() => decryptAge(sealed.subarray(0, start + 2 * chunk), { identities: [mine] }))).toBe('damaged');
    const swapped = Buffer.concat([sealed.subarray(0, start), sealed.subarray(start + chunk, start + 2 * chunk), sealed.subarray(start, start + chunk), sealed.subarray(start + 2 * chunk)]);
    expect(reason(() => decryptAge(swapped, { identities: [mine] }))).toBe('damaged');
  });

  it('what is no age file', () => {
    for (const junk of ['', 'hello', 'age-encryption.org/v1\n', '-----BEGIN AGE ENCRYPTED FILE-----\nxx\n']) expect(reason(() => decryptAge(Buffer.from(junk), { identities: [mine] }))).toBe('format');
  });
});

it('bech32 round-trips and finds every single wrong character (property)', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(57), fc.integer({ min: 1, max: 31 }), (bytes, at, shift) => {
      const encoded = encodeBech32('age', Buffer.from(bytes));
      expect(decodeBech32(encoded, 'age')?.equals(Buffer.from(bytes))).toBe(true);
      const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
      const index = 4 + at;
      const wrong = alphabet.charAt((alphabet.indexOf(encoded.charAt(index)) + shift) % 32);
      expect(decodeBech32(encoded.slice(0, index) + wrong + encoded.slice(index + 1), 'age')).toBeUndefined();
    }),
    { numRuns: 200, seed: 3 },
  );
});
