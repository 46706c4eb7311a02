import { z } from 'zod';
import { failed } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { timingOf, timingTroubles, type TimedMember } from './decide.ts';

const Member = z.strictObject({
  name: z.string().min(1).describe('The member'),
  round_trips: z.record(z.string(), z.number().min(0)).default({}).describe('Average round trip to other members in milliseconds, by their names'),
  heartbeat_ms: z.int().min(0).default(0).describe('The heartbeat that it has now, in milliseconds; 0: it is no member yet'),
});

const EtcdTimingArgs = z.strictObject({
  members: z.array(Member).min(1).describe('All members, with what they have measured'),
  heartbeat_ms: z.int().min(0).max(5000).default(0).describe('Heartbeat in milliseconds; 0: it follows the round trip'),
  election_ms: z.int().min(0).max(50_000).default(0).describe('Election timeout in milliseconds; 0: ten heartbeats'),
});
type EtcdTimingArgs = z.output<typeof EtcdTimingArgs>;

const askedOf = (args: EtcdTimingArgs): { readonly heartbeatMs: number; readonly electionMs: number } => ({ heartbeatMs: args.heartbeat_ms, electionMs: args.election_ms });
const memberOf = (member: EtcdTimingArgs['members'][number]): TimedMember => ({ name: member.name, roundTrips: member.round_trips, heartbeatMs: member.heartbeat_ms === 0 ? undefined : member.heartbeat_ms });

export const etcdTiming = defineModule({
  name: 'etcd_timing',
  summary: 'Tell which heartbeat and election timeout members of etcd are to have, by the round trip between them',
  description: `Asks no host: the round trips are what members have measured before. The heartbeat is 1.25 of the largest one and 100 ms at least, the election timeout ten heartbeats. What the members have is
kept while it is between 1 and 1.5 round trips (or 100 ms is enough), so that nothing is restarted for a round trip that differs a little from night to night, and is made shorter only when every two members have been measured.`,
  args: EtcdTimingArgs,
  examples: [{
    title: 'Two sites, 80 ms apart',
    yaml: 'etcd_timing:\n  members:\n    - { name: a1, round_trips: { a2: 0.3, b1: 80.4 } }\n    - { name: a2, round_trips: { a1: 0.3, b1: 80.2 } }\n    - { name: b1, round_trips: { a1: 80.3, a2: 80.1 } }\nregister: timing\n',
  }],
  returns: { heartbeat_ms: 'the heartbeat, in milliseconds', election_ms: 'the election timeout, in milliseconds', round_trip_ms: 'the largest round trip, in milliseconds; 0 when none was measured' },
  refuses: (args) => timingTroubles(askedOf(args)),
  plan(args) {
    const troubles = timingTroubles(askedOf(args));
    if (troubles.length > 0) return failed(troubles.join('\n'), 'change the timing, or take it out');
    const timing = timingOf(args.members.map(memberOf), askedOf(args));
    if (timing.electionMs < 5 * timing.heartbeatMs) return failed(`an election timeout of ${String(timing.electionMs)} ms is less than five heartbeats of ${String(timing.heartbeatMs)} ms, which the round trip of ${String(timing.roundTripMs ?? 0)} ms asks for: etcd does not start with it`, 'take the election timeout out, or take ten heartbeats');
    return { type: 'ok', values: { heartbeat_ms: timing.heartbeatMs, election_ms: timing.electionMs, round_trip_ms: timing.roundTripMs ?? 0 }, ...(timing.warnings.length === 0 ? {} : { warnings: timing.warnings }) };
  },
});
