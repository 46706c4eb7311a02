/** Looks at the members as long as a drill lasts. */
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import type { VaultObserver } from '../../operations/vault/observe.ts';
import { vaultView } from '../../operations/vault/status.ts';
import { activeOf, type VaultView } from '../../operations/vault/view.ts';
import { stateOf } from '../../services/vault/status.ts';
import { monitorOf } from '../monitoring.ts';
import type { Change, Monitor } from '../service.ts';

const PAUSE_MS = 250;

/** What is different, for the timeline of a report. Pure. */
export function changesBetween(before: VaultView, after: VaultView): readonly Change[] {
  const changes: Change[] = [];
  for (const member of after.members) {
    const was = before.members.find((m) => m.name === member.name);
    const [then, now] = [was === undefined ? '' : stateOf(was), stateOf(member)];
    if (then !== now) changes.push({ kind: 'seen', what: `${member.name}: ${now}` });
  }
  const leader = activeOf(after.members)?.name;
  if (leader !== undefined && leader !== activeOf(before.members)?.name) changes.push({ kind: 'leader', what: `${leader} leads` });
  return changes;
}

export function startMonitor(cluster: VaultCluster, observer: VaultObserver, first: VaultView, seen: (change: Change) => void): Monitor<VaultView> {
  const stopping = new AbortController();
  let view = first;
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const next = await vaultView(cluster, observer);
      for (const change of changesBetween(view, next)) seen(change);
      view = next;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  return monitorOf(() => view, loop(), stopping);
}
