/** The login of a drill's clients: made for one drill, allowed nothing but its own table, gone afterwards. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { Secret } from '../../support/secret.ts';

export interface DrillLogin {
  readonly user: string;
  readonly database: string;
  readonly password: Secret;
}

export const DRILL_USER = 'care_drill';
export const DRILL_DATABASE = 'care_drill';

export function newLogin(): DrillLogin {
  return { user: DRILL_USER, database: DRILL_DATABASE, password: new Secret(randomBytes(24).toString('base64url')) };
}

/** PostgreSQL's own default. */
const ITERATIONS = 4096;

/**
 * The password as the server keeps it (RFC 5802, as in `pg_authid.rolpassword`), so that the password itself is in no
 * statement, and hence in no log.
 */
export function scramVerifier(password: Secret, salt = randomBytes(16)): string {
  const salted = pbkdf2Sync(password.reveal(), salt, ITERATIONS, 32, 'sha256');
  const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64');
  const server = hmac(salted, 'Server Key').toString('base64');
  return `SCRAM-SHA-256$${String(ITERATIONS)}:${salt.toString('base64')}$${stored}:${server}`;
}
