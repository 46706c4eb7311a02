/**
 * How a lab host's container is made: one description, from which both the docker command line and the
 * tests' testcontainers make it. Pure.
 */
import { LABEL } from './docker.ts';
import { imageTag } from './image-recipe.ts';
import type { MachineFacts } from './machine.ts';
import { containerName, networkName, type PlacedHost } from './spec.ts';

export interface ContainerSpec {
  readonly name: string;
  readonly hostname: string;
  readonly image: string;
  readonly network: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOpt: readonly string[];
  /** Device nodes of the machine. */
  readonly devices: readonly string[];
  readonly deviceCgroupRules: readonly string[];
  /** Directories on anonymous volumes, which go with the container. */
  readonly volumes: readonly string[];
  /** Mount point and its options. */
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly cgroupns: 'private';
  readonly stopSignal: string;
  readonly restart: 'unless-stopped';
  /** Arguments of /sbin/init, which reads them like those of a kernel command line. */
  readonly command: readonly string[];
}

/**
 * Never given to a lab host, though systemd runs without a complaint either way: each reaches through to
 * the machine (its clock, its kernel modules, its ports and memory).
 */
const KEPT_BACK = ['SYS_MODULE', 'SYS_RAWIO', 'SYS_TIME'] as const;

/**
 * What a host needs to run containers itself, besides what nested-kernel.ts does. kubelet reads /dev/kmsg; a privileged pod is given all
 * devices, which the host must then have itself; overlayfs does not lie on overlayfs. It opens the machine's devices to the host: only
 * for hosts that ask.
 */
const NESTED = {
  devices: ['/dev/kmsg'],
  deviceCgroupRules: ['a *:* rwm'],
  volumes: ['/var/lib/containerd', '/var/lib/kubelet', '/var/lib/etcd'],
} as const;
const PLAIN = { devices: [], deviceCgroupRules: [], volumes: [] } as const;

/**
 * Chooses the flags for a host. All capabilities but those kept back or missing, rather than
 * `--privileged`: that one fails where a capability is missing from the bounding set, and opens every
 * device of the machine; these work on both kinds of machine, so there is one path, and it is the tested one.
 *
 * With cgroup v1 systemd mounts its own hierarchies on a tmpfs, and Debian 13's has to be told to accept
 * v1 (systemd 256 NEWS); with v2 the private namespace's tree is made writable by the image's init.
 */
export function containerSpec(lab: string, host: PlacedHost, machine: MachineFacts, extraLabels: Readonly<Record<string, string>> = {}): ContainerSpec {
  const tmpfs: Record<string, string> = { '/run': 'rw,mode=755', '/run/lock': 'rw', '/tmp': 'rw,exec,mode=1777' };
  if (machine.cgroup === 1) tmpfs['/sys/fs/cgroup'] = 'rw';
  const more = host.nested === true ? NESTED : PLAIN;
  return {
    name: containerName(lab, host.name),
    hostname: host.name,
    image: imageTag(host.release),
    network: networkName(lab),
    address: host.address,
    labels: { [LABEL.lab]: lab, [LABEL.host]: host.name, ...extraLabels },
    capAdd: ['ALL'],
    capDrop: [...new Set<string>([...KEPT_BACK, ...machine.missingCapabilities])].sort(),
    securityOpt: ['seccomp=unconfined', 'apparmor=unconfined', 'label=disable'],
    devices: more.devices,
    deviceCgroupRules: more.deviceCgroupRules,
    volumes: more.volumes,
    tmpfs,
    cgroupns: 'private',
    // systemd(1): SIGRTMIN+3 halts; SIGTERM would only re-execute it.
    stopSignal: 'SIGRTMIN+3',
    // A reboot inside ends the container; docker starts it again, which makes reboots real.
    restart: 'unless-stopped',
    command: machine.cgroup === 1 && host.release !== 'bookworm' ? ['SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1', 'systemd.unified_cgroup_hierarchy=0'] : [],
  };
}

/** Arguments of `docker create`. */
export function dockerCreateArguments(spec: ContainerSpec): readonly string[] {
  const args = ['create', '--name', spec.name, '--hostname', spec.hostname];
  args.push('--network', spec.network, '--ip', spec.address, '--network-alias', spec.hostname);
  for (const [key, value] of Object.entries(spec.labels)) args.push('--label', `${key}=${value}`);
  for (const capability of spec.capAdd) args.push('--cap-add', capability);
  for (const capability of spec.capDrop) args.push('--cap-drop', capability);
  for (const option of spec.securityOpt) args.push('--security-opt', option);
  for (const device of spec.devices) args.push('--device', device);
  for (const rule of spec.deviceCgroupRules) args.push('--device-cgroup-rule', rule);
  for (const volume of spec.volumes) args.push('--volume', volume);
  for (const [path, options] of Object.entries(spec.tmpfs)) args.push('--tmpfs', `${path}:${options}`);
  args.push('--cgroupns', spec.cgroupns, '--stop-signal', spec.stopSignal, '--restart', spec.restart, '--pull', 'never');
  return [...args, spec.image, ...spec.command];
}
