/** The script of each step, and how it is told to people. */
import { attach, joinScripts, rawScript, sh, type Script } from '../../support/shell.ts';
import type { Step } from './decide.ts';
import type { EtcdFact } from './query.ts';
import type { EtcdMemberArgs } from './schema.ts';

export type Doing = Exclude<Step, { readonly type: 'done' | 'refuse' }>;

export function describeStep(step: Doing): string {
  switch (step.type) {
    case 'bootstrap':
      return 'make a cluster';
    case 'start':
      return 'start';
    case 'add':
      return step.setAside ? 'set old data aside, join the cluster' : 'join the cluster';
    case 'join':
      return 'start as a learner';
    case 'promote':
      return 'let it vote';
    case 'update':
      return `change its address from ${step.from}`;
    case 'remove':
      return `remove ${step.name}`;
    case 'restart':
      return 'restart';
  }
}

/** Asks those that answer; `care_ctl` is etcdctl with the certificates. */
function control(args: EtcdMemberArgs, endpoints: readonly string[]): Script {
  return sh`PATH="$PATH:/usr/local/bin"
care_ctl() { etcdctl --endpoints=${endpoints.join(',')} --cacert=${args.cacert} --cert=${args.cert} --key=${args.key} --dial-timeout=5s --command-timeout=15s "$@"; }
care_own() { etcdctl --endpoints=${args.client_url} --cacert=${args.cacert} --cert=${args.cert} --key=${args.key} --dial-timeout=3s --command-timeout=5s "$@"; }
care_log() { systemctl --no-pager --full --lines=20 status ${args.unit} >&2 || :; }
`;
}

/**
 * Changes the membership. etcd refuses until all members have been connected for five seconds (`unhealthy cluster`,
 * HealthInterval of its server), so that is waited for; any other refusal is final.
 */
function changeMembers(args: EtcdMemberArgs, words: readonly string[]): Script {
  return sh`care_end=$(( $(date +%s) + ${args.timeout} ))
until care_out=$(care_ctl member ${words} 2>&1); do
  case $care_out in *'unhealthy cluster'*) ;; *) care_end=0 ;; esac
  [ "$(date +%s)" -lt "$care_end" ] || { printf '%s\n' "$care_out" | grep -v '^{' >&2; exit 1; }
  sleep 1
done`;
}

/** Waits until a command succeeds, a second between tries. */
function waitFor(args: EtcdMemberArgs, command: string, failure: string): Script {
  return sh`care_left=${args.timeout}
care_end=$(( $(date +%s) + care_left ))
until ${rawScript(command)} >/dev/null 2>&1; do
  [ "$(date +%s)" -lt "$care_end" ] || { echo ${failure} >&2; care_log; exit 1; }
  sleep 1
done`;
}

function startUnit(args: EtcdMemberArgs, verb: 'start' | 'restart'): Script {
  // --no-block: systemd's own time limit for the start would be shorter than ours; a failed unit is seen by the wait.
  // The stop is waited for, so that it is the new process that answers afterwards.
  return sh`[ "$(systemctl show -p NeedDaemonReload --value ${args.unit})" != yes ] || systemctl daemon-reload
${rawScript(verb === 'restart' ? sh`systemctl stop ${args.unit}`.text : ':')}
systemctl reset-failed ${args.unit} 2>/dev/null || :
systemctl start --no-block ${args.unit}`;
}

function firstStart(args: EtcdMemberArgs, cluster: string, state: 'new' | 'existing'): Script {
  const text = `# Written by care-provision for the first start of etcd, which ignores it once it has data.\nETCD_INITIAL_CLUSTER=${cluster}\nETCD_INITIAL_CLUSTER_STATE=${state}\nETCD_INITIAL_CLUSTER_TOKEN=${args.token}\n`;
  return joinScripts([
    sh`care_put ${attach(text)} ${args.initial_env} 0644 root root`,
    startUnit(args, 'start'),
    // A learner answers status, not health.
    waitFor(args, 'care_own endpoint status', `etcd does not answer at ${args.client_url}`),
  ]);
}

const WELL = 'care_own endpoint health';

/** @param fact the facts that the step was decided on */
export function stepScript(step: Doing, args: EtcdMemberArgs, fact: EtcdFact): Script {
  const head = control(args, fact.healthy.length > 0 ? fact.healthy : args.members.map((m) => m.client_url));
  switch (step.type) {
    case 'bootstrap':
      return joinScripts([head, firstStart(args, `${args.name}=${args.peer_url}`, 'new'), waitFor(args, WELL, 'the new cluster is not well')]);
    case 'start':
      return joinScripts([head, startUnit(args, 'start'), ...(step.wait ? [waitFor(args, 'care_own endpoint status', `etcd does not answer at ${args.client_url}`)] : [])]);
    case 'add':
      return joinScripts([head, ...(step.setAside ? [setAside(args)] : []), changeMembers(args, ['add', args.name, '--learner', `--peer-urls=${args.peer_url}`])]);
    case 'join':
      return joinScripts([head, firstStart(args, step.initialCluster, 'existing')]);
    case 'promote':
      return joinScripts([head, waitFor(args, `care_ctl member promote ${step.id}`, `the learner ${args.name} has not caught up`), waitFor(args, WELL, `${args.name} is not well`)]);
    case 'update':
      return joinScripts([head, changeMembers(args, ['update', step.id, `--peer-urls=${args.peer_url}`])]);
    case 'remove':
      return joinScripts([head, changeMembers(args, ['remove', step.id])]);
    case 'restart':
      return joinScripts([
        head,
        // Only a leader may hand over. Should it fail, an election does the same a little slower.
        ...(step.moveLeaderTo === undefined ? [] : [sh`care_own move-leader ${step.moveLeaderTo} >/dev/null 2>&1 || :`]),
        startUnit(args, 'restart'),
        ...(fact.members === undefined ? [] : [waitFor(args, WELL, `${args.name} is not well after the restart`)]),
      ]);
  }
}

/** Nothing is deleted: what an earlier member knew may be what somebody needs. The two newest are kept. */
function setAside(args: EtcdMemberArgs): Script {
  return sh`systemctl stop ${args.unit}
care_old=${args.data_dir}/former-$(date -u +%Y%m%dT%H%M%SZ)
mv -- ${args.data_dir}/member "$care_old"
find ${args.data_dir} -maxdepth 1 -name 'former-*' -type d | sort -r | tail -n +3 | while IFS= read -r care_one; do rm -rf -- "$care_one"; done`;
}
