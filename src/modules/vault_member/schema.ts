import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { authorityArgument } from '../common/x509.ts';

const MemberName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be the name of a host');

const Peer = z.strictObject({
  name: MemberName.describe('Name of the host, which is its raft id'),
  address: z.string().regex(/^[0-9.]+$|^[0-9a-fA-F:]+$/, 'must be an IP address').describe('Where it answers clients'),
});

export const VaultMemberArgs = z
  .strictObject({
    name: MemberName.describe('Name of this host'),
    state: z
      .enum(['present', 'restarted', 'only'])
      .default('present')
      .describe('present: it runs, and is a voting member once it is open; restarted: also runs by what its files say now, when the others can spare it; only: peers that are not in `members` are removed'),
    members: z.array(Peer).min(1).describe('All members that there are to be, this one too'),
    port: z.int().min(1).max(65_535).default(8200).describe('TCP port for clients, the same on all'),
    authority: authorityArgument.describe('The CA that signs the members\' certificates: a path on the controller, or its text'),
    operator_authority: authorityArgument.describe('The CA whose client certificates operate the cluster: a path on the controller, or its text'),
    data_dir: AbsolutePath.describe('Where the folder `raft` with the data is'),
    unit: z.string().regex(/^[A-Za-z0-9@._-]+\.service$/, 'must be the full name of a service').default('care-vault.service').describe('The unit that runs it'),
    files: z.array(AbsolutePath).default([]).describe('With `restarted`: what it runs by. A process that is older than one of them is restarted'),
    changed: z.boolean().default(false).describe('With `restarted`, for check mode, which writes no files: whether one of them would be written'),
    leader: z.boolean().default(true).describe('With `restarted`: also when it leads; it hands over before. False leaves a leader, so that it can be the last'),
    own_seal: z.boolean().default(false).describe('Whether members open by themselves, and are waited for'),
    replace: z.boolean().default(false).describe('This host was wiped on purpose: the peer that it was is removed, and it joins as a new one'),
    abandon: z.boolean().default(false).describe('With `replace`: the whole cluster was lost, and nobody is asked for its peers'),
    empty: z.array(MemberName).default([]).describe('With `abandon`: members whose hosts were looked into and have no data. Another one that does not answer is taken to have some, and nothing is given up'),
    patience: z.int().min(0).max(3600).default(30).describe('Seconds to wait for others that are not well just now'),
    unseal_wait: z.int().min(0).max(86_400).default(0).describe('With `restarted`: seconds to wait for people to open it'),
    timeout: z.int().min(10).max(3600).default(120).describe('Seconds to wait at most for one step'),
  })
  .refine((args) => args.state === 'only' || args.members.some((m) => m.name === args.name), { path: ['members'], message: 'must hold this member too' });
export type VaultMemberArgs = z.output<typeof VaultMemberArgs>;
