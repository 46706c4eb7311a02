/**
 * Who may operate the cluster without a root token: whoever shows a client certificate of the operators' CA, which is on the
 * controller (auth method `cert` at `auth/care`). A member's own certificate opens only what its timers and `verify` need. Set up
 * with a root token that is given back at once; kept as declared by role `vault` from then on.
 */
import type { Data, Limits, VaultClient } from './client.ts';
import type { Authority } from '../../support/x509/authority.ts';
import { trustedBy } from '../../support/x509/authority.ts';

export const ACCESS_MOUNT = 'care';

/** The operator's login, for `certificate` of {@link VaultAuth}. */
export const OPERATOR = { commonName: 'care-operator', mount: ACCESS_MOUNT, role: 'operator' } as const;

/** Names of the policies that stand for the access itself. */
export const ACCESS_POLICIES = ['care-operator', 'care-member'] as const;

/** As root, but through a policy, so that every use is in the audit log under its name. */
export const OPERATOR_POLICY = `# Managed by care-provision. Whoever shows a certificate of the operators' CA.
path "*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}
`;

/** What `care-vault-snapshot` and `verify` do on a member. */
export const MEMBER_POLICY = `# Managed by care-provision. The members themselves: snapshots, and what verify tries.
path "sys/storage/raft/snapshot" {
  capabilities = ["read"]
}
path "sys/storage/raft/configuration" {
  capabilities = ["read"]
}
path "sys/storage/raft/autopilot/state" {
  capabilities = ["read"]
}
path "sys/audit-hash/*" {
  capabilities = ["update"]
}
path "care-verify/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}
`;

/** Seconds: a token lives about as long as a run. */
const TOKEN_SECONDS = 3600;

export interface AuditWish {
  /** Of the file, on the members. */
  readonly directory: string;
  readonly syslog: boolean;
}

/**
 * Devices of a server that has no place for them in its configuration (HashiCorp's Vault). Those that are there are left.
 *
 * @throws VaultTrouble when a device can't be opened: then nothing is audited, and nothing may go on
 */
export async function enableAudit(root: VaultClient, wish: AuditWish, limits: Limits): Promise<void> {
  const there = (await root.read('sys/audit', limits)) ?? {};
  if (there['care-file/'] === undefined) await root.write('sys/audit/care-file', { type: 'file', description: 'Managed by care-provision', options: { file_path: `${wish.directory}/audit.log`, mode: '0600' } }, limits);
  if (wish.syslog && there['care-syslog/'] === undefined) await root.write('sys/audit/care-syslog', { type: 'syslog', description: 'Managed by care-provision', options: { facility: 'AUTHPRIV', tag: 'care-vault-audit' } }, limits);
}

function roleOf(authority: Authority, commonName: string, policy: string, now: number): Data {
  return {
    certificate: trustedBy(authority, now).map((c) => c.pem.trimEnd()).join('\n'), allowed_common_names: [commonName],
    token_policies: [policy], token_ttl: TOKEN_SECONDS, token_max_ttl: 12 * TOKEN_SECONDS, token_no_default_policy: true,
  };
}

/**
 * Makes the access, or mends it. Each step may be done again.
 *
 * @param root with a root token, or as an operator
 * @param now seconds since the epoch
 * @throws VaultTrouble
 */
export async function setUpAccess(root: VaultClient, authority: Authority, now: number, limits: Limits): Promise<void> {
  await root.write('sys/policies/acl/care-operator', { policy: OPERATOR_POLICY }, limits);
  await root.write('sys/policies/acl/care-member', { policy: MEMBER_POLICY }, limits);
  const methods = await root.read('sys/auth', limits);
  if (methods?.[`${ACCESS_MOUNT}/`] === undefined) await root.write(`sys/auth/${ACCESS_MOUNT}`, { type: 'cert', description: 'Operators and members (care-provision)' }, limits);
  await root.write(`auth/${ACCESS_MOUNT}/certs/operator`, roleOf(authority, OPERATOR.commonName, 'care-operator', now), limits);
  await root.write(`auth/${ACCESS_MOUNT}/certs/member`, roleOf(authority, 'care-member', 'care-member', now), limits);
  const mounts = await root.read('sys/mounts', limits);
  if (mounts?.['care-verify/'] === undefined) await root.write('sys/mounts/care-verify', { type: 'kv', description: 'Written and read by care-provision verify' }, limits);
}
