/** What of an inventory makes no sound cluster of OpenBao or Vault. Pure. */
import { revealed, type Secret } from '../../support/secret.ts';
import type { VaultInventoryArgs } from './schema.ts';

const MOST_MEMBERS = 7;
const FEWEST_HOLDERS = 3;
const SEAL_KEY = /^[A-Za-z0-9+/]{43}=$/;

const given = (secret: string | Secret): string => revealed(secret);

function ofMembers({ members }: VaultInventoryArgs): readonly string[] {
  const problems: string[] = [];
  const count = members.length;
  if (count < 3 || count > MOST_MEMBERS || count % 2 === 0) problems.push(`the group has ${String(count)} members; three, five or seven are wanted: an even number bears no more losses than one less`);
  for (const { name, address } of members) if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) problems.push(`${name} has no IPv4 address (vault_address, else ansible_host), but ${JSON.stringify(address)}: members, clients and the firewall go by it`);
  for (const { name, address } of members) {
    const other = members.find((m) => m.address === address && m.name < name);
    if (other !== undefined) problems.push(`${other.name} and ${name} have the same address ${address}`);
  }
  return problems;
}

function ofSeal(args: VaultInventoryArgs): readonly string[] {
  const problems: string[] = [];
  if (args.seal === 'static') {
    if (args.flavor === 'vault') problems.push('vault_seal static is OpenBao’s; HashiCorp’s Vault has none: choose transit or shamir');
    else if (!SEAL_KEY.test(given(args.seal_key))) problems.push('vault_seal static needs vault_seal_key, 32 random bytes in base64 (care-provision secrets generate INVENTORY vault_seal_key --kind base64)');
  }
  const previous = given(args.seal_key_previous);
  if ((previous === '') !== (args.seal_key_previous_id === '')) problems.push('vault_seal_key_previous and vault_seal_key_previous_id belong together');
  else if (previous !== '' && !SEAL_KEY.test(previous)) problems.push('vault_seal_key_previous must be 32 bytes in base64');
  else if (previous !== '' && args.seal_key_previous_id === args.seal_key_id) problems.push('vault_seal_key_previous_id must be another name than vault_seal_key_id: members tell keys apart by it');
  if (args.seal === 'transit' && (!/^https:\/\//.test(args.transit_address) || args.transit_key === '' || given(args.transit_token) === '')) problems.push('vault_seal transit needs vault_transit_address (https), vault_transit_key and vault_transit_token');
  return problems;
}

/** Every problem, a sentence each; empty when it is sound. */
export function checkVault(args: VaultInventoryArgs): readonly string[] {
  const problems = [...ofMembers(args), ...ofSeal(args)];
  if (args.flavor === 'vault' && args.standby_reads) problems.push('vault_standby_reads is OpenBao’s: standbys of HashiCorp’s Vault hand reads to the leader');
  if (args.port === args.cluster_port) problems.push(`vault_port and vault_cluster_port are both ${String(args.port)}`);
  for (const [name, port] of [['vault_port', args.port], ['vault_cluster_port', args.cluster_port]] as const) if (port === args.metrics_port || port === args.metrics_port + 1) problems.push(`${name} is ${String(port)}, which metrics take (vault_metrics_port and the one after it)`);
  if (args.key_holders.length < FEWEST_HOLDERS) problems.push(`vault_key_holders names ${String(args.key_holders.length)} people; at least ${String(FEWEST_HOLDERS)} hold the key shares, and read the snapshots`);
  if (args.snapshot_s3_url !== '' && (args.snapshot_s3_access_key === '' || !/^[!-~]+$/.test(given(args.snapshot_s3_secret_key)))) problems.push('vault_snapshot_s3_url needs vault_snapshot_s3_access_key and vault_snapshot_s3_secret_key (printable ASCII)');
  if (args.replace !== '' && args.replace !== 'all' && !args.members.some((m) => m.name === args.replace)) problems.push(`vault_replace names ${args.replace}, which is no host of the group; it is a host of it, or all`);
  return problems;
}
