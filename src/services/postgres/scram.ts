/**
 * SCRAM-SHA-256 verifiers as PostgreSQL stores them (RFC 5802, 5803, 7677; `scram-common.c`):
 * `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. Made here, so that a password never reaches the server.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** PostgreSQL's own (SCRAM_SHA_256_DEFAULT_ITERATIONS, which RFC 7677 gives as the least). */
const ITERATIONS = 4096;
const SALT_BYTES = 16;
/** A verifier that asks for more than this is not ours, and would hold the run. */
const MOST_ITERATIONS = 10_000_000;

const VERIFIER = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$/;

export function isVerifier(text: string): boolean {
  return VERIFIER.test(text);
}

const NON_ASCII_SPACE = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
// Alternatives rather than one class: the joiners would combine with their neighbours in it.
const MAPPED_TO_NOTHING = /\u00ad|\u034f|\u1806|\u180b|\u180c|\u180d|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
const PROHIBITED = /\p{Cc}|\p{Co}|\p{Cs}|\p{Cn}|[\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2060-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd]|[\u{1d173}-\u{1d17a}]|\u{e0001}|[\u{e0020}-\u{e007f}]/u;
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Devanagari}\p{Script=Malayalam}\p{Script=Han}]/u;

/**
 * A password prepared for hashing (RFC 4013), as libpq and the server do it: one that has no prepared form is used as it is
 * (`pg_saslprep` in saslprep.c).
 */
export function saslprep(password: string): string {
  // ASCII without control characters is its own prepared form.
  if (/^[\u0020-\u007e]*$/.test(password)) return password;
  const prepared = password.replaceAll(NON_ASCII_SPACE, ' ').replaceAll(MAPPED_TO_NOTHING, '').normalize('NFKC');
  if (prepared === '' || PROHIBITED.test(prepared) || !bidirectional(prepared)) return password;
  return prepared;
}

/** RFC 3454 section 6: text from right to left holds no other, and begins and ends with it. */
function bidirectional(text: string): boolean {
  if (!RIGHT_TO_LEFT.test(text)) return true;
  const characters = Array.from(text);
  return !LEFT_TO_RIGHT.test(text) && RIGHT_TO_LEFT.test(characters[0] ?? '') && RIGHT_TO_LEFT.test(characters.at(-1) ?? '');
}

interface Keys {
  readonly stored: Buffer;
  readonly server: Buffer;
}

function keysOf(password: string, salt: Buffer, iterations: number): Keys {
  const salted = pbkdf2Sync(Buffer.from(saslprep(password), 'utf8'), salt, iterations, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  return { stored: createHash('sha256').update(hmac('Client Key')).digest(), server: hmac('Server Key') };
}

/** What a role's password is set to. A text that is a verifier already is taken as it is. */
export function verifierFor(password: string, salt: Buffer = randomBytes(SALT_BYTES), iterations = ITERATIONS): string {
  if (isVerifier(password)) return password;
  const { stored, server } = keysOf(password, salt, iterations);
  return `SCRAM-SHA-256$${String(iterations)}:${salt.toString('base64')}$${stored.toString('base64')}:${server.toString('base64')}`;
}

/** Whether what is stored lets this password in: recomputed with its own salt and iterations. */
export function verifierMatches(verifier: string, password: string): boolean {
  if (isVerifier(password)) return verifier === password;
  const [, iterations, salt, stored, server] = VERIFIER.exec(verifier) ?? [];
  if (iterations === undefined || salt === undefined || stored === undefined || server === undefined) return false;
  if (Number(iterations) > MOST_ITERATIONS || Number(iterations) < 1) return false;
  const keys = keysOf(password, Buffer.from(salt, 'base64'), Number(iterations));
  return same(keys.stored, Buffer.from(stored, 'base64')) && same(keys.server, Buffer.from(server, 'base64'));
}

function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
