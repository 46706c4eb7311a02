import { z } from 'zod';
import { action, failed, ok, waited, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import type { ValueMap } from '../../support/value.ts';
import { defineModule } from '../define.ts';
import { leaderOf } from '../patroni_member/decide.ts';
import { observePatroni, patroniQuery } from '../patroni_member/index.ts';
import type { PatroniFact } from '../patroni_member/query.ts';
import { clusterArguments } from '../patroni_member/schema.ts';

const Args = z.strictObject({
  ...clusterArguments,
  timeout: z.int().min(1).max(3600).default(60).describe('Seconds to wait for a leader'),
});
type Args = z.output<typeof Args>;

/** Between looks. */
const PAUSE_SECONDS = 1;

function found(leader: string, fact: PatroniFact): ValueMap {
  return { leader, sync: fact.dcs?.sync ?? [], system_id: fact.dcs?.systemId ?? '' };
}

async function waitForLeader(port: ActionPort, args: Args): Promise<ActionResult> {
  const until = performance.now() + args.timeout * 1000;
  for (;;) {
    const fact = await observePatroni(port, patroniQuery(args));
    const leader = leaderOf(fact);
    if (leader !== undefined) return { changed: false, values: found(leader.name, fact) };
    if (performance.now() > until) return { changed: false, failed: true, msg: `cluster ${args.scope} has no leader that answers\nTo do: care-patronictl list` };
    await port.sleep(PAUSE_SECONDS);
  }
}

function plan(args: Args, fact: PatroniFact, checkMode: boolean): Plan {
  const leader = leaderOf(fact);
  if (leader !== undefined) return ok(found(leader.name, fact));
  if (checkMode) {
    // The first of the group makes a new cluster (patroni_member); one that is only stopped is led by who led it.
    const name = fact.dcs?.leader ?? args.members[0]?.name;
    return name === undefined ? failed('there are no members') : ok(found(name, fact));
  }
  return action({ resource: `leader of ${args.scope}`, what: 'wait for it', mutates: false, effects: waited({ checkMode }), timeoutSeconds: args.timeout + 120, perform: { type: 'conversation', converse: (port) => waitForLeader(port, args) } });
}

export const patroniInfo = defineModule({
  name: 'patroni_info',
  summary: 'Tell who leads a Patroni cluster',
  description: `Changes nothing. Waits for a leader when there is none just now. In check mode, where there is no cluster yet, the leader is the first
of \`members\`, who would make it.`,
  args: Args,
  examples: [
    {
      title: 'Who leads',
      yaml: 'patroni_info:\n  scope: care\n  members:\n    - { name: db1, rest_url: "https://10.0.0.1:8008" }\n  data_dir: /var/lib/postgresql/17/care\n  bin_dir: /usr/lib/postgresql/17/bin\n  cacert: /etc/postgresql/pki/ca.crt\n  etcd:\n    endpoints: ["https://10.0.0.1:2379"]\n    cacert: /etc/postgresql/pki/etcd-ca.crt\n    cert: /etc/postgresql/pki/etcd.crt\n    key: /etc/postgresql/pki/etcd.key\n',
  },
  ],
  returns: { leader: 'name of the leader', sync: 'names of the synchronous standbys', system_id: 'system identifier of the cluster' },
  queries: (args) => [patroniQuery(args)],
  plan: (args, host) => plan(args, host.fact(patroniQuery(args)), host.checkMode),
});
