/** The login of a drill's clients: made for one drill, allowed nothing but its own table, gone afterwards. */
import { randomBytes } from 'node:crypto';
import { Secret } from '../../../support/secret.ts';

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
