import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { CaFile, MemberName, RestUrls } from '../common/patroni-view.ts';

export const PatroniSwitchoverArgs = z.strictObject({
  url: RestUrls.describe('REST API of a member, or a list; the first that answers is believed'),
  cacert: CaFile.describe('CA that the REST API\'s certificate is verified with'),
  cluster: MemberName.describe('Name of the cluster (Patroni\'s scope)'),
  from: MemberName.describe('The member that shall not lead; when another leads, nothing is done'),
  candidates: z.array(MemberName).default([]).describe('Members that may take over; default: every one that is fit'),
  synchronous: z.boolean().default(true).describe('Whether only a synchronous standby may take over'),
  max_lag_bytes: z.int().min(0).default(1_048_576).describe('How far the one that takes over may be behind, in bytes'),
  patronictl: AbsolutePath.default('/usr/local/sbin/care-patronictl').describe('patronictl with its configuration'),
  timeout: z.int().min(5).max(600).default(60).describe('Seconds to wait for the new leader'),
});
export type PatroniSwitchoverArgs = z.output<typeof PatroniSwitchoverArgs>;
