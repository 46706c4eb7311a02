import { makeProbe } from '../../host/observe.ts';
import { action, failed, ok, waited, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import type { ValueMap } from '../../support/value.ts';
import { leaderOf, patroniView, syncStandbys, type PatroniView, type PatroniViewKey } from '../common/patroni-view.ts';
import { defineModule } from '../define.ts';
import { troubles, type Wanted } from './decide.ts';
import { PatroniGateArgs } from './schema.ts';

const PAUSE_SECONDS = 2;
const RESOURCE = 'Patroni cluster';

const keyOf = (args: PatroniGateArgs): PatroniViewKey => ({ urls: args.url, cacert: args.cacert });

const wantedOf = (args: PatroniGateArgs): Wanted => ({
  members: args.members,
  synchronous: args.synchronous,
  maxLagBytes: args.max_lag_bytes,
  paused: args.paused,
  tolerate: args.tolerate,
});

function valuesOf(view: PatroniView): ValueMap {
  const leader = leaderOf(view);
  return {
    leader: leader?.name ?? '',
    timeline: leader?.timeline ?? 0,
    sync_standbys: syncStandbys(view).map((m) => m.name),
    replicas: (view.members ?? []).filter((m) => m !== leader).map((m) => m.name),
    pending_restart: (view.members ?? []).filter((m) => m.pendingRestart).map((m) => m.name),
    paused: view.paused,
  };
}

const remedyOf = (args: PatroniGateArgs): string => args.remedy ?? 'look at `care-patronictl list` and `journalctl -u care-patroni` on the member that is named; then run this again';

async function look(port: ActionPort, args: PatroniGateArgs): Promise<PatroniView> {
  const query = patroniView(keyOf(args));
  const probe = makeProbe([query]);
  const outcome = await port.run(probe.script, { timeoutSeconds: 10 + 6 * args.url.length });
  // The probe's own parser made this fact.
  return probe.read('the host', outcome.stdout).get(query.id) as PatroniView;
}

async function converse(port: ActionPort, args: PatroniGateArgs): Promise<ActionResult> {
  const until = performance.now() + args.patience * 1000;
  for (;;) {
    const view = await look(port, args);
    const found = troubles(view, wantedOf(args));
    if (found.length === 0) return { changed: false, values: valuesOf(view) };
    if (performance.now() >= until) return { changed: false, failed: true, msg: `the cluster is not fit: ${found.join('; ')}\nTo do: ${remedyOf(args)}`, values: { ...valuesOf(view), troubles: found } };
    await port.sleep(PAUSE_SECONDS);
  }
}

export const patroniGate = defineModule({
  name: 'patroni_gate',
  summary: 'Go on only when a Patroni cluster is well',
  description: `Reads only. Open when Patroni answers, there is one running leader, all \`members\` and no others are there, every replica streams
on the leader's timeline and is less than \`max_lag_bytes\` behind, there is a synchronous standby, nothing is paused, and no
switchover is scheduled. Waits \`patience\` seconds for that; in check mode it looks once.

Put it before and after every step that takes a member away.`,
  args: PatroniGateArgs,
  examples: [{ title: 'Before a member is restarted', yaml: 'patroni_gate:\n  url: https://10.0.0.1:8008\n  members: [db1, db2, db3]\n  patience: 120\n' }],
  returns: {
    leader: 'name of the leader',
    timeline: 'its timeline',
    sync_standbys: 'names of the synchronous standbys',
    replicas: 'names of all others',
    pending_restart: 'names of the members whose settings wait for a restart',
    paused: 'whether the cluster is paused',
    troubles: 'what is wrong, when it failed',
  },
  queries: (args) => [patroniView(keyOf(args))],
  plan(args, host): Plan {
    if (host.checkMode) {
      const view = host.fact(patroniView(keyOf(args)));
      const found = troubles(view, wantedOf(args));
      return found.length === 0 ? ok(valuesOf(view)) : failed(`the cluster is not fit: ${found.join('; ')}`, remedyOf(args));
    }
    return action({
      resource: RESOURCE,
      what: 'wait until it is well',
      mutates: false,
      effects: waited(host),
      timeoutSeconds: args.patience + 60 + 6 * args.url.length,
      perform: { type: 'conversation', converse: (port) => converse(port, args) },
    });
  },
});
