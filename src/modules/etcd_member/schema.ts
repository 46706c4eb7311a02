import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';

const Url = z.string().regex(/^https?:\/\/[^\s/,]+$/, 'must be an http or https URL of host and port only');
/** An etcd member's name; `=` and `,` separate names in ETCD_INITIAL_CLUSTER. */
const MemberName = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be letters, digits, . _ and -');

const Peer = z.strictObject({
  name: MemberName.describe('Name of the member'),
  client_url: Url.describe('Where it answers clients'),
  peer_url: Url.describe('Where it answers the other members'),
  seen: z.boolean().default(false).describe('Whether this run has looked at that host'),
  data: z.boolean().default(false).describe('Whether the host had data of etcd when this run looked'),
  started: z.boolean().default(false).describe('Whether this run has made it a member'),
});
export type Peer = z.output<typeof Peer>;

export const EtcdMemberArgs = z
  .strictObject({
    name: MemberName.describe('Name of this host\'s member'),
    state: z
      .enum(['present', 'restarted', 'only'])
      .default('present')
      .describe('present: this host runs a voting member; restarted: also restarts it, when the others can spare it; only: members that are not in `members` are removed'),
    peer_url: Url.describe('Where this member answers the others'),
    client_url: Url.describe('Where this member answers clients'),
    members: z.array(Peer).min(1).describe('All members that there are to be, this one too'),
    token: z.string().regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, . _ and -').describe('Name of the cluster, so that two clusters never mix'),
    data_dir: AbsolutePath.describe('ETCD_DATA_DIR of the unit'),
    initial_env: AbsolutePath.default('/etc/etcd/initial.env').describe('EnvironmentFile of the unit that this module writes before a first start'),
    unit: z.string().regex(/^[A-Za-z0-9@._-]+\.service$/, 'must be the full name of a service').default('etcd.service').describe('The unit that runs etcd'),
    cacert: AbsolutePath.describe('CA that members\' certificates are verified with'),
    cert: AbsolutePath.describe('Client certificate for etcdctl'),
    key: AbsolutePath.describe('Key of the client certificate'),
    replace: z.boolean().default(false).describe('This host was wiped on purpose: the member that it was is removed from the cluster, and it joins as a new one'),
    dead_only: z.boolean().default(false).describe('With `only`: leave members that answer'),
    ill_only: z.boolean().default(false).describe('With `restarted`: leave a member that is well'),
    patience: z.int().min(0).max(3600).default(30).describe('Seconds to wait for others that are not well just now'),
    timeout: z.int().min(10).max(3600).default(180).describe('Seconds to wait at most for one step: a start, or a learner to catch up'),
  })
  .refine((args) => args.state === 'only' || args.members.some((m) => m.name === args.name), { path: ['members'], message: 'must hold this member too' });
export type EtcdMemberArgs = z.output<typeof EtcdMemberArgs>;
