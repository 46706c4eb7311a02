/** Ways to the API: each control plane's own server, and what a client on a node finds. All go through SSH connections of hosts. */
import { KubernetesClient, KubernetesSilent } from '../../services/kubernetes/client.ts';
import type { Said } from '../../services/kubernetes/objects.ts';
import type { ClusterHost } from '../../operations/inventory.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import type { DrilledCluster } from './installation.ts';

/** Where a client is, and what it reaches the API by. */
export interface Place {
  /** The host's name. */
  readonly label: string;
  /** @param config a kubeconfig */
  open(config: Secret): KubernetesClient;
}

const PATH = 'the kubeconfig of the drill';

/** By the name in its kubeconfig, as every client on that node: the node's balancer, where it has one. */
export function placeOnNode(hosts: HostAccess, node: ClusterHost): Place {
  return { label: node.name, open: (config) => new KubernetesClient({ path: PATH, config }, () => Promise.resolve({ forward: (address, port) => hosts.forward(node, address, port) })) };
}

/** The API server of one control plane and no other, under the name that its certificate is verified by all the same. */
export function placeAtServer(hosts: HostAccess, host: ClusterHost, port: number): Place {
  return { label: host.name, open: (config) => new KubernetesClient({ path: PATH, config }, () => Promise.resolve({ forward: () => hosts.forward(host, host.address, port) })) };
}

/** No answer that says anything: another API server may have one. */
export function isSilence(error: unknown): error is Error {
  // forward-failed: the host is there, and nobody listens.
  if (error instanceof Diagnostic) return error.kind === 'unreachable' || error.code === 'forward-failed';
  return error instanceof KubernetesSilent || (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError'));
}

/** @throws KubernetesSilent when the server could not say, Diagnostic when it said no */
export function certain<T>(said: Said<T>, what: string): T {
  if (said.ok) return said.value;
  if (said.status >= 500 || said.status === 429) throw new KubernetesSilent(`${what}: ${said.msg}`);
  throw failure('kubernetes-refused', `${what}: ${said.msg}`);
}

export interface Administrator {
  /**
   * Works as an administrator, through the first control plane whose API server answers. Work may be begun anew elsewhere, so it must bear that.
   *
   * @param prefer the control plane that is asked first
   * @throws Diagnostic when none answers, or what the work throws
   */
  as<T>(work: (client: KubernetesClient, signal: AbortSignal) => Promise<T>, options?: { readonly seconds?: number; readonly prefer?: string | undefined }): Promise<T>;
  close(): Promise<void>;
}

const ASK_SECONDS = 20;
/** The code of the diagnostic that says that no control plane answers. */
export const API_SILENT = 'api-silent';

/** @param config an administrator's kubeconfig */
export function administrator(cluster: DrilledCluster, hosts: HostAccess, config: Secret): Administrator {
  const clients = new Map<string, KubernetesClient>();
  const clientOf = (host: ClusterHost): KubernetesClient => {
    const made = clients.get(host.name) ?? placeAtServer(hosts, host, cluster.apiPort).open(config);
    clients.set(host.name, made);
    return made;
  };
  return {
    async as(work, { seconds = ASK_SECONDS, prefer } = {}) {
      const reasons: string[] = [];
      const order = [...cluster.controlPlanes].sort((a, b) => Number(b.name === prefer) - Number(a.name === prefer));
      for (const host of order) {
        try {
          return await work(clientOf(host), AbortSignal.timeout(seconds * 1000));
        } catch (error) {
          if (!isSilence(error)) throw error;
          reasons.push(`${host.name}: ${error.message.split('\n')[0] ?? ''}`);
          await clients.get(host.name)?.close();
          clients.delete(host.name);
        }
      }
      throw failure(API_SILENT, 'no control plane answers', { detail: reasons.join('\n') });
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}
