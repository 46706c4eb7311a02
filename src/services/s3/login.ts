/** Who talks to an S3 store, and where it is, as seen from the host. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Secret } from '../../support/secret.ts';

export interface S3Login {
  /** `https://host:port`, without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: Secret;
  /** PEM of the authorities that may sign the store's certificate; undefined: those that this machine trusts. */
  readonly ca: string | undefined;
}

/** `host:port` of the store. */
export function storePlace(login: S3Login): string {
  return new URL(login.endpoint).host;
}

/** Names the login without its secret: `care-root@s3.example:9000`. */
export function loginName(login: S3Login): string {
  return `${login.accessKey}@${storePlace(login)}`;
}

const fingerprintKey = randomBytes(32);

/** Equal for equal texts, and says nothing of them. Of this process only. */
export function fingerprint(text: string): string {
  return createHmac('sha256', fingerprintKey).update(text).digest('hex').slice(0, 32);
}

/** Equal for logins that may share connections. */
export function loginId(login: S3Login): string {
  return `${loginName(login)} ${fingerprint(JSON.stringify([login.endpoint, login.region, login.secretKey.reveal(), login.ca]))}`;
}
