/** What MinIO says of accounts: users, and service accounts that belong to them. */
import { z } from 'zod';
import { fingerprint } from '../../../services/s3/login.ts';
import { adminPath } from '../../../services/s3/minio.ts';
import { S3Trouble } from '../../../services/s3/trouble.ts';
import type { Secret } from '../../../support/secret.ts';
import { readPolicy, type Policy } from './aspects/policy.ts';
import { defineS3Query, type S3Key } from './kind.ts';

export interface AccountKey extends S3Key {
  readonly name: string;
}

export type User = { readonly exists: false } | PresentUser;
export interface PresentUser {
  readonly exists: true;
  readonly enabled: boolean;
  /** In alphabetical order. */
  readonly policies: readonly string[];
}

const ToldUser = z.object({ status: z.string(), policyName: z.string().optional() });

export const user = defineS3Query<AccountKey, User>({
  name: 'minio-user',
  subject: (key) => key.name,
  describe: (key) => `MinIO user ${key.name}`,
  ask: async (key, asker) => {
    const answer = await asker.readUnless(['XMinioAdminNoSuchUser'], { method: 'GET', path: adminPath('user-info'), query: { accessKey: key.name } });
    if (answer === undefined) return { exists: false };
    const told = ToldUser.parse(JSON.parse(answer.body.toString('utf8')));
    return { exists: true, enabled: told.status === 'enabled', policies: [...new Set((told.policyName ?? '').split(',').filter((p) => p !== ''))].sort() };
  },
});

export type ServiceAccount = { readonly exists: false } | PresentServiceAccount;
export interface PresentServiceAccount {
  readonly exists: true;
  readonly user: string;
  readonly enabled: boolean;
  /** null: it may do what its user may. */
  readonly policy: Policy | null;
  readonly description: string;
  /** `2030-01-31T00:00:00Z`, or empty for never. */
  readonly expires: string;
}

const ToldServiceAccount = z.object({ parentUser: z.string(), accountStatus: z.string(), impliedPolicy: z.boolean(), policy: z.string().optional(), description: z.string().optional(), expiration: z.string().nullish() });

/** Seconds, in UTC: the store gives fractions where it was given none. */
export function secondOf(time: string): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}

export const serviceAccount = defineS3Query<AccountKey, ServiceAccount>({
  name: 'minio-service-account',
  after: ['minio-user'],
  subject: (key) => key.name,
  describe: (key) => `MinIO service account ${key.name}`,
  ask: async (key, asker) => {
    const answer = await asker.readUnless(['XMinioInvalidIAMCredentials', 'XMinioAdminServiceAccountNotFound', 'XMinioAdminNoSuchUser'], { method: 'GET', path: adminPath('info-service-account'), query: { accessKey: key.name } });
    if (answer === undefined) return { exists: false };
    const told = ToldServiceAccount.parse(JSON.parse(await asker.opened(answer)));
    const expires = told.expiration ?? '';
    return {
      exists: true,
      user: told.parentUser,
      enabled: told.accountStatus === 'on',
      policy: told.impliedPolicy || told.policy === undefined ? null : readPolicy(told.policy),
      description: told.description ?? '',
      expires: expires === '' || Date.parse(expires) <= 0 ? '' : secondOf(expires),
    };
  },
});

/** `unknown`: the account is not there, or may not log in, so that the store does not look at its key. */
export type PasswordState = 'matches' | 'differs' | 'unknown';

export interface PasswordKey extends AccountKey {
  readonly password: Secret;
}

/** Whether a key is an account's: the store never tells keys, so it is tried. */
export const password = defineS3Query<PasswordKey, PasswordState>({
  name: 'minio-password',
  after: ['minio-user', 'minio-service-account'],
  subject: (key) => `${key.name} ${fingerprint(key.password.reveal())}`,
  describe: (key) => `the secret key of ${key.name}`,
  ask: async (key, asker) => {
    try {
      await asker.as({ ...key.login, accessKey: key.name, secretKey: key.password }).readUnless(['AccessDenied'], { method: 'GET', path: '/' });
      return 'matches';
    } catch (error) {
      if (!(error instanceof S3Trouble)) throw error;
      if (error.trouble.code === 'SignatureDoesNotMatch') return 'differs';
      if (error.trouble.code === 'InvalidAccessKeyId') return 'unknown';
      throw error;
    }
  },
});
