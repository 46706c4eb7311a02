/** Makes and removes a lab's bridges, taps and firewall rules on this machine. Needs root. */
import { existsSync } from 'node:fs';
import { failure } from '../../support/diagnostic.ts';
import { readParameter, restoreParameter, setParameter, type KernelParameter } from '../kernel-parameter.ts';
import { runProgram, type ProgramResult } from '../process.ts';
import type { PlacedHost } from '../spec.ts';
import { bridges, interfacesOf, removals, rules, taps } from './network-plan.ts';

const BOUND_MS = 30_000;
const FORWARDING: KernelParameter = { name: 'net.ipv4.ip_forward', saved: 'ip-forward' };
const REMEDY = 'the lab of virtual machines needs root and a kernel with TUN, bridges and iptables (conntrack, comment, MASQUERADE): run as root on such a machine, or use the lab of containers (without --driver vm)';

async function attempt(file: string, args: readonly string[]): Promise<ProgramResult> {
  return runProgram(file, args, { timeoutMs: BOUND_MS });
}

async function must(file: string, args: readonly string[]): Promise<string> {
  const ran = await attempt(file, args);
  if (ran.status !== 0) throw failure('lab-network', `${file} ${args.join(' ')} failed`, { detail: ran.stderr.trim(), remedy: REMEDY });
  return ran.stdout;
}

/** `-w`: waits for others that hold the tables (iptables(8)). */
const PATIENT = ['-w', '20'] as const;

/** A kernel without the table has no rules in it. */
function isMissingTable(listing: ProgramResult): boolean {
  return listing.status !== 0 && /table does not exist/i.test(listing.stderr);
}

async function removeRules(lab: string): Promise<void> {
  for (const table of ['filter', 'nat'] as const) {
    const listing = await attempt('iptables', [...PATIENT, '-t', table, '-S']);
    if (isMissingTable(listing)) continue;
    // Rules that could not be listed would stay, and nobody would know.
    if (listing.status !== 0) throw failure('lab-network', `iptables could not list the rules of table ${table}`, { detail: listing.stderr.trim(), remedy: REMEDY });
    for (const args of removals(lab, table, listing.stdout)) await must('iptables', [...PATIENT, ...args]);
  }
}

/**
 * Makes what is not there yet.
 *
 * @throws Diagnostic `lab-network` with what a machine that can't would need
 */
export async function ensureVmNetwork(lab: string, network: string, hosts: readonly PlacedHost[], isolated: boolean, report: (line: string) => void): Promise<void> {
  const there = new Set(interfacesOf(lab, await must('ip', ['-o', 'link', 'show'])));
  const wanted = new Set([...bridges(lab, hosts).keys(), ...taps(lab, hosts).keys()]);
  for (const name of there) if (!wanted.has(name)) await must('ip', ['link', 'del', 'dev', name]);
  for (const [bridge, address] of bridges(lab, hosts)) {
    if (!there.has(bridge)) await must('ip', ['link', 'add', 'name', bridge, 'type', 'bridge']);
    await must('ip', ['address', 'replace', address, 'dev', bridge]);
    await must('ip', ['link', 'set', 'dev', bridge, 'up']);
  }
  for (const [tap, bridge] of taps(lab, hosts)) {
    if (!there.has(tap)) await must('ip', ['tuntap', 'add', 'dev', tap, 'mode', 'tap']);
    await must('ip', ['link', 'set', 'dev', tap, 'master', bridge, 'up']);
  }
  await removeRules(lab);
  for (const rule of rules(lab, network, isolated)) await must('iptables', [...PATIENT, '-t', rule.table, '-I', rule.chain, ...rule.words]);
  if ((await readParameter(FORWARDING)) === '1') return;
  const why = await setParameter(FORWARDING, '1');
  if (why !== undefined) throw failure('lab-network', `this machine does not forward packets between the lab's sites: ${why}`, { remedy: 'sysctl -w net.ipv4.ip_forward=1' });
  report('this machine forwards packets (net.ipv4.ip_forward) until the last lab of virtual machines goes');
}

/** Whether interfaces of the lab are there: then its network is in use by itself. */
export async function hasVmInterfaces(lab: string): Promise<boolean> {
  return interfacesOf(lab, await must('ip', ['-o', 'link', 'show'])).length > 0;
}

/** Takes a lab's interfaces and rules away, whatever is left of them. */
export async function removeVmNetwork(lab: string): Promise<void> {
  await removeRules(lab);
  for (const name of interfacesOf(lab, await must('ip', ['-o', 'link', 'show']))) await must('ip', ['link', 'del', 'dev', name]);
}

/** Called when the machine's last lab of virtual machines goes. Docker wants forwarding too, and may have been started meanwhile. */
export async function restoreForwarding(report: (line: string) => void): Promise<void> {
  if (!existsSync('/sys/class/net/docker0')) await restoreParameter(FORWARDING, report);
}
