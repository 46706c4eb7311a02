/** Verifiers of SCRAM-SHA-256 as PostgreSQL keeps them (RFC 5802 and 7677; src/common/scram-common.c of PostgreSQL). Pure. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

/** PostgreSQL's default (`scram_iterations`). */
const ITERATIONS = 4096;
const KEY_BYTES = 32;

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/**
 * @param password printable ASCII, for which SASLprep changes nothing
 * @param salt 16 random bytes
 * @returns `SCRAM-SHA-256$ITERATIONS:SALT$STORED_KEY:SERVER_KEY`
 */
export function scramVerifier(password: string, salt: Buffer, iterations = ITERATIONS): string {
  const salted = pbkdf2Sync(password, salt, iterations, KEY_BYTES, 'sha256');
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  return `SCRAM-SHA-256$${String(iterations)}:${salt.toString('base64')}$${stored.toString('base64')}:${hmac(salted, 'Server Key').toString('base64')}`;
}

/** Whether a verifier is that of the password; false for anything that is not such a verifier. */
export function isVerifierOf(password: string, verifier: string | null): boolean {
  const parts = /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$/.exec(verifier ?? '');
  if (parts === null) return false;
  return scramVerifier(password, Buffer.from(parts[2] ?? '', 'base64'), Number(parts[1])) === verifier;
}
