/** Looks at the cluster as long as a drill lasts: each control plane in a loop of its own, so that one that is gone does not hide the others, and the nodes by the API. */
import { setTimeout as sleep } from 'node:timers/promises';
import { lookAtNodes, type NodeSeen } from '../../operations/kubernetes/api-look.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { monitorOf } from '../monitoring.ts';
import type { Change, Monitor } from '../service.ts';
import { certain, type Administrator } from './api.ts';
import type { DrilledCluster } from './installation.ts';
import { lookAtControlPlane } from './look.ts';
import { changesBetween, type ClusterLook } from './view.ts';

/** Milliseconds between two looks, and seconds for the API's answer. */
const EVERY_MS = 700;
const API_SECONDS = 4;

/** @param prefer the control plane whose API server is asked first @returns undefined when no API server tells */
async function nodesBy(admin: Administrator, prefer: string | undefined): Promise<readonly NodeSeen[] | undefined> {
  try {
    return await admin.as(async (client, signal) => certain(await lookAtNodes(client, signal), 'nodes'), { seconds: API_SECONDS, prefer });
  } catch (error) {
    // A refusal, too: an API server that starts may not know yet who may what.
    if (error instanceof Diagnostic) return undefined;
    throw error;
  }
}

/** Who surely serves: the leader's own, or any that is ready. */
function bestOf(look: ClusterLook): string | undefined {
  const able = look.controlPlanes.filter((each) => each.ready && (each.etcd === 'leads' || each.etcd === 'follows'));
  return (able.find((each) => each.etcd === 'leads') ?? able[0])?.name;
}

/** One look, of everything at once. */
export async function lookAtCluster(cluster: DrilledCluster, hosts: HostAccess, admin: Administrator): Promise<ClusterLook> {
  const controlPlanes = await Promise.all(cluster.controlPlanes.map((host) => lookAtControlPlane(hosts, host, cluster.apiPort)));
  return { controlPlanes, nodes: await nodesBy(admin, bestOf({ controlPlanes, nodes: undefined })) };
}

/** @param seen is told each change, a sentence each */
export function startMonitor(cluster: DrilledCluster, hosts: HostAccess, admin: Administrator, first: ClusterLook, seen: (change: Change) => void): Monitor<ClusterLook> {
  let view = first;
  const stopping = new AbortController();
  const update = (next: ClusterLook): void => {
    for (const change of changesBetween(view, next)) seen(change);
    view = next;
  };
  const loops = cluster.controlPlanes.map(async (host) => {
    while (!stopping.signal.aborted) {
      const now = await lookAtControlPlane(hosts, host, cluster.apiPort);
      update({ ...view, controlPlanes: view.controlPlanes.map((each) => (each.name === now.name ? now : each)) });
      await sleep(EVERY_MS);
    }
  });
  loops.push((async () => {
    while (!stopping.signal.aborted) {
      const nodes = await nodesBy(admin, bestOf(view));
      update({ ...view, nodes });
      await sleep(EVERY_MS);
    }
  })());
  return monitorOf(() => view, Promise.all(loops), stopping);
}
