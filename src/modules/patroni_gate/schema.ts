import { z } from 'zod';
import { CaFile, MemberName, RestUrls } from '../common/patroni-view.ts';

export const PatroniGateArgs = z.strictObject({
  url: RestUrls.describe('REST API of a member such as https://10.0.0.1:8008, or a list; the first that answers is believed'),
  cacert: CaFile.describe('CA that the REST API\'s certificate is verified with'),
  members: z.array(MemberName).min(1).describe('Names of all members that there are to be'),
  synchronous: z.boolean().default(true).describe('Whether there must be a synchronous standby'),
  max_lag_bytes: z.int().min(0).default(1_048_576).describe('How far a replica may be behind, in bytes'),
  paused: z.boolean().default(false).describe('Whether the cluster is to be paused (maintenance mode)'),
  tolerate: z.array(MemberName).default([]).describe('Members that may be ill or absent'),
  patience: z.int().min(0).max(86_400).default(60).describe('Seconds to wait for it to come right'),
  remedy: z.string().optional().describe('What to tell people to do when it stays shut'),
});
export type PatroniGateArgs = z.output<typeof PatroniGateArgs>;
