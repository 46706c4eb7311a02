import { changeScript } from '../../host/host-session.ts';
import { makeProbe } from '../../host/observe.ts';
import { action, converge, failed, ok, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect, type Query } from '../../host/query.ts';
import { rawScript } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { decideAbsent, decidePresent, decideReload, decideRestart, isDoing, type Step } from './decide.ts';
import { patroni, type PatroniFact } from './query.ts';
import { PatroniMemberArgs } from './schema.ts';
import { describeStep, stepScript } from './steps.ts';

/** More than any way from nothing to a working member; a cluster that answers otherwise each time ends here. */
const MOST_STEPS = 8;

/** Between looks at others that are not well just now. */
const PAUSE_SECONDS = 2;

/** The question behind every decision about a member. */
export function patroniQuery(args: Pick<PatroniMemberArgs, 'scope' | 'namespace' | 'unit' | 'data_dir' | 'bin_dir' | 'hba_file' | 'members' | 'cacert' | 'etcd'>): Query<PatroniFact> {
  const { endpoints, cacert, cert, key, auth_file: authFile } = args.etcd;
  const rest = args.members.map((m) => ({ name: m.name, url: m.rest_url }));
  return patroni({ scope: args.scope, namespace: args.namespace, unit: args.unit, dataDir: args.data_dir, binDir: args.bin_dir, hbaFile: args.hba_file, rest, cacert: args.cacert, etcd: { endpoints, cacert, cert, key, authFile } });
}

/** What a Patroni that starts or stops may change. */
const sideEffects: readonly Effect[] = [forgetKinds('unit', 'patroni', 'patroni-roles', 'stat', 'content', 'command-output', 'command-status')];

const refused = (step: Step & { readonly type: 'refuse' }): string => `${step.msg}\nTo do: ${step.remedy}`;

/** Asks anew, in the middle of an action. */
export async function observePatroni(port: ActionPort, query: Query<PatroniFact>): Promise<PatroniFact> {
  const probe = makeProbe([query]);
  const outcome = await port.run(probe.script, { timeoutSeconds: 120 });
  // The probe's own parser made this fact.
  return probe.read('the host', outcome.stdout).get(query.id) as PatroniFact;
}

/** Decides on fresh facts and acts, a step at a time. The plan's facts may be older than what another host has just done. */
async function converse(port: ActionPort, args: PatroniMemberArgs, decide: (fact: PatroniFact, done: readonly Step[]) => Step): Promise<ActionResult> {
  const query = patroniQuery(args);
  const done: Step[] = [];
  const told: string[] = [];
  const patientUntil = performance.now() + args.patience * 1000;
  for (;;) {
    const fact = await observePatroni(port, query);
    const step = decide(fact, done);
    const values = { steps: [...told] };
    if (step.type === 'done') return { changed: done.length > 0, msg: told.join(', '), values };
    if (step.type === 'refuse' && step.passing === true && performance.now() < patientUntil) {
      await port.sleep(PAUSE_SECONDS);
      continue;
    }
    if (step.type === 'refuse') return { changed: done.length > 0, failed: true, msg: refused(step), values };
    if (done.length >= MOST_STEPS) return { changed: true, failed: true, msg: `it has not become what was wished after: ${told.join(', ')}`, values };
    const outcome = await port.run(changeScript(stepScript(step, args, fact)), { timeoutSeconds: args.timeout * 2 + 60 });
    if (outcome.state !== 'done' || outcome.status !== 0) {
      const text = outcome.stderr.toString('utf8').trim();
      return { changed: true, failed: true, msg: `${describeStep(step)}: ${outcome.state === 'timed-out' ? 'timed out' : text}`, values };
    }
    done.push(step);
    told.push(describeStep(step));
  }
}

/** A smaller value reaches a standby with the leader's log, maybe after the standby was restarted for it. */
const MOST_RESTARTS = 3;

function restarted(args: PatroniMemberArgs, fact: PatroniFact, done: readonly Step[]): Step {
  const made = done.filter((s) => s.type !== 'switchover').length;
  if (made === 0) return decideRestart(args, fact);
  const waits = args.only_if === 'pending' && fact.rest.some((m) => m.name === args.name && m.awaitsLeader);
  return waits && made < MOST_RESTARTS ? decideRestart(args, fact) : { type: 'done' };
}

/** A reload is made once, and so is a restart; a handover before it is not the restart. */
function decider(args: PatroniMemberArgs, checkMode: boolean): (fact: PatroniFact, done: readonly Step[]) => Step {
  switch (args.state) {
    case 'present':
      return (fact) => decidePresent(args, fact, checkMode);
    case 'absent':
      return (fact, done) => decideAbsent(args, fact, done);
    case 'restarted':
      return (fact, done) => restarted(args, fact, done);
    case 'reloaded':
      return (fact, done) => (done.length > 0 ? { type: 'done' } : decideReload(args, fact));
  }
}

function foreseen(args: PatroniMemberArgs, fact: PatroniFact): PatroniFact {
  if (!args.expected || args.only_if !== 'pending') return fact;
  return { ...fact, rest: fact.rest.map((m) => ({ ...m, pendingRestart: true })) };
}

function plan(args: PatroniMemberArgs, observed: PatroniFact, checkMode: boolean): Plan {
  const resource = `Patroni member ${args.name}`;
  const decide = decider(args, checkMode);
  const step = decide(checkMode ? foreseen(args, observed) : observed, []);
  // What is known of this host may be from before another one changed the configuration of all.
  const stale = !checkMode && args.only_if === 'pending' && args.expected;
  if (step.type === 'done' && !stale) return ok({ steps: [] });
  if (checkMode) {
    if (step.type === 'refuse') return failed(step.msg, step.remedy);
    if (!isDoing(step)) return ok({ steps: [] });
    return converge([{ resource, what: describeStep(step), script: rawScript(':'), effects: sideEffects }], { steps: [describeStep(step)] });
  }
  const otherwise = { present: 'make it a member', absent: 'leave the cluster', restarted: 'restart', reloaded: 'reload' }[args.state];
  return action({
    resource,
    what: isDoing(step) ? describeStep(step) : otherwise,
    mutates: true,
    effects: sideEffects,
    timeoutSeconds: args.timeout * 4 + args.patience + 120,
    perform: { type: 'conversation', converse: (port) => converse(port, args, decide) },
  });
}

export const patroniMember = defineModule({
  name: 'patroni_member',
  summary: 'Keep a host a member of a Patroni cluster on etcd',
  description: `Makes a cluster, joins one, starts, reloads and restarts a member and takes it out, always one step at a time and deciding each from
what etcd and the members' REST APIs answer. What it promises:

- A new cluster is made only where etcd knows none of that name, no listed host has data, and this run has looked at all of them;
  the first listed host makes it.
- A data directory that is not the cluster's is refused until \`replace\` says that this was meant, and then set aside
  (\`DIRECTORY.former-TIME\`), never deleted.
- A host without data joins as a replica; Patroni copies the data from a member (or as \`create_replica_methods\` say).
- Nothing is restarted while another member is not well; a leader hands over to a standby first, in synchronous mode to one in sync.
- \`absent\` hands over first where it leads, stops, sets the data aside, and has the leader drop its replication slot.

Put \`throttle: 1\` on the task. Needs curl, certificates and the unit. The role postgres does all that.`,
  args: PatroniMemberArgs,
  examples: [
    {
      title: 'A member of two',
      yaml: 'patroni_member:\n  name: db1\n  scope: care\n  version: "17"\n  members:\n    - { name: db1, rest_url: "https://10.0.0.1:8008", seen: true }\n    - { name: db2, rest_url: "https://10.0.0.2:8008", seen: true }\n  data_dir: /var/lib/postgresql/17/care\n  bin_dir: /usr/lib/postgresql/17/bin\n  cacert: /etc/postgresql/pki/ca.crt\n  cert: /etc/postgresql/pki/admin.crt\n  key: /etc/postgresql/pki/admin.key\n  etcd:\n    endpoints: ["https://10.0.0.1:2379"]\n    cacert: /etc/postgresql/pki/etcd-ca.crt\n    cert: /etc/postgresql/pki/etcd.crt\n    key: /etc/postgresql/pki/etcd.key\nthrottle: 1\n',
    },
  ],
  returns: { steps: 'what was done, in order' },
  queries: (args) => [patroniQuery(args)],
  observes: (args) => (args.state === 'absent' ? [] : [{ subject: 'version', name: 'postgresql', version: args.version }]),
  plan: (args, host) => plan(args, host.fact(patroniQuery(args)), host.checkMode),
});
