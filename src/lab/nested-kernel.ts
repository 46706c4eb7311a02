/**
 * What kubelet wants of the kernel (pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables). In a container /proc/sys is
 * the machine's and read-only: the machine gets the values while labs with such hosts run, and kubelet finds them in place.
 */
import { failure } from '../support/diagnostic.ts';
import { dockerTry } from './docker.ts';
import { readParameter, restoreParameter, setParameter, type KernelParameter } from './kernel-parameter.ts';

const WANTED: readonly { readonly parameter: KernelParameter; readonly value: string }[] = [
  { parameter: { name: 'vm.overcommit_memory', saved: 'vm-overcommit-memory' }, value: '1' },
  { parameter: { name: 'kernel.panic', saved: 'kernel-panic' }, value: '10' },
  { parameter: { name: 'kernel.panic_on_oops', saved: 'kernel-panic-on-oops' }, value: '1' },
];

export async function prepareKernelForNested(report: (line: string) => void): Promise<void> {
  for (const { parameter, value } of WANTED) {
    const before = await readParameter(parameter);
    if (before === value) continue;
    const why = await setParameter(parameter, value);
    if (why === undefined) report(`set ${parameter.name} of this machine from ${before} to ${value}, as kubelet wants it; the last lab down puts it back`);
    else report(`could not set ${parameter.name} to ${value} (${why}): kubelet will not start`);
  }
}

export async function restoreKernelOfNested(report: (line: string) => void): Promise<void> {
  for (const { parameter } of WANTED) await restoreParameter(parameter, report);
}

/** systemd mounts cpu and cpuacct of cgroup v1 together, or not at all where the machine has them apart; kubelet and runc look for both. */
const CGROUPS = `#!/bin/sh
set -eu
cd /sys/fs/cgroup
! mountpoint -q cpu || exit 0
mount -o remount,rw /sys/fs/cgroup
for controller in cpu cpuacct; do
  [ ! -L "$controller" ] || rm "$controller"
  mkdir -p "$controller"
  mountpoint -q "$controller" || mount -t cgroup -o "$controller" cgroup "$controller"
done
`;

const UNIT = `[Unit]
Description=Control groups of the lab, for containers in it
Before=containerd.service kubelet.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/care-lab-cgroups
[Install]
WantedBy=multi-user.target
`;

const HEREDOC_END = 'END-OF-CARE-LAB';

/** Makes a host that is up one that can run containers, now and after each reboot. Does nothing that is done. */
export async function prepareNestedHost(container: string, cgroup: 1 | 2): Promise<void> {
  if (cgroup === 2) return;
  const script = [
    'set -eu',
    'systemctl is-active --quiet care-lab-cgroups.service && exit 0',
    `cat >/usr/local/sbin/care-lab-cgroups <<'${HEREDOC_END}'\n${CGROUPS}${HEREDOC_END}`,
    'chmod 755 /usr/local/sbin/care-lab-cgroups',
    `cat >/etc/systemd/system/care-lab-cgroups.service <<'${HEREDOC_END}'\n${UNIT}${HEREDOC_END}`,
    'systemctl daemon-reload',
    'systemctl enable --quiet --now care-lab-cgroups.service',
  ].join('\n');
  const made = await dockerTry(['exec', container, 'sh', '-c', script]);
  if (made.status !== 0) throw failure('lab-nested', `lab host ${container} can't run containers`, { detail: made.stderr.trim() });
}
