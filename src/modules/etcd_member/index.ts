import { changeScript } from '../../host/host-session.ts';
import { makeProbe } from '../../host/observe.ts';
import { action, converge, failed, ok, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect, type Query } from '../../host/query.ts';
import { rawScript } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { decideOnly, decidePresent, decideRestart, type Step } from './decide.ts';
import { etcd, type EtcdFact } from './query.ts';
import { EtcdMemberArgs } from './schema.ts';
import { describeStep, stepScript, type Doing } from './steps.ts';

/** More than any way from nothing to a voting member; a cluster that answers otherwise each time ends here. */
const MOST_STEPS = 12;

/** Between looks at others that are not well just now. */
const PAUSE_SECONDS = 2;

function queryOf(args: EtcdMemberArgs): Query<EtcdFact> {
  const endpoints = [...new Set([args.client_url, ...args.members.map((m) => m.client_url)])].sort();
  return etcd({ endpoints, own: args.client_url, unit: args.unit, dataDir: args.data_dir, cacert: args.cacert, cert: args.cert, key: args.key });
}

/** What an etcd that starts or stops may change: its unit, and what commands answer. */
const sideEffects: readonly Effect[] = [forgetKinds('unit', 'etcd', 'command-output', 'command-status')];

function isDoing(step: Step): step is Doing {
  return step.type !== 'done' && step.type !== 'refuse';
}

const refused = (step: Step & { readonly type: 'refuse' }): string => `${step.msg}\nTo do: ${step.remedy}`;

async function observe(port: ActionPort, query: Query<EtcdFact>): Promise<EtcdFact> {
  const probe = makeProbe([query]);
  const outcome = await port.run(probe.script, { timeoutSeconds: 120 });
  // The probe's own parser made this fact.
  return probe.read('the host', outcome.stdout).get(query.id) as EtcdFact;
}

/** Decides on fresh facts and acts, a step at a time. The plan's facts may be older than what another host has just done. */
async function converse(port: ActionPort, args: EtcdMemberArgs, decide: (fact: EtcdFact, done: number) => Step): Promise<ActionResult> {
  const query = queryOf(args);
  const done: string[] = [];
  let started = false;
  let wiped = false;
  const patientUntil = performance.now() + args.patience * 1000;
  for (;;) {
    const fact = await observe(port, query);
    const step = decide(fact, done.length);
    const values = { steps: [...done], started };
    if (step.type === 'done') return { changed: done.length > 0, msg: done.join(', '), values };
    if (step.type === 'refuse' && step.passing === true && performance.now() < patientUntil) {
      await port.sleep(PAUSE_SECONDS);
      continue;
    }
    if (step.type === 'refuse') return { changed: done.length > 0, failed: true, msg: refused(step), values };
    if (done.length >= MOST_STEPS) return { changed: true, failed: true, msg: `it has not become what was wished after: ${done.join(', ')}`, values };
    // `replace` is for one life: a member that is new and lost again is another case.
    if (step.type === 'remove' && args.state === 'present' && wiped) return { changed: true, failed: true, msg: `${step.name} would be removed twice`, values };
    wiped ||= step.type === 'remove';
    const outcome = await port.run(changeScript(stepScript(step, args, fact)), { timeoutSeconds: args.timeout * 2 + 60 });
    if (outcome.state !== 'done' || outcome.status !== 0) {
      const text = outcome.stderr.toString('utf8').trim();
      return { changed: true, failed: true, msg: `${describeStep(step)}: ${outcome.state === 'timed-out' ? 'timed out' : text}`, values };
    }
    started ||= ['start', 'bootstrap', 'join', 'restart'].includes(step.type);
    done.push(describeStep(step));
  }
}

function plan(args: EtcdMemberArgs, fact: EtcdFact, checkMode: boolean): Plan {
  const resource = args.state === 'only' ? 'etcd members that are not listed' : `etcd member ${args.name}`;
  const decide = (now: EtcdFact, done: number): Step => {
    if (args.state === 'only') return decideOnly(args, now);
    if (args.state === 'present') return decidePresent(args, now, checkMode);
    return done > 0 ? { type: 'done' } : decideRestart(args, now);
  };
  const step = decide(fact, 0);
  if (step.type === 'done') return ok({ steps: [], started: false });
  if (checkMode) {
    if (!isDoing(step)) return failed(step.msg, step.remedy);
    const started = step.type !== 'promote' && step.type !== 'update';
    return converge([{ resource, what: describeStep(step), script: rawScript(':'), effects: sideEffects }], { steps: [describeStep(step)], started });
  }
  return action({
    resource,
    what: isDoing(step) ? describeStep(step) : args.state === 'restarted' ? 'restart' : args.state === 'only' ? 'remove' : 'make it a member',
    mutates: true,
    effects: sideEffects,
    timeoutSeconds: args.timeout * 4 + args.patience + 120,
    perform: { type: 'conversation', converse: (port) => converse(port, args, decide) },
  });
}

export const etcdMember = defineModule({
  name: 'etcd_member',
  summary: 'Keep a host a voting member of an etcd cluster',
  description: `Makes a cluster, joins one, starts, replaces and restarts a member, always one step at a time and deciding each from
what the members answer. What it promises:

- A new cluster is made only where nobody answers, no listed host has data, and this run has looked at all of them.
- A member joins only while all others are well: as a learner, which votes once it has caught up.
- A host that lost its data is refused until \`replace\` says that this was meant.
- Data of a member that the cluster no longer knows is set aside (\`former-TIME\` in the data directory), not deleted.
- Nothing is removed or restarted that the quorum can't spare; \`restarted\` hands leadership over first.
- \`only\` takes out members that are not listed, the dead first, and refuses when it would be more than half of them.

Put \`throttle: 1\` on the task. Needs etcdctl, the client certificate and the unit, which must read \`initial_env\`
(\`EnvironmentFile=/etc/etcd/initial.env\`). The role etcd does all that.`,
  args: EtcdMemberArgs,
  examples: [
    {
      title: 'A member of two',
      yaml: 'etcd_member:\n  name: db1\n  peer_url: https://10.0.0.1:2380\n  client_url: https://10.0.0.1:2379\n  members:\n    - { name: db1, client_url: "https://10.0.0.1:2379", peer_url: "https://10.0.0.1:2380", seen: true }\n    - { name: db2, client_url: "https://10.0.0.2:2379", peer_url: "https://10.0.0.2:2380", seen: true }\n  token: care\n  data_dir: /var/lib/etcd/care\n  cacert: /etc/etcd/pki/ca.crt\n  cert: /etc/etcd/pki/root.crt\n  key: /etc/etcd/pki/root.key\nthrottle: 1\n',
    },
  ],
  returns: { steps: 'what was done, in order', started: 'whether the process was started or restarted' },
  queries: (args) => [queryOf(args)],
  observes(args, _values, host) {
    const own = host?.fact(queryOf(args)).statuses.find((status) => status.endpoint === args.client_url);
    return own?.version === undefined ? [] : [{ subject: 'version', name: 'etcd', version: own.version }];
  },
  plan: (args, host) => plan(args, host.fact(queryOf(args)), host.checkMode),
});
