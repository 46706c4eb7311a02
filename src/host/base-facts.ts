/** The base facts of a host: one small probe, names and meanings as Ansible's setup module. */
import { defineQuery } from './define-query.ts';
import type { ProbeOutput } from './query.ts';
import type { BaseFacts } from './view.ts';

/**
 * Shell built-ins and small files where possible: each process costs a millisecond or two, on every host of every
 * run. The name of the user and the time are those of stat's own entry in /proc, which is made when it is looked at; iproute2
 * answers two questions at once (ip(8), -batch; busybox' ip does not). `care_read` is cat for small files; a file that is not there gives nothing.
 * Section order is fixed; `parse` below reads it in the same order.
 */
const PROBE = `
care_read() { [ -r "$1" ] && while IFS= read -r care_line || [ -n "$care_line" ]; do printf '%s\\n' "$care_line"; done <"$1"; }
k=/proc/sys/kernel
if [ -r $k/arch ]; then for f in ostype hostname osrelease arch; do care_read $k/$f; done; else uname -s -r -m -n; fi
care_mark
care_read /etc/os-release || care_read /usr/lib/os-release
care_mark
care_read /proc/sys/kernel/random/boot_id
care_read /etc/machine-id
care_mark
care_now=$(stat -L -c '%U %Z' /proc/self 2>/dev/null)
case $care_now in UNKNOWN*) care_now= ;; *[!0-9]*' '[1-9]*) ;; *) care_now= ;; esac
[ -n "$care_now" ] || care_now="$(id -un) $(date +%s)"
echo "\${care_now% *}"
care_mark
if [ -r /sys/devices/system/cpu/online ]; then read -r care_line </sys/devices/system/cpu/online; echo "online $care_line"; else grep -c '^processor' /proc/cpuinfo; fi
care_mark
read -r care_line </proc/meminfo
case $care_line in MemTotal:*) echo "$care_line" ;; *) grep '^MemTotal' /proc/meminfo ;; esac
care_mark
echo "\${care_now##* }"
care_mark
care_net=$(ip -o -batch - 2>/dev/null <<'care_end'
addr show
route show default
care_end
) && printf '%s\\n' "$care_net" || { ip -o addr show; ip -4 route show default; } 2>/dev/null
care_mark
hostname -f 2>/dev/null || care_read /proc/sys/kernel/hostname
care_mark
[ -d /run/systemd/system ] && echo systemd || care_read /proc/1/comm
care_mark
if [ -e /.dockerenv ]; then echo docker; elif [ -r /run/systemd/container ]; then care_read /run/systemd/container; elif command -v systemd-detect-virt >/dev/null 2>&1; then systemd-detect-virt; else echo unknown; fi
`;

const ARCHITECTURES: Readonly<Record<string, string>> = { i686: 'i386', i586: 'i386' };

function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    out[match[1]] = match[2].replace(/^(["'])(.*)\1$/, '$2');
  }
  return out;
}

/** Ansible's spelling: `Debian`, `Ubuntu`. */
function distributionName(id: string): string {
  return id === '' ? 'unknown' : id.charAt(0).toUpperCase() + id.slice(1);
}

function parseAddresses(text: string): { readonly v4: readonly string[]; readonly v6: readonly string[] } {
  const v4: string[] = [];
  const v6: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^\d+:\s+(\S+)\s+(inet6?)\s+([0-9a-f.:]+)/.exec(line);
    if (match?.[3] === undefined || match[1] === 'lo') continue;
    (match[2] === 'inet' ? v4 : v6).push(match[3]);
  }
  return { v4, v6 };
}

/** `online 0-3,8` (sysfs, "cpu-list" of the kernel's documentation), or the number itself. At least 1. */
function processors(text: string): number {
  if (!text.startsWith('online ')) return Math.max(1, Number(text) || 1);
  const counts = text.slice('online '.length).split(',').map((range) => {
    const [first = NaN, last = first] = range.split('-').map(Number);
    return last - first + 1;
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Number.isInteger(total) && total > 0 ? total : 1;
}

/** Reads the probe's answer. Exported for tests with recorded outputs. */
export function parseBaseFacts(output: ProbeOutput): BaseFacts {
  const text = [output.head, ...output.sections].map((b) => b.toString('utf8').trim());
  const [uname = '', osRelease = '', ids = '', user = '', cpus = '', memory = '', epoch = '', network = '', fqdn = '', init = '', virt = ''] = text;
  const [system = '', nodename = '', kernel = '', machine = ''] = uname.split(/\s+/);
  const os = parseOsRelease(osRelease);
  const version = os['VERSION_ID'] ?? '';
  const [bootId = '', machineId = ''] = ids.split('\n');
  const { v4, v6 } = parseAddresses(network);
  const route = /^default .*/m.exec(network)?.[0] ?? '';
  const gateway = /\bvia (\S+)/.exec(route)?.[1];
  const device = /\bdev (\S+)/.exec(route)?.[1];
  const source = device === undefined ? undefined : new RegExp(`^\\d+:\\s+${device.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s+inet\\s+([0-9.]+)`, 'm').exec(network)?.[1];
  return {
    hostname: nodename.split('.')[0] ?? nodename,
    fqdn,
    system,
    kernel,
    architecture: ARCHITECTURES[machine] ?? machine,
    distribution: distributionName(os['ID'] ?? ''),
    distribution_version: version,
    distribution_major_version: version.split('.')[0] ?? '',
    distribution_release: os['VERSION_CODENAME'] ?? '',
    os_family: ['debian', 'ubuntu'].includes(os['ID'] ?? '') || (os['ID_LIKE'] ?? '').includes('debian') ? 'Debian' : distributionName(os['ID'] ?? ''),
    pkg_mgr: ['debian', 'ubuntu'].includes(os['ID'] ?? '') || (os['ID_LIKE'] ?? '').includes('debian') ? 'apt' : 'unknown',
    service_mgr: init,
    virtualization_type: virt,
    user_id: user,
    processor_vcpus: processors(cpus),
    memtotal_mb: Math.floor(Number(/(\d+)/.exec(memory)?.[1] ?? '0') / 1024),
    boot_id: bootId,
    machine_id: machineId,
    default_ipv4: gateway === undefined || device === undefined || source === undefined ? null : { address: source, interface: device, gateway },
    all_ipv4_addresses: v4,
    all_ipv6_addresses: v6,
    epoch: Number(epoch),
  };
}

/** The base facts; the key carries nothing. */
export const baseFacts = defineQuery<null, BaseFacts>({
  name: 'base-facts',
  id: () => 'host',
  describe: () => 'the host itself',
  probe: () => PROBE,
  parse: (_keys, output) => [parseBaseFacts(output)],
  same: () => true,
});

/** The name of the user that asks. */
export const currentUser = defineQuery<null, string>({
  name: 'current-user',
  id: () => 'me',
  describe: () => 'the name of the login user',
  probe: () => 'id -un',
  parse: (_keys, output) => [output.head.toString('utf8').trim()],
});
