/** An OpenBao or Vault cluster as text for 80 columns, and as JSON. */
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import type { VaultView } from '../../operations/vault/view.ts';
import { stateOf } from '../../services/vault/status.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { Paint } from '../terminal/colour.ts';
import { columns } from '../terminal/columns.ts';

function voterOf(view: VaultView, name: string): string {
  const peer = view.peers?.find((p) => p.node_id === name);
  if (view.peers === undefined) return '?';
  return peer === undefined ? 'no' : peer.voter ? 'yes' : 'not yet';
}

/** Without a final newline. */
export function statusText(cluster: VaultCluster, view: VaultView, problems: readonly string[], paint: Paint): string {
  const seal = view.members.find((m) => m.seal !== undefined)?.seal;
  const rows = view.members.map((m) => [m.name, stateOf(m), m.seal?.version ?? '?', voterOf(view, m.name), m.appliedIndex === 0 ? '' : String(m.appliedIndex)]);
  const lines = [
    `${paint('bold', `cluster ${safeLine(cluster.name)}`)}  ${problems.length === 0 ? paint('green', 'healthy') : paint('red', 'NOT HEALTHY')}  ${cluster.flavor}${seal === undefined ? '' : `, seal ${safeLine(seal.type)}${seal.initialized && seal.n > 0 ? `, ${String(seal.t)} of ${String(seal.n)} shares` : ''}`}`,
    '',
    ...columns([['member', 'state', 'version', 'votes', 'index'], ...rows]).map((line, i) => (i === 0 ? paint('gray', line) : safeLine(line))),
  ];
  if (view.peers === undefined) lines.push('', `${'raft peers'.padEnd(13)} not known: ${safeLine(view.peersTrouble ?? '')}`);
  if (problems.length > 0) lines.push('');
  for (const problem of problems) lines.push(`${paint('red', 'problem'.padEnd(13))} ${safeLine(problem)}`);
  return lines.join('\n');
}

/** The object of `vault status --output json`. */
export function statusJson(cluster: VaultCluster, view: VaultView, problems: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    cluster: cluster.name, flavor: cluster.flavor, healthy: problems.length === 0, problems,
    members: view.members.map((m) => ({
      name: m.name, state: stateOf(m), active: m.active, initialized: m.seal?.initialized ?? null, sealed: m.seal?.sealed ?? null, version: m.seal?.version ?? null, seal: m.seal?.type ?? null,
      threshold: m.seal?.t ?? null, shares: m.seal?.n ?? null, progress: m.seal?.progress ?? null, leader: m.leader === '' ? null : m.leader, applied_index: m.appliedIndex === 0 ? null : m.appliedIndex, trouble: m.trouble ?? null,
    })),
    peers: view.peers?.map((p) => ({ name: p.node_id, address: p.address, leader: p.leader, voter: p.voter })) ?? null,
  };
}
