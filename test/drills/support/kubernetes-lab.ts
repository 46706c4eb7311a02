/**
 * Lab hosts that are to become a Kubernetes cluster, with what is true of containers on such a machine alone.
 *
 * The artefacts are upstream's, or were built by hand: then `kubernetes-built.yml` in the artefact cache describes them (an artifacts.yml), with
 * versions that end in `+built`, and images as artefacts `image-NAME`. What is seen with them is said of them.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cacheDirectory, cachedPath } from '../../../src/artifacts/cache.ts';
import type { Artifact } from '../../../src/artifacts/catalogue.ts';
import { packageRoot } from '../../../src/support/package-root.ts';
import { readArtifactsFile } from '../../../src/language/artifact-catalogue.ts';
import { labHost, type HostSpec, type Lab } from '../../../src/lab/index.ts';
import { hostVariables, onHost, type LabProject } from '../../integration/support/lab-project.ts';

const BUILT = path.join(cacheDirectory(), 'kubernetes-built.yml');
const known: readonly Artifact[] = existsSync(BUILT) ? (readArtifactsFile(BUILT).artifacts ?? []) : [];

/** The version of an artefact that was built, without its end; undefined where it is not in the cache. */
function built(name: string, begins = ''): string | undefined {
  const found = known.find((each) => each.name === name && each.version.startsWith(begins));
  return found !== undefined && existsSync(cachedPath(cacheDirectory(), found.sha256['linux/amd64'] ?? '')) ? found.version : undefined;
}

export const VERSION = '1.36.3';
/** What an upgrade goes to. */
export const NEXT_VERSION = '1.37.2';
const CONTROL_PLANE_IMAGES = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'] as const;
const NODE_IMAGES = ['kube-proxy', 'coredns', 'pause'] as const;
/** Images of each network that a cluster can have here, on all nodes. */
const NETWORK_IMAGES = { kube_router: ['kube-router'], calico: ['tigera-operator', 'calico-node', 'calico-cni', 'calico-typha', 'calico-kube-controllers', 'calico-apiserver'] } as const;
export type Network = keyof typeof NETWORK_IMAGES;
const PROGRAMS = ['kubeadm', 'kubelet', 'kubectl', 'containerd', 'runc', 'crictl', 'cni-plugins', 'etcd'] as const;

/** Names of what is not in the cache; empty when a cluster with that network can be made. Upstream's manifests of Calico are artefacts of the program. */
export function missingFor(network: Network): readonly string[] {
  const names = [...PROGRAMS, ...[...CONTROL_PLANE_IMAGES, ...NODE_IMAGES, ...NETWORK_IMAGES[network]].map((name) => `image-${name}`)].filter((name) => built(name) === undefined);
  const upstream = network === 'calico' ? (readArtifactsFile(path.join(packageRoot(), 'artifacts.yml')).artifacts ?? []).filter((each) => each.name.startsWith('calico-') && !existsSync(cachedPath(cacheDirectory(), each.sha256['linux/amd64'] ?? ''))) : [];
  return [...names, ...upstream.map((each) => each.name)];
}
export const missing: readonly string[] = missingFor('kube_router');

/** Names of what an upgrade needs besides. */
export const missingNext: readonly string[] = ['kubeadm', 'kubelet', 'kubectl', 'image-kube-apiserver', 'image-kube-controller-manager', 'image-kube-scheduler', 'image-kube-proxy'].filter((name) => built(name, NEXT_VERSION) === undefined);

/** The tag of an image that was built: kubeadm of another version may name one that is not in the cache. */
const tagOf = (name: string): string | undefined => images([name], '')[0]?.['image']?.split(':').at(-1);

/** Images by the names that kubeadm gives them, from their archives' descriptions: `Image registry.k8s.io/pause:3.10.2, …`. */
function images(names: readonly string[], version: string): readonly Readonly<Record<string, string>>[] {
  return names.flatMap((name) => {
    const begins = name.startsWith('kube-') && name !== 'kube-router' ? version : '';
    const found = known.find((each) => each.name === `image-${name}` && each.version.startsWith(begins));
    const image = /^Image ([^ ,]+)/.exec(found?.description ?? '')?.[1];
    return found === undefined || image === undefined ? [] : [{ name: found.name, version: found.version, image }];
  });
}

export function hostSpecs(names: readonly string[]): readonly HostSpec[] {
  return names.map((name) => ({ name, site: name.startsWith('a') ? 'kochi' : 'delhi', release: 'trixie', nested: true }));
}

/** What containers on a machine with cgroup v1 need besides; on other machines it does no harm. */
const LAB = {
  time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
  container_runtime_restrict_oom_score_adj: true,
  kubernetes_ignore_preflight_errors: ['SystemVerification', 'NumCPU', 'Mem'],
  // Docker's DNS is on loopback: CoreDNS would ask itself.
  kubernetes_kubelet_config: {
    failCgroupV1: false, resolvConf: '/etc/care-lab-resolv.conf',
    // The disk is the machine's, and others fill it, too: no pod is evicted for that.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' }, imageGCHighThresholdPercent: 99, imageGCLowThresholdPercent: 98,
  },
  kubernetes_proxy_config: { conntrack: { maxPerCore: 0, min: 0 } },
  kube_router_overlay: false,
};

export interface Cluster {
  readonly controlPlanes: readonly string[];
  readonly workers: readonly string[];
  /** Default kube_router. */
  readonly network?: Network;
  readonly vars?: Readonly<Record<string, unknown>>;
}

/** Writes inventory and artifacts.yml for the hosts of a lab. */
export function writeInventory(project: LabProject, lab: Lab, cluster: Cluster, version = VERSION): void {
  const network = cluster.network ?? 'kube_router';
  const nodeImages = [...NODE_IMAGES, ...NETWORK_IMAGES[network]];
  const vars = {
    ...LAB,
    kubernetes_cni: network, kubernetes_version: version, kubernetes_artifact_version: built('kubeadm', version), kubernetes_etcd_image_tag: tagOf('etcd'), kubernetes_dns_image_tag: tagOf('coredns'), kubernetes_etcd_tools_version: built('etcd'),
    container_runtime_version: built('containerd'), container_runtime_runc_version: built('runc'), container_runtime_crictl_version: built('crictl'), container_runtime_cni_version: built('cni-plugins'),
    kubernetes_image_pull_policy: 'Never', kube_router_image: images(['kube-router'], '')[0]?.['image'],
    kubernetes_encryption_keys: [{ name: 'key1', key: `{{ secret "${Buffer.from('the key of a drill, 32 bytes ---').toString('base64')}" }}` }],
    ...cluster.vars,
  };
  const group = (names: readonly string[], list: readonly string[]): unknown => ({ hosts: Object.fromEntries(names.map((name) => [name, null])), vars: { container_runtime_images: images(list, version) } });
  const hosts = Object.fromEntries([...cluster.controlPlanes, ...cluster.workers].map((name) => [name, hostVariables(lab, name, { site: name.startsWith('a') ? 'kochi' : 'delhi', lab_address: labHost(lab, name).address })]));
  const children = { kube_control_plane: group(cluster.controlPlanes, [...CONTROL_PLANE_IMAGES, ...nodeImages]), kube_node: group(cluster.workers, nodeImages) };
  project.write('artifacts.yml', readFileSync(BUILT, 'utf8'));
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children } }));
}

/** A nameserver that is not on loopback, and mounts that pods' pass on to the host: as a real host has. */
export async function prepareHosts(lab: Lab, names: readonly string[]): Promise<void> {
  for (const name of names) await onHost(lab, name, "mount --make-rshared / && printf 'nameserver 192.0.2.53\\noptions timeout:1 attempts:1\\n' >/etc/care-lab-resolv.conf");
}

/** kubectl on a control plane. */
export function kubectl(lab: Lab, host: string, words: string): Promise<string> {
  return onHost(lab, host, `KUBECONFIG=/etc/kubernetes/admin.conf timeout 60 kubectl --request-timeout 20s ${words}`);
}
