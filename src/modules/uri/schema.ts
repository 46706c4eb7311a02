import { z } from 'zod';
import { SecretText } from '../arguments.ts';

const Header = z.union([SecretText, z.number(), z.boolean()]).transform((v) => (typeof v === 'number' || typeof v === 'boolean' ? String(v) : v));

export const UriSchema = z
  .strictObject({
    url: z
      .string()
      .refine((u) => /^https?:\/\//i.test(u) && URL.canParse(u), 'must be an http:// or https:// address')
      .refine((u) => !URL.canParse(u) || (new URL(u).username === '' && new URL(u).password === ''), 'must not hold a password: use url_username and url_password')
      .describe('Address, as the host sees it'),
    method: z
      .string()
      .default('GET')
      .transform((m) => m.toUpperCase())
      .refine((m) => /^[A-Z]+$/.test(m), 'must be an HTTP method')
      .describe('HTTP method; all but GET, HEAD and OPTIONS count as a change'),
    body: z.unknown().optional().describe('What to send: text, or for json and form-urlencoded a map or list'),
    body_format: z.enum(['raw', 'json', 'form-urlencoded']).default('raw').describe('How the body is written; sets Content-Type'),
    headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a header name'), Header).default({}).describe('Request headers'),
    status_code: z
      .union([z.int(), z.array(z.int()).min(1)])
      .default(200)
      .transform((v) => (typeof v === 'number' ? [v] : v))
      .describe('Status, or list of statuses, that are right'),
    return_content: z.boolean().default(false).describe('Register the body as content (JSON is always registered as json)'),
    validate_certs: z.boolean().default(true).describe('Verify the server\'s certificate'),
    ca_path: SecretText.optional().describe('Certificates to trust: a file on the controller, or PEM text; default: those that Node trusts'),
    client_cert: SecretText.optional().describe('Client certificate: a file on the controller, or PEM text'),
    client_key: SecretText.optional().describe('Key of the client certificate: a file on the controller, or PEM text (a secret)'),
    url_username: z.string().optional().describe('User for HTTP basic authentication'),
    url_password: SecretText.optional().describe('Password for HTTP basic authentication'),
    timeout: z.number().positive().max(3600).default(30).describe('Seconds that the whole request may take'),
    follow_redirects: z.enum(['none', 'safe', 'all']).default('safe').describe('safe: only for GET and HEAD'),
  })
  .refine((args) => (args.client_cert === undefined) === (args.client_key === undefined), 'give client_cert and client_key together')
  .refine((args) => (args.url_username === undefined) === (args.url_password === undefined), 'give url_username and url_password together')
  .refine((args) => args.body_format !== 'raw' || args.body === undefined || args.body === null || typeof args.body !== 'object' || SecretText.safeParse(args.body).success, {
    path: ['body'],
    message: 'is a map or list: give body_format: json or form-urlencoded',
  });
export type UriArguments = z.output<typeof UriSchema>;
