import { z } from 'zod';
import { SecretText } from '../arguments.ts';

const Port = z.int().min(1).max(65_534);
const Member = z.strictObject({ name: z.string().min(1).describe('Name of the host'), address: z.string().describe('Its address for members and clients') });
const Holder = z.looseObject({ name: z.string().describe('Who'), recipient: z.string().describe('Public age key') });

export const VaultInventoryArgs = z.strictObject({
  flavor: z.enum(['openbao', 'vault']).default('openbao').describe('Whose program it is'),
  members: z.array(Member).describe('The hosts of the group'),
  seal: z.enum(['shamir', 'static', 'transit']).default('shamir').describe('Who opens members'),
  seal_key: SecretText.default('').describe('With static: 32 bytes in base64'),
  seal_key_id: z.string().default('').describe('Its name'),
  seal_key_previous: SecretText.default('').describe('The one before it'),
  seal_key_previous_id: z.string().default('').describe('Its name'),
  transit_address: z.string().default('').describe('With transit: URL of the other cluster'),
  transit_key: z.string().default('').describe('Name of the key there'),
  transit_token: SecretText.default('').describe('Token for it'),
  standby_reads: z.boolean().default(false).describe('Whether standbys are to answer reads'),
  key_holders: z.array(Holder).default([]).describe('Who holds the key shares'),
  snapshot_s3_url: z.string().default('').describe('Bucket for snapshots'),
  snapshot_s3_access_key: z.string().default('').describe('Account that puts them there'),
  snapshot_s3_secret_key: SecretText.default('').describe('Its secret key'),
  port: Port.default(8200).describe('TCP port for clients'),
  cluster_port: Port.default(8201).describe('TCP port for the other members'),
  metrics_port: Port.default(8204).describe('TCP port for metrics; the one after it is taken as well'),
  replace: z.string().default('').describe('Host that was wiped on purpose, or all'),
});
export type VaultInventoryArgs = z.output<typeof VaultInventoryArgs>;
