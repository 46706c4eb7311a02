/** The arguments with which every s3_* and minio_* module logs in, and what they come to. */
import { z } from 'zod';
import type { HostView } from '../../../host/view.ts';
import type { S3Login } from '../../../services/s3/login.ts';
import { failure } from '../../../support/diagnostic.ts';
import { revealed, Secret } from '../../../support/secret.ts';
import { SecretText } from '../../arguments.ts';

/** A secret key; a plain string is taken for a secret at once. MinIO wants 8 to 40 characters for accounts (auth/credentials.go). */
export const SecretKey = SecretText.transform((value) => (value instanceof Secret ? value : new Secret(value))).refine((value) => value.reveal().length >= 8, 'must have at least 8 characters');

/** `https://host:port`. */
const Endpoint = z.string().refine((text) => {
  const url = URL.parse(text);
  return url !== null && url.protocol === 'https:' && url.pathname === '/' && url.search === '' && url.username === '';
}, 'must be https://host:port, without a path').transform((text) => text.replace(/\/$/, ''));

export const loginFields = {
  endpoint_url: Endpoint.describe('Where the store is as the host sees it: `https://127.0.0.1:9000`. A name or address that is in its certificate'),
  access_key: z.string().min(3, 'must have at least 3 characters').describe('The account that logs in'),
  secret_key: SecretKey.describe('Its secret key'),
  region: z.string().min(1).default('us-east-1').describe('Region that requests are signed for'),
  ca_cert: SecretText.optional().describe('Authorities that may sign the store’s certificate, a file on the controller or PEM text; default: those that Node trusts'),
};

export interface LoginArgs {
  readonly endpoint_url: string;
  readonly access_key: string;
  readonly secret_key: Secret;
  readonly region: string;
  readonly ca_cert?: string | Secret | undefined;
}

/** The names of {@link loginFields} that must never be shown. */
export const SECRET_LOGIN_ARGS = ['secret_key'] as const;

/** What the arguments come to. @throws Diagnostic when the file of `ca_cert` is missing or holds no certificate */
export function loginOf(args: LoginArgs, host: Pick<HostView, 'localFile'>): S3Login {
  return { endpoint: args.endpoint_url, region: args.region, accessKey: args.access_key, secretKey: args.secret_key, ca: authorities(args.ca_cert, host) };
}

function authorities(value: string | Secret | undefined, host: Pick<HostView, 'localFile'>): string | undefined {
  if (value === undefined) return undefined;
  const text = revealed(value);
  const pem = text.includes('-----BEGIN ') ? text : host.localFile(text).bytes().toString('utf8');
  // A file of an authority may hold its key, too, which is nobody's business here.
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  // Node takes an empty text for none, and would go by the authorities that everybody trusts.
  if (certificates.length === 0) throw failure('no-certificate', 'ca_cert holds no certificate of an authority', { remedy: 'give the file or PEM text of the authority that signs the store’s certificate, or leave ca_cert out' });
  return certificates.join('\n');
}

/** "Bucket naming rules" of the S3 user guide. */
export const BucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be 3 to 63 small letters, digits, dots and hyphens, with a letter or digit at both ends')
  .refine((name) => !/\.\.|\.-|-\./.test(name) && !/^\d+\.\d+\.\d+\.\d+$/.test(name), 'must not look like an address, and no dot may be beside a dot or hyphen');
