/** The arguments with which every vault_* module logs in, and what they come to. */
import { z } from 'zod';
import type { HostView } from '../../../host/view.ts';
import { OPERATOR } from '../../../services/vault/access.ts';
import type { VaultAuth, VaultLogin } from '../../../services/vault/login.ts';
import { failure } from '../../../support/diagnostic.ts';
import { revealed, Secret } from '../../../support/secret.ts';
import { trustedBy, type Authority } from '../../../support/x509/authority.ts';
import { SecretText } from '../../arguments.ts';
import { authorityArgument, authorityOf } from '../x509.ts';

export const loginFields = {
  url: z.string().regex(/^https:\/\/(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/, 'must be an https URL of host and port only').refine((url) => URL.canParse(url), 'must have a port up to 65535').describe('Address of a member, as the host sees it: https://10.0.0.1:8200'),
  authority: authorityArgument.describe('The CA that signs the members\' certificates: a path on the controller, or its text'),
  operator_authority: authorityArgument.optional().describe('Log in as operator: the CA whose client certificates operate the cluster, a path on the controller, or its text'),
  token: SecretText.optional().describe('Log in with this token instead'),
  role_id: z.string().min(1).optional().describe('Log in with AppRole instead'),
  secret_id: SecretText.optional().describe('Log in with AppRole instead: the secret id'),
  approle_mount: z.string().default('approle').describe('Where AppRole is mounted'),
  namespace: z.string().default('').describe('Namespace; empty for the root'),
};

/** The names of {@link loginFields} that must never be shown. */
export const SECRET_LOGIN_ARGS = ['authority', 'operator_authority', 'token', 'secret_id'] as const;

export interface LoginArgs {
  readonly url: string;
  readonly authority: string | Secret;
  readonly operator_authority?: string | Secret | undefined;
  readonly token?: string | Secret | undefined;
  readonly role_id?: string | undefined;
  readonly secret_id?: string | Secret | undefined;
  readonly approle_mount: string;
  readonly namespace: string;
}

function secret(value: string | Secret): Secret {
  return value instanceof Secret ? value : new Secret(value);
}

function authOf(args: LoginArgs, operators: Authority | undefined): VaultAuth {
  if (args.token !== undefined) return { type: 'token', token: secret(args.token) };
  if (args.role_id !== undefined && args.secret_id !== undefined) return { type: 'approle', mount: args.approle_mount, roleId: args.role_id, secretId: secret(args.secret_id) };
  if (operators !== undefined) return { type: 'certificate', authority: operators, ...OPERATOR };
  throw failure('no-login', 'nothing says how to log in', { remedy: 'give operator_authority, token, or role_id and secret_id' });
}

/**
 * What the arguments come to.
 *
 * @returns undefined when a CA is a file that is not there yet
 * @throws Diagnostic when nothing says how to log in
 */
export function loginOf(args: LoginArgs, host: HostView): VaultLogin | undefined {
  const servers = authorityOf(args.authority, host);
  const operators = args.operator_authority === undefined ? undefined : authorityOf(args.operator_authority, host);
  if (servers === undefined || (args.operator_authority !== undefined && operators === undefined)) return undefined;
  const { hostname, port } = new URL(args.url);
  return {
    at: { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 443 : Number(port), ca: trustedBy(servers, host.base.epoch).map((c) => c.pem).join('\n') },
    auth: authOf(args, operators),
    namespace: args.namespace,
  };
}

/** Text of a value that may be a secret. */
export function plain(value: string | Secret): string {
  return revealed(value);
}
