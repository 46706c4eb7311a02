/** What an inventory says of an OpenBao or Vault cluster: its hosts, how to reach them, and what role `vault` is told. Touches no host. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inventoryDirectory } from '../../language/secrets/index.ts';
import type { Scope } from '../../language/scope-types.ts';
import { optionalText } from '../../run/identity.ts';
import { badInput } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { Secret } from '../../support/secret.ts';
import type { AuditWish } from '../../services/vault/access.ts';
import { pemBlocks } from '../../support/x509/inspect.ts';
import { readAuthority, type Authority } from '../../support/x509/authority.ts';
import { portOf, readServiceGroup, type ClusterHost, type ClusterRequest } from '../inventory.ts';
import { snapshotStorage, type SnapshotStorage } from './storage.ts';
import { readHolders, type Holders } from './holders.ts';

export const SEALS = ['shamir', 'static', 'transit'] as const;
export type Seal = (typeof SEALS)[number];

export interface VaultCluster {
  /** `vault_cluster_name` */
  readonly name: string;
  readonly inventories: readonly string[];
  readonly flavor: 'openbao' | 'vault';
  readonly seal: Seal;
  readonly members: readonly ClusterHost[];
  /** TCP port for clients. */
  readonly port: number;
  /** On the members: the CA that signs their certificates. */
  readonly caFile: string;
  /** On the members: the snapshots that they take. */
  readonly snapshotDirectory: string;
  /** Devices that are enabled by the API; undefined: they are in the configuration file. */
  readonly audit: AuditWish | undefined;
  /** On the members: where the audit log is. */
  readonly auditDirectory: string;
  /** Whether the journal is a second audit device. */
  readonly auditSyslog: boolean;
  /** On the controller: the files of the key shares, encrypted. */
  readonly shareDirectory: string;
  /** Where members copy their snapshots to. @throws Diagnostic when the inventory does not say so */
  storage(): SnapshotStorage;
  /** @throws Diagnostic when too few hold them */
  holders(): Holders;
  /** The CA whose client certificates operate the cluster. @throws Diagnostic when there is none */
  operatorAuthority(): Authority;
}

function choice<T extends string>(scope: Scope, name: string, of: readonly T[], standard: T): T {
  const text = optionalText(scope, name) ?? standard;
  const found = of.find((each) => each === text);
  if (found === undefined) throw badInput('bad-choice', `${name} must be ${of.join(' or ')}, not ${text}`, { remedy: suggestion(text, of) });
  return found;
}

function valueOf(scope: Scope, name: string): unknown {
  return scope.has(name) ? scope.get(name) : undefined;
}

/** The CA: text, or a file that role `vault` makes beside the inventory. */
function authorityAt(given: string): Authority {
  if (!given.includes('-----BEGIN ') && !existsSync(given)) {
    throw badInput('no-operator-authority', `there is no ${given}, the CA of those who operate the cluster`, { remedy: 'apply playbooks/vault.yml first, which makes it; or restore it from its backup' });
  }
  const text = given.includes('-----BEGIN ') ? given : readFileSync(given, 'utf8');
  // Made known to the masks; the certificates beside the keys are public.
  for (const key of pemBlocks(text, 'PRIVATE KEY')) new Secret(key);
  try {
    return readAuthority(text);
  } catch (error) {
    throw badInput('bad-authority', `the CA vault_operator_authority ${error instanceof Error ? error.message : String(error)}`, { remedy: 'restore it from its backup', cause: error });
  }
}

/**
 * Reads the cluster of an inventory.
 *
 * @throws Diagnostic (bad input) when there is no such inventory or no group `vault` in it
 */
export function readVaultInventory(request: ClusterRequest): VaultCluster {
  const { names, scope, host } = readServiceGroup(request, { group: 'vault', absent: 'no-vault', what: 'the hosts of the cluster' });
  const name = optionalText(scope, 'vault_cluster_name') ?? 'care';
  const flavor = choice(scope, 'vault_flavor', ['openbao', 'vault'], 'openbao');
  const auditDirectory = optionalText(scope, 'vault_audit_dir') ?? '/var/log/care-vault';
  const auditSyslog = !scope.has('vault_audit_syslog') || scope.get('vault_audit_syslog') !== false;
  const beside = inventoryDirectory(request.inventory[0] ?? '.');
  return {
    name,
    inventories: request.inventory,
    flavor,
    seal: choice(scope, 'vault_seal', SEALS, 'shamir'),
    members: names.map((each) => host(each, 'vault_address')),
    port: portOf(scope, 'vault_port', 8200),
    caFile: `${optionalText(scope, 'vault_pki_dir') ?? '/etc/care-vault/pki'}/ca.crt`,
    audit: flavor === 'openbao' ? undefined : { directory: auditDirectory, syslog: auditSyslog },
    auditDirectory, auditSyslog,
    snapshotDirectory: optionalText(scope, 'vault_snapshot_dir') ?? '/var/lib/care-vault-snapshots',
    shareDirectory: optionalText(scope, 'vault_share_dir') ?? join(beside, '.care', 'vault', name),
    storage: () => snapshotStorage({
      url: optionalText(scope, 'vault_snapshot_s3_url'), region: optionalText(scope, 'vault_snapshot_s3_region'), caFile: optionalText(scope, 'vault_snapshot_s3_ca'),
      accessKey: optionalText(scope, 'vault_snapshot_s3_read_access_key'), secretKey: optionalText(scope, 'vault_snapshot_s3_read_secret_key'),
    }),
    holders: () => readHolders(valueOf(scope, 'vault_key_holders'), valueOf(scope, 'vault_key_threshold')),
    operatorAuthority: () => authorityAt(optionalText(scope, 'vault_operator_authority') ?? join(beside, '.care', 'pki', `vault-${name}.pem`)),
  };
}
