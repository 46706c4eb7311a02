/** Whether this machine can have a lab of virtual machines, and what their tests share. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Lab } from '../../../src/lab/index.ts';
import { interfacePrefix, ruleComment, RUN_DIRECTORY } from '../../../src/lab/vm/names.ts';
import { labExec } from '../../../src/lab/index.ts';
import { hostVariables } from './lab-project.ts';

/** The program that `./scripts/setup --vm` brings: nobody is given virtual machines by the default test run who has not asked for them. */
const HAS_QEMU = (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(path.join(directory, 'qemu-system-x86_64')));
export const VMS_HERE = HAS_QEMU && process.arch === 'x64' && process.getuid?.() === 0 && existsSync('/dev/net/tun');

/** Everything of a lab that may be left on this machine outside of its files. */
export function traces(lab: string): readonly string[] {
  const shown = (file: string, args: readonly string[]): readonly string[] => execFileSync(file, args, { encoding: 'utf8', timeout: 30_000 }).split('\n');
  return [
    ...shown('ip', ['-o', 'link', 'show']).filter((line) => line.includes(interfacePrefix(lab))),
    ...['filter', 'nat'].flatMap((table) => shown('iptables', ['-w', '20', '-t', table, '-S'])).filter((line) => line.includes(`"${ruleComment(lab)}"`)),
    ...shown('ps', ['-e', '-o', 'args']).filter((line) => line.startsWith('qemu-system') && line.includes(`-name ${lab}.`)),
    ...(existsSync(path.join(RUN_DIRECTORY, lab)) ? [path.join(RUN_DIRECTORY, lab)] : []),
  ];
}

/** Inventory variables of a virtual machine: an emulated processor takes its time for a handshake, the more so on a busy machine. */
export function vmVariables(lab: Lab, name: string): ReturnType<typeof hostVariables> {
  const own = hostVariables(lab, name);
  return { ...own, ansible_ssh_common_args: `${String(own['ansible_ssh_common_args'])} -o ConnectTimeout=120` };
}

/** The kernel's name for its boot. */
export async function bootId(lab: Lab, host: string): Promise<string> {
  return (await labExec(lab, host, ['cat', '/proc/sys/kernel/random/boot_id'])).stdout.trim();
}
