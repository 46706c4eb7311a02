import { z } from 'zod';
import { failed, ok } from '../../host/plan.ts';
import { namesOf, siteTroubles } from '../common/voters.ts';
import { defineModule } from '../define.ts';

const Member = z.strictObject({
  name: z.string().describe('The host'),
  site: z.string().default('').describe('The place that fails as a whole: a data centre'),
});

const VotersInventoryArgs = z.strictObject({
  what: z.string().min(1).describe('What they are, for messages: members of etcd'),
  group: z.string().min(1).describe('Their group in the inventory, where a refusal points at'),
  voters: z.array(Member).describe('The hosts that vote'),
  geo_ha: z.enum(['required', 'ignored']).default('ignored').describe('`required`: an odd number, and the loss of any one site must leave a majority'),
});
type VotersInventoryArgs = z.output<typeof VotersInventoryArgs>;

/** etcd's FAQ, "Why an odd number of cluster members?"; raft's majority is the same for all. */
export function voterTroubles(args: VotersInventoryArgs): readonly string[] {
  const { what, voters } = args;
  if (args.geo_ha === 'ignored') return [];
  const even = voters.length % 2 === 0 ? [`${String(voters.length)} ${what} (${namesOf(voters)}): an even number survives no more losses than one fewer, and is likelier to lose one. Take ${String(Math.max(voters.length - 1, 1))} or ${String(voters.length + 1)}`] : [];
  return [...even, ...siteTroubles(what, voters)];
}

export const votersInventory = defineModule({
  name: 'voters_inventory',
  summary: 'Refuse an inventory whose voters would not survive the loss of a site',
  description: `Asks no host. Where its arguments can be told before a run, it is judged before any host is touched, by \`validate\` too, and points at the group in the inventory. Used by
roles etcd and vault; control planes of Kubernetes are looked at by \`kubernetes_inventory\`.`,
  args: VotersInventoryArgs,
  examples: [{ title: 'Three members in three sites', yaml: 'voters_inventory:\n  what: members of etcd\n  group: etcd\n  geo_ha: required\n  voters:\n    - { name: a1, site: kochi }\n    - { name: b1, site: delhi }\n    - { name: c1, site: pune }\n' }],
  refuses: (args) => voterTroubles(args).map((summary) => ({ summary, group: args.group })),
  plan(args) {
    const troubles = voterTroubles(args);
    return troubles.length === 0 ? ok() : failed(troubles.join('\n'), 'change the inventory');
  },
});
