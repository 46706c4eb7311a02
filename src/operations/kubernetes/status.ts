/** A Kubernetes cluster at a glance: asks its control planes, all at once, and the API through the first that answers. Reads only. */
import { z } from 'zod';
import { KubernetesClient } from '../../services/kubernetes/client.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { sh } from '../../support/shell.ts';
import type { ClusterHost } from '../inventory.ts';
import type { HostAccess } from '../hosts.ts';
import { lookAtApi } from './api-look.ts';
import type { KubernetesCluster } from './cluster.ts';
import { lookScript, readLook, type ControlPlaneSeen } from './host-look.ts';
import type { KubernetesView, Looked } from './view.ts';

const LOOK_SECONDS = 60;
const API_SECONDS = 30;

const reason = (error: unknown): string => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));

async function lookAt(cluster: KubernetesCluster, hosts: HostAccess, host: ClusterHost): Promise<Looked> {
  try {
    const seen: ControlPlaneSeen = readLook(await hosts.text(host, lookScript(cluster.backupDirectory), LOOK_SECONDS));
    return { name: host.name, seen, trouble: '' };
  } catch (error) {
    if (error instanceof Diagnostic && error.kind !== 'unreachable' && error.kind !== 'failed') throw error;
    if (!(error instanceof Diagnostic) && !(error instanceof z.ZodError) && !(error instanceof SyntaxError)) throw error;
    return { name: host.name, seen: undefined, trouble: reason(error) };
  }
}

async function askApi(cluster: KubernetesCluster, hosts: HostAccess, host: ClusterHost, signal: AbortSignal): Promise<KubernetesView['api']> {
  const config = await hosts.text(host, sh`cat ${cluster.kubeconfig}`);
  const client = new KubernetesClient({ path: cluster.kubeconfig, config: Secret.derived(config) }, () => Promise.resolve({ forward: (address, port) => hosts.forward(host, address, port) }));
  try {
    return await lookAtApi(client, AbortSignal.any([signal, AbortSignal.timeout(API_SECONDS * 1000)]));
  } finally {
    await client.close();
  }
}

/** Never throws for what does not answer: that is in what was seen. */
export async function kubernetesView(cluster: KubernetesCluster, hosts: HostAccess, signal: AbortSignal): Promise<KubernetesView> {
  const looked = await Promise.all(cluster.controlPlanes.map((host) => lookAt(cluster, hosts, host)));
  const troubles: string[] = [];
  for (const host of cluster.controlPlanes) {
    if (looked.find((each) => each.name === host.name)?.seen === undefined) continue;
    try {
      return { controlPlanes: looked, api: await askApi(cluster, hosts, host, signal), apiTrouble: '' };
    } catch (error) {
      if (!(error instanceof Error) || signal.aborted) throw error;
      troubles.push(`through ${host.name}: ${reason(error)}`);
    }
  }
  return { controlPlanes: looked, api: undefined, apiTrouble: troubles.length === 0 ? 'no control plane can be reached' : troubles.join('; ') };
}
