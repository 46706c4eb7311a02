import { changeScript } from '../../host/host-session.ts';
import { pgbackrest, type PgbackrestFact } from '../../host/kinds/pgbackrest.ts';
import { makeProbe } from '../../host/observe.ts';
import { action, converge, failed, ok, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect, type Query } from '../../host/query.ts';
import { rawScript, sh, type Script } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { decideStanza, describeStep, type Step } from './decide.ts';
import { PgbackrestStanzaArgs } from './schema.ts';

/** A missing stanza in one repository and an upgrade in another, and one to see that all is done. */
const MOST_STEPS = 3;

const sideEffects: readonly Effect[] = [forgetKinds('pgbackrest', 'command-output', 'command-status')];

const queryOf = (args: PgbackrestStanzaArgs): Query<PgbackrestFact> => pgbackrest({ stanza: args.stanza, dataDir: args.data_dir, binDir: args.bin_dir });

/** stanza-create leaves repositories alone that have a valid stanza; stanza-upgrade those that are up to date. */
function stepScript(step: Step, args: PgbackrestStanzaArgs): Script {
  const command = step.type === 'upgrade' ? 'stanza-upgrade' : 'stanza-create';
  return sh`cd /
care_out=$(runuser -u postgres -- timeout -k 10 ${args.timeout} pgbackrest --stanza=${args.stanza} --log-level-console=warn ${command} 2>&1) || { printf '%s\n' "$care_out" >&2; exit 1; }`;
}

async function converse(port: ActionPort, args: PgbackrestStanzaArgs): Promise<ActionResult> {
  const query = queryOf(args);
  const done: string[] = [];
  for (;;) {
    const probe = makeProbe([query]);
    const outcome = await port.run(probe.script, { timeoutSeconds: args.timeout + 60 });
    // The probe's own parser made this fact.
    const fact = probe.read('the host', outcome.stdout).get(query.id) as PgbackrestFact;
    const step = decideStanza(args, fact, false);
    const values = { steps: [...done] };
    if (step.type === 'done') return { changed: done.length > 0, msg: done.join(', '), values };
    if (step.type === 'refuse') return { changed: done.length > 0, failed: true, msg: `${step.msg}\nTo do: ${step.remedy}`, values };
    if (done.length >= MOST_STEPS) return { changed: true, failed: true, msg: `the stanza is not as wished after: ${done.join(', ')}`, values };
    const ran = await port.run(changeScript(stepScript(step, args)), { timeoutSeconds: args.timeout + 60 });
    if (ran.state !== 'done' || ran.status !== 0) return { changed: true, failed: true, msg: `${describeStep(step)}: ${ran.state === 'timed-out' ? 'timed out' : ran.stderr.toString('utf8').trim()}`, values };
    done.push(describeStep(step));
  }
}

function plan(args: PgbackrestStanzaArgs, fact: PgbackrestFact, checkMode: boolean): Plan {
  const resource = `pgBackRest stanza ${args.stanza}`;
  const step = decideStanza(args, fact, checkMode);
  if (step.type === 'done') return ok({ steps: [] });
  if (checkMode) {
    if (step.type === 'refuse') return failed(step.msg, step.remedy);
    return converge([{ resource, what: describeStep(step), script: rawScript(':'), effects: sideEffects }], { steps: [describeStep(step)] });
  }
  // Also what is refused: the facts may be older than what another host has just done.
  return action({
    resource,
    what: step.type === 'refuse' ? 'create or upgrade it' : describeStep(step),
    mutates: true,
    effects: sideEffects,
    timeoutSeconds: args.timeout * 8,
    perform: { type: 'conversation', converse: (port) => converse(port, args) },
  });
}

export const pgbackrestStanza = defineModule({
  name: 'pgbackrest_stanza',
  summary: 'Keep a stanza of pgBackRest in all repositories of a cluster',
  description: `Compares the cluster in the data directory with what the repositories hold, and then creates the stanza where it is
missing, upgrades it after a major upgrade that was announced (\`upgrade\`), or refuses:

- A repository that holds another cluster's backups (another system identifier) is refused with what is there. Nothing is deleted, ever.
- A repository that can't be asked is not taken for an empty one.

Run it on one host: the leader.`,
  args: PgbackrestStanzaArgs,
  examples: [
    {
      title: 'The stanza in two repositories',
      yaml: 'pgbackrest_stanza:\n  stanza: care\n  repositories: [1, 2]\n  data_dir: /var/lib/postgresql/17/care\n  bin_dir: /usr/lib/postgresql/17/bin\nwhen: inventory_hostname == postgres_leader\n',
    },
  ],
  returns: { steps: 'what was done, in order' },
  queries: (args) => [queryOf(args)],
  plan: (args, host) => plan(args, host.fact(queryOf(args)), host.checkMode),
});
