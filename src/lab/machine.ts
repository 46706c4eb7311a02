/** What this machine lets a container do: read once per command, decided on by the pure container.ts. */
import { readFile, stat } from 'node:fs/promises';
import { docker } from './docker.ts';

export interface MachineFacts {
  /** Which control-group hierarchy the docker daemon uses. */
  readonly cgroup: 1 | 2;
  /** Capabilities missing from this machine's bounding set: asking docker for one of them fails. */
  readonly missingCapabilities: readonly string[];
}

/** Capability numbers of linux/capability.h, in order from 0. */
export const CAPABILITIES = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE', 'NET_BIND_SERVICE',
  'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN',
  'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE',
  'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF', 'CHECKPOINT_RESTORE',
] as const;

/**
 * The capabilities that a bounding set lacks.
 *
 * @param status text of /proc/PID/status (proc_pid_status(5)), whose CapBnd is a mask in hexadecimal
 * @returns names without `CAP_`; none when the text has no CapBnd
 */
export function missingCapabilities(status: string): readonly string[] {
  const mask = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (mask === undefined) return [];
  const set = BigInt(`0x${mask}`);
  return CAPABILITIES.filter((_, bit) => (set & (1n << BigInt(bit))) === 0n);
}

async function daemonStatus(): Promise<string> {
  // The daemon's own set is what counts; its process can only be read as root, on its own machine.
  for (const path of ['/var/run/docker.pid', '/run/docker.pid']) {
    const pid = (await readFile(path, 'utf8').catch(() => '')).trim();
    const status = pid === '' ? '' : await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (status !== '') return status;
  }
  return readFile('/proc/1/status', 'utf8').catch(() => '');
}

/**
 * Looks at the machine and its docker daemon.
 *
 * @throws Diagnostic `docker-unreachable` when the daemon does not answer
 */
export async function machineFacts(): Promise<MachineFacts> {
  const version = await docker(['info', '--format', '{{.CgroupVersion}}']);
  const v2 = version === '' ? await stat('/sys/fs/cgroup/cgroup.controllers').then(() => true, () => false) : version === '2';
  return { cgroup: v2 ? 2 : 1, missingCapabilities: missingCapabilities(await daemonStatus()) };
}
