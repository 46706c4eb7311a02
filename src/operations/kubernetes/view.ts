/** What is wrong with a Kubernetes cluster, and what soon will be. Pure. */
import { lifeWarnings, minorOf } from '../../modules/common/kubernetes/end-of-life.ts';
import type { ApiSeen, NodeSeen } from './api-look.ts';
import type { KubernetesCluster } from './cluster.ts';
import { copyTroubles } from './copies.ts';
import type { ControlPlaneSeen, EtcdMember } from './host-look.ts';

export interface Looked {
  readonly name: string;
  /** Undefined where it could not be looked at. */
  readonly seen: ControlPlaneSeen | undefined;
  readonly trouble: string;
}

export interface KubernetesView {
  readonly controlPlanes: readonly Looked[];
  readonly api: ApiSeen | undefined;
  readonly apiTrouble: string;
}

export interface Judgement {
  /** The cluster is not healthy. */
  readonly problems: readonly string[];
  /** To be seen to. */
  readonly warnings: readonly string[];
}

const DAY = 86_400;
const HOUR = 3600;
/** kubeadm's certificates are renewed by apply before that (`kubernetes_certificate_renew_days`). */
const SOON_DAYS = 30;
const LATE_DAYS = 7;
/** `care-kubelet-csr` looks every five minutes. */
const PENDING_SECONDS = 900;
/** kubernetes.io, "Version Skew Policy". */
const NODE_SKEW = 3;

function versionTroubles(api: ApiSeen): readonly string[] {
  const own = minorOf(api.version);
  return api.nodes.flatMap((node) => {
    const minor = minorOf(node.version);
    if (minor > own) return [`${node.name} runs kubelet ${node.version}, newer than the API server's ${api.version}`];
    return own - minor > NODE_SKEW ? [`${node.name} runs kubelet ${node.version}, more than ${String(NODE_SKEW)} minor versions older than the API server's ${api.version}`] : [];
  });
}

function nodeTroubles(cluster: KubernetesCluster, nodes: readonly NodeSeen[]): Judgement {
  const missing = cluster.nodes.filter((name) => !nodes.some((node) => node.name === name));
  const strange = nodes.filter((node) => !cluster.nodes.includes(node.name)).map((node) => node.name);
  return {
    problems: [
      ...(missing.length > 0 ? [`not in the cluster: ${missing.join(', ')}`] : []),
      ...nodes.filter((node) => !node.ready).map((node) => `${node.name} is not ready: ${node.why}`),
    ],
    warnings: [
      ...(strange.length > 0 ? [`in the cluster but not in the inventory: ${strange.join(', ')}`] : []),
      ...nodes.filter((node) => node.cordoned).map((node) => `${node.name} is cordoned`),
    ],
  };
}

/** Members as the control planes that answer see them: the first that knows. */
export function etcdOf(view: KubernetesView): readonly EtcdMember[] | undefined {
  return view.controlPlanes.find((each) => each.seen?.etcd !== undefined)?.seen?.etcd;
}

function etcdTroubles(cluster: KubernetesCluster, view: KubernetesView): Judgement {
  const members = etcdOf(view);
  if (members === undefined) return { problems: [`etcd does not answer: ${view.controlPlanes.map((each) => each.seen?.etcdTrouble ?? '').find((text) => text !== '') ?? 'no control plane can be reached'}`], warnings: [] };
  const problems: string[] = [];
  const voters = members.filter((member) => !member.learner);
  if (!members.some((member) => member.leads)) problems.push('etcd has no leader');
  for (const member of members) {
    if (!member.answers) problems.push(`etcd's member ${member.name === '' ? member.endpoint : member.name} does not answer`);
    for (const error of member.errors) problems.push(`etcd's member ${member.name}: ${error}`);
  }
  const missing = cluster.controlPlanes.filter((host) => !members.some((member) => member.name === host.name)).map((host) => host.name);
  if (missing.length > 0) problems.push(`no member of etcd: ${missing.join(', ')}`);
  const warnings = voters.length % 2 === 0 ? [`etcd has ${String(voters.length)} voters: an even number survives no more losses than one fewer`] : [];
  return { problems, warnings };
}

function hostTroubles(cluster: KubernetesCluster, host: Looked): Judgement {
  if (host.seen === undefined) return { problems: [`${host.name} can't be looked at: ${host.trouble}`], warnings: [] };
  const { now, certificates, backup, copies } = host.seen;
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const { file, notAfter } of certificates) {
    const days = Math.floor((notAfter - now) / DAY);
    if (days < 0) problems.push(`${host.name}: ${file} has expired`);
    else if (days < LATE_DAYS) problems.push(`${host.name}: ${file} expires in ${String(days)} days`);
    else if (days < SOON_DAYS) warnings.push(`${host.name}: ${file} expires in ${String(days)} days`);
  }
  if (backup === undefined) warnings.push(`${host.name}: there is no backup of etcd in ${cluster.backupDirectory}`);
  else if (now - backup.time > cluster.backupMaxHours * HOUR) problems.push(`${host.name}: the newest backup of etcd is ${String(Math.floor((now - backup.time) / HOUR))} hours old, more than ${String(cluster.backupMaxHours)}`);
  const copied = copyTroubles(host.name, copies, now, { wanted: cluster.copiesUrl, maxHours: cluster.backupMaxHours });
  return { problems: [...problems, ...copied.problems], warnings: [...warnings, ...copied.warnings] };
}

/** What the time is, by the control planes that answer; seconds since the epoch. */
export function nowOf(view: KubernetesView): number | undefined {
  return view.controlPlanes.find((each) => each.seen !== undefined)?.seen?.now;
}

export function judge(cluster: KubernetesCluster, view: KubernetesView): Judgement {
  const parts: Judgement[] = [...view.controlPlanes.map((host) => hostTroubles(cluster, host)), etcdTroubles(cluster, view)];
  const now = nowOf(view);
  if (view.api === undefined) parts.push({ problems: [`the API does not answer: ${view.apiTrouble}`], warnings: [] });
  else {
    const { api } = view;
    const waiting = now === undefined ? [] : api.pending.filter((each) => now - each.since > PENDING_SECONDS);
    parts.push(nodeTroubles(cluster, api.nodes), {
      problems: [...versionTroubles(api), ...waiting.map((each) => `the request ${each.name} of ${each.user} for a certificate (${each.signer}) waits since ${String(Math.floor(((now ?? 0) - each.since) / 60))} minutes`)],
      warnings: now === undefined ? [] : lifeWarnings(api.version, now),
    });
  }
  return { problems: parts.flatMap((part) => part.problems), warnings: parts.flatMap((part) => part.warnings) };
}
