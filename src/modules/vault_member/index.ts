import { changeScript } from '../../host/host-session.ts';
import { makeProbe } from '../../host/observe.ts';
import { action, converge, failed, ok, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { vault, type VaultClient } from '../../services/vault/client.ts';
import { failure } from '../../support/diagnostic.ts';
import { rawScript, sh, type Script } from '../../support/shell.ts';
import type { Authority } from '../../support/x509/authority.ts';
import { trustedBy } from '../../support/x509/authority.ts';
import { addressOf, lookAtCluster, memberToAsk, operatorAuth, vaultCluster, type VaultClusterKey } from '../common/vault/cluster.ts';
import { authorityOf, NO_AUTHORITY_REMEDY } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { decideOnly, decidePresent, decideRestart, type Facts, type Step } from './decide.ts';
import { MARKER, vaultHost, type VaultHostFact } from './query.ts';
import { VaultMemberArgs } from './schema.ts';

type Doing = Exclude<Step, { readonly type: 'done' | 'refuse' }>;

const MOST_STEPS = 12;
/** Between looks at what is not well just now. */
const PAUSE_SECONDS = 2;
const REQUEST_SECONDS = 30;

const sideEffects: readonly Effect[] = [forgetKinds('unit', 'vault-host', 'vault-cluster', 'stat', 'command-output', 'command-status')];

function describeStep(step: Doing): string {
  switch (step.type) {
    case 'start':
      return 'start';
    case 'note':
      return 'note that it is a member';
    case 'remove':
      return step.own ? 'forget what it was before it was wiped' : `remove peer ${step.peer}`;
    case 'step-down':
      return `${step.leader} hands over`;
    case 'restart':
      return 'restart';
  }
}

function caOf(argument: VaultMemberArgs['authority'], host: HostView): Authority | undefined {
  return authorityOf(argument, host);
}

function clusterKey(args: VaultMemberArgs, host: HostView): VaultClusterKey | undefined {
  const servers = caOf(args.authority, host);
  const operators = caOf(args.operator_authority, host);
  if (servers === undefined || operators === undefined) return undefined;
  return { members: args.members, port: args.port, ca: trustedBy(servers, host.base.epoch).map((c) => c.pem).join('\n'), operators };
}

function hostKey(args: VaultMemberArgs): Parameters<typeof vaultHost>[0] {
  return { unit: args.unit, dataDir: args.data_dir, files: args.files };
}

async function observe(port: ActionPort, args: VaultMemberArgs, key: VaultClusterKey): Promise<Facts> {
  const query = vaultHost(hostKey(args));
  const probe = makeProbe([query]);
  const outcome = await port.run(probe.script, { timeoutSeconds: 60 });
  // The probe's own parser made this fact.
  const host = probe.read('the host', outcome.stdout).get(query.id) as VaultHostFact;
  return { host, cluster: await lookAtCluster(key, port.service) };
}

/** As the operator, at whoever leads, or passes on to who does. */
function operatorAt(port: ActionPort, key: VaultClusterKey, address: string | undefined): VaultClient {
  if (address === undefined) throw failure('no-leader', 'no member leads', { remedy: 'care-provision vault status' });
  return port.service.clients.get(vault, { at: addressOf(key, address), auth: operatorAuth(key), namespace: '' });
}

function startScript(args: VaultMemberArgs, verb: 'start' | 'restart'): Script {
  return sh`[ "$(systemctl show -p NeedDaemonReload --value ${args.unit})" != yes ] || systemctl daemon-reload
systemctl reset-failed ${args.unit} 2>/dev/null || :
systemctl ${rawScript(verb)} ${args.unit} || { journalctl --no-pager -o cat -n 12 -u ${args.unit} >&2 || :; exit 1; }`;
}

/** Makes one step. @throws VaultTrouble, Diagnostic @returns what went wrong on the host; undefined when nothing */
async function make(step: Doing, port: ActionPort, args: VaultMemberArgs, key: VaultClusterKey, facts: Facts): Promise<string | undefined> {
  const limits = { signal: port.signal, timeoutSeconds: REQUEST_SECONDS };
  const asked = memberToAsk(facts.cluster.members);
  const active = key.members.find((m) => m.name === asked)?.address;
  const run = async (script: Script): Promise<string | undefined> => {
    const outcome = await port.run(changeScript(script), { timeoutSeconds: args.timeout + 60 });
    return outcome.state === 'done' && outcome.status === 0 ? undefined : outcome.state === 'timed-out' ? 'timed out' : outcome.stderr.toString('utf8').trim();
  };
  switch (step.type) {
    case 'start':
    case 'restart':
      return run(startScript(args, step.type));
    case 'note':
      return run(sh`care_put_empty() { : >"$1.new"; sync "$1.new"; mv -- "$1.new" "$1"; }
care_put_empty ${MARKER}`);
    case 'remove':
      if (step.peer !== '') await operatorAt(port, key, active).write('sys/storage/raft/remove-peer', { server_id: step.peer }, limits);
      return step.own ? run(sh`rm -f -- ${MARKER}`) : undefined;
    case 'step-down':
      await operatorAt(port, key, step.address).write('sys/step-down', {}, limits);
      return undefined;
  }
}

interface Told {
  readonly steps: string[];
  restarted: boolean;
}

type Decide = (facts: Facts, told: Told) => Step;

/** Decides on fresh facts and acts, a step at a time. The plan's facts may be older than what another host has just done. */
async function converse(port: ActionPort, args: VaultMemberArgs, key: VaultClusterKey, decide: Decide): Promise<ActionResult> {
  const told: Told = { steps: [], restarted: false };
  const until = (seconds: number): number => performance.now() + seconds * 1000;
  let patientUntil = until(args.state === 'present' ? args.timeout : args.patience);
  for (;;) {
    const facts = await observe(port, args, key);
    const step = decide(facts, told);
    const changed = told.steps.length > 0;
    const values = { steps: [...told.steps] };
    if (step.type === 'done') return { changed, msg: [...told.steps, ...(step.msg === undefined ? [] : [step.msg])].join('; '), values: { ...values, state: step.state } };
    if (step.type === 'refuse' && step.passing === true && performance.now() < patientUntil) {
      await port.sleep(PAUSE_SECONDS);
      continue;
    }
    if (step.type === 'refuse') return { changed, failed: true, msg: `${step.msg}\nTo do: ${step.remedy}`, values };
    if (told.steps.length >= MOST_STEPS) return { changed: true, failed: true, msg: `it has not become what was wished after: ${told.steps.join(', ')}`, values };
    const wrong = await make(step, port, args, key, facts);
    if (wrong !== undefined) return { changed: true, failed: true, msg: `${describeStep(step)}: ${wrong}`, values };
    told.steps.push(describeStep(step));
    told.restarted ||= step.type === 'restart';
    patientUntil = until(args.timeout + (step.type === 'restart' ? args.unseal_wait : 0));
  }
}

function decider(args: VaultMemberArgs, checkMode: boolean): Decide {
  switch (args.state) {
    case 'present':
      return (facts) => decidePresent(args, facts);
    case 'only':
      return (facts, told) => decideOnly(args, facts, told.steps.length > 0);
    case 'restarted':
      return (facts, told) => decideRestart(args, facts, told.restarted, facts.host.newer.length > 0 || (checkMode && args.changed));
  }
}

function plan(args: VaultMemberArgs, host: HostView): Plan {
  const key = clusterKey(args, host);
  const resource = args.state === 'only' ? 'vault peers that are not listed' : `vault member ${args.name}`;
  const start: Plan = { type: 'changes', changes: [{ resource, what: 'start', script: rawScript(':'), effects: sideEffects }] };
  if (key === undefined) return host.checkMode ? (args.state === 'present' ? start : ok({ steps: [], state: 'uninitialized' })) : failed('the CA does not exist', NO_AUTHORITY_REMEDY);
  const facts: Facts = { host: host.fact(vaultHost(hostKey(args))), cluster: host.fact(vaultCluster(key)) };
  const decide = decider(args, host.checkMode);
  const step = decide(facts, { steps: [], restarted: false });
  if (step.type === 'done') return { type: 'ok', values: { steps: [], state: step.state }, ...(step.msg === undefined ? {} : { msg: step.msg }) };
  if (host.checkMode) {
    if (step.type === 'refuse') return step.passing === true ? { type: 'unknown', because: step.msg } : failed(step.msg, step.remedy);
    // A handover is part of the restart that it is for.
    const what = step.type === 'step-down' && args.state === 'restarted' ? 'restart' : describeStep(step);
    return converge([{ resource, what, script: rawScript(':'), effects: sideEffects }], { steps: [what], state: args.state === 'only' ? 'as listed' : 'open' });
  }
  return action({
    resource,
    what: step.type === 'refuse' ? (args.state === 'restarted' ? 'restart' : args.state === 'only' ? 'remove' : 'wait for it') : describeStep(step),
    mutates: true,
    effects: sideEffects,
    timeoutSeconds: args.timeout * 4 + args.patience + args.unseal_wait + 120,
    perform: { type: 'conversation', converse: (port) => converse(port, args, key, decide) },
  });
}

export const vaultMember = defineModule({
  name: 'vault_member',
  summary: 'Keep a host a member of an OpenBao or Vault cluster',
  description: `Looks at all members over the host's connection, and acts a step at a time, each on a fresh look. Nothing is restarted or removed that
the quorum can't spare. A leader hands over before it is restarted; put the task twice, first with \`leader: false\`, and with
\`throttle: 1\`, for the leader to be the last.

A cluster that is not initialised, and a member that waits for people with key shares, are no failures: \`state\` tells. Initialising and
unsealing are for people (\`care-provision vault init\`, \`care-provision vault unseal\`). A host that was a member and has lost its data is
refused until \`replace\` says that it was wiped on purpose.`,
  args: VaultMemberArgs,
  secretArgs: ['authority', 'operator_authority'],
  examples: [
    {
      title: 'This host runs a member',
      yaml: 'vault_member:\n  name: vault1\n  members:\n    - { name: vault1, address: 10.0.0.1 }\n    - { name: vault2, address: 10.0.0.2 }\n    - { name: vault3, address: 10.0.0.3 }\n  authority: "{{ pki_authority }}"\n  operator_authority: /srv/inventory/.care/pki/vault-care.pem\n  data_dir: /var/lib/care-vault\nthrottle: 1\n',
    },
  ],
  returns: { state: '`uninitialized`, `sealed`, `open`; with `restarted` also `as it was` or `leads`; with `only` `as listed`, or `not known` when nobody could be asked', steps: 'what was done, in order' },
  queries(args, host) {
    const key = clusterKey(args, host);
    return [vaultHost(hostKey(args)), ...(key === undefined ? [] : [vaultCluster(key)])];
  },
  plan,
});
