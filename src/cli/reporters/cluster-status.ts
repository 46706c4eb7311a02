/** A Kubernetes cluster as text for people, and as JSON. */
import type { KubernetesCluster } from '../../operations/kubernetes/cluster.ts';
import { copyTime, type CopiesSeen } from '../../operations/kubernetes/copies.ts';
import type { ControlPlaneSeen } from '../../operations/kubernetes/host-look.ts';
import { etcdOf, nowOf, type Judgement, type KubernetesView } from '../../operations/kubernetes/view.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { Paint } from '../terminal/colour.ts';
import { columns } from '../terminal/columns.ts';

const DAY = 86_400;
const MEBIBYTE = 1_048_576;
/** Certificates that are shown; JSON has all. */
const SHOWN = 6;

const head = (lines: readonly string[], paint: Paint): readonly string[] => lines.map((line, i) => (i === 0 ? paint('gray', line) : line));

function hours(seconds: number): string {
  return seconds < 3600 ? `${String(Math.floor(seconds / 60))} min` : `${String(Math.floor(seconds / 3600))} h`;
}

function certificates(view: KubernetesView): readonly { readonly host: string; readonly file: string; readonly notAfter: number; readonly days: number }[] {
  return view.controlPlanes.flatMap(({ name, seen }) => (seen === undefined ? [] : seen.certificates.map(({ file, notAfter }) => ({ host: name, file, notAfter, days: Math.floor((notAfter - seen.now) / DAY) })))).sort((a, b) => a.notAfter - b.notAfter || (a.host < b.host ? -1 : 1));
}

function nodeLines(view: KubernetesView, paint: Paint): readonly string[] {
  if (view.api === undefined) return [`API           no answer: ${safeLine(view.apiTrouble)}`];
  const rows = view.api.nodes.map((node) => [node.name, node.controlPlane ? 'control plane' : 'worker', `${node.ready ? 'ready' : 'NOT READY'}${node.cordoned ? ', cordoned' : ''}`, node.version, node.runtime]);
  return head(columns([['node', 'role', 'state', 'kubelet', 'runtime'], ...rows]), paint);
}

function etcdLines(view: KubernetesView, paint: Paint): readonly string[] {
  const members = etcdOf(view);
  if (members === undefined) return ['etcd          no answer'];
  const rows = members.map((member) => [member.name, member.answers ? (member.leads ? 'leads' : member.learner ? 'learner' : 'follows') : 'NO ANSWER', member.version, member.answers ? `${(member.size / MEBIBYTE).toFixed(1)} MiB` : '']);
  return head(columns([['etcd', 'state', 'version', 'size'], ...rows]), paint);
}

function copyText(copies: CopiesSeen, now: number): string {
  const time = copyTime(copies);
  const age = time === undefined ? 'none' : `of ${hours(now - time)} ago`;
  return `${copies.newest === undefined ? age : `${age}, ${copies.newest.file}`}, in ${copies.url}${copies.trouble === '' ? '' : ' (the store does not answer)'}`;
}

function backupLines(view: KubernetesView): readonly string[] {
  return view.controlPlanes.flatMap(({ name, seen }) => {
    if (seen === undefined) return [];
    const { now, backup, copies } = seen;
    return [`backup        ${safeLine(name)}: ${backup === undefined ? 'none' : `${hours(now - backup.time)} old, ${safeLine(backup.file)}`}`, ...(copies === undefined ? [] : [`copy          ${safeLine(name)}: ${safeLine(copyText(copies, now))}`])];
  });
}

/** Without a final newline. */
export function statusText(cluster: KubernetesCluster, view: KubernetesView, judgement: Judgement, paint: Paint): string {
  const { problems, warnings } = judgement;
  const all = certificates(view);
  const now = nowOf(view);
  const lines = [`${paint('bold', `cluster ${safeLine(cluster.name)}`)}  ${problems.length === 0 ? paint('green', 'healthy') : paint('red', 'NOT HEALTHY')}${view.api === undefined ? '' : `  Kubernetes ${safeLine(view.api.version)}`}`, '', ...nodeLines(view, paint), '', ...etcdLines(view, paint), ''];
  if (all.length > 0) lines.push(...head(columns([['expires', 'days', 'certificate'], ...all.slice(0, SHOWN).map((each) => [new Date(each.notAfter * 1000).toISOString().slice(0, 10), String(each.days), `${each.host} ${each.file}`])]), paint), ...(all.length > SHOWN ? [`and ${String(all.length - SHOWN)} later ones`] : []), '');
  lines.push(...backupLines(view));
  if (view.api !== undefined) {
    for (const each of view.api.pending) lines.push(`request       ${safeLine(each.name)} of ${safeLine(each.user)}, ${safeLine(each.signer)}, since ${now === undefined ? '?' : hours(now - each.since)}`);
    const levels = Object.entries(view.api.levels).sort(([a], [b]) => (a < b ? 1 : -1)).map(([level, spaces]) => `${level === '' ? 'by default' : level} ${String(spaces.length)}`);
    lines.push(`pod security  namespaces: ${safeLine(levels.join(', '))}`);
  }
  for (const warning of warnings) lines.push(`${paint('yellow', 'warning'.padEnd(13))} ${safeLine(warning)}`);
  for (const problem of problems) lines.push(`${paint('red', 'problem'.padEnd(13))} ${safeLine(problem)}`);
  return lines.join('\n');
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

function copyJson(seen: ControlPlaneSeen | undefined): Readonly<Record<string, unknown>> | null {
  if (seen?.copies === undefined) return null;
  const { url, newest, trouble } = seen.copies;
  const time = copyTime(seen.copies);
  return { url, file: newest?.file ?? null, time: time === undefined ? null : iso(time), age_seconds: time === undefined ? null : seen.now - time, trouble: trouble === '' ? null : trouble };
}

/** The object of `cluster status --output json`. */
export function statusJson(cluster: KubernetesCluster, view: KubernetesView, judgement: Judgement): Readonly<Record<string, unknown>> {
  return {
    cluster: cluster.name, healthy: judgement.problems.length === 0, problems: judgement.problems, warnings: judgement.warnings, version: view.api?.version ?? null, api_trouble: view.api === undefined ? view.apiTrouble : null,
    nodes: view.api?.nodes.map((node) => ({ name: node.name, control_plane: node.controlPlane, ready: node.ready, cordoned: node.cordoned, kubelet: node.version, runtime: node.runtime })) ?? null,
    etcd: etcdOf(view)?.map((member) => ({ name: member.name, endpoint: member.endpoint, answers: member.answers, leader: member.leads, learner: member.learner, version: member.version, bytes: member.size, errors: member.errors })) ?? null,
    certificates: certificates(view).map(({ host, file, notAfter, days }) => ({ host, file, not_after: iso(notAfter), days_left: days })),
    backups: view.controlPlanes.map(({ name, seen, trouble }) => ({ host: name, file: seen?.backup?.file ?? null, time: seen?.backup === undefined ? null : iso(seen.backup.time), age_seconds: seen?.backup === undefined ? null : seen.now - seen.backup.time, trouble: trouble === '' ? null : trouble, copy: copyJson(seen) })),
    pending_requests: view.api?.pending.map((each) => ({ name: each.name, user: each.user, signer: each.signer, since: iso(each.since) })) ?? null,
    pod_security: view.api === undefined ? null : Object.entries(view.api.levels).map(([level, namespaces]) => ({ level: level === '' ? null : level, namespaces })),
  };
}
