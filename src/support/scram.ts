/** SCRAM-SHA-256 verifiers as PostgreSQL keeps them in pg_authid.rolpassword (RFC 5803, RFC 7677; scram-common.c). */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';

/** PostgreSQL's default of `scram_iterations`. */
const ITERATIONS = 4096;

/** Why a password can't be used for a verifier made here; undefined when it can. */
export function scramProblem(password: string): string | undefined {
  if (password === '') return 'is empty';
  // SASLprep (RFC 4013) leaves printable ASCII as it is; other text it maps by tables that are not kept here.
  return /^[\x20-\x7e]+$/.test(password) ? undefined : 'must be printable ASCII';
}

/**
 * @param password printable ASCII, see {@link scramProblem}
 * @param salt 16 random bytes
 * @returns `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`
 */
export function scramVerifier(password: string, salt: Buffer, iterations = ITERATIONS): string {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${String(iterations)}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}

/** Whether the verifier was made of this password. False for anything that is no SCRAM verifier. */
export function scramMatches(verifier: string, password: string): boolean {
  const [, iterations = '', salt = ''] = /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$/.exec(verifier) ?? [];
  if (salt === '') return false;
  const [now, wanted] = [Buffer.from(verifier), Buffer.from(scramVerifier(password, Buffer.from(salt, 'base64'), Number(iterations)))];
  return now.length === wanted.length && timingSafeEqual(now, wanted);
}
