/** Bridges, taps and firewall rules of a lab, as the commands that make them. Pure. */
import type { PlacedHost } from '../spec.ts';
import { bridgeName, gateway, interfacePrefix, ruleComment, tapName } from './names.ts';

/** An iptables rule: its table, chain and words. */
export interface Rule {
  readonly table: 'filter' | 'nat';
  readonly chain: string;
  readonly words: readonly string[];
}

/** Bridges with this machine's address in each site. */
export function bridges(lab: string, hosts: readonly PlacedHost[]): ReadonlyMap<string, string> {
  return new Map(hosts.map((host) => [bridgeName(lab, host.address), `${gateway(host.address)}/24`]));
}

/** Taps with the bridge that each is in. */
export function taps(lab: string, hosts: readonly PlacedHost[]): ReadonlyMap<string, string> {
  return new Map(hosts.map((host) => [tapName(lab, host.address), bridgeName(lab, host.address)]));
}

/**
 * Lets the lab's packets through: Docker sets the policy of FORWARD to DROP, and where bridge-nf is on, that holds for what stays in a
 * bridge too. Sources leave with this machine's address, unless the lab is isolated.
 *
 * @param network the lab's /22
 */
export function rules(lab: string, network: string, isolated: boolean): readonly Rule[] {
  const all = `${interfacePrefix(lab)}+`;
  const mark = ['-m', 'comment', '--comment', ruleComment(lab)];
  const inside: Rule = { table: 'filter', chain: 'FORWARD', words: ['-i', all, '-o', all, ...mark, '-j', 'ACCEPT'] };
  if (isolated) return [{ table: 'filter', chain: 'FORWARD', words: ['-i', all, ...mark, '-j', 'DROP'] }, inside];
  return [
    { table: 'filter', chain: 'FORWARD', words: ['-i', all, ...mark, '-j', 'ACCEPT'] },
    { table: 'filter', chain: 'FORWARD', words: ['-o', all, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', ...mark, '-j', 'ACCEPT'] },
    { table: 'nat', chain: 'POSTROUTING', words: ['-s', network, '!', '-o', all, ...mark, '-j', 'MASQUERADE'] },
  ];
}

/**
 * The commands that take a lab's rules away.
 *
 * @param listing of `iptables -S` in one table
 * @returns arguments of iptables, one list for each rule with the lab's mark
 */
export function removals(lab: string, table: Rule['table'], listing: string): readonly (readonly string[])[] {
  return listing
    .split('\n')
    .map((line) => line.trim().split(' '))
    .filter((words) => words[0] === '-A' && words.some((word, index) => word === '--comment' && words[index + 1]?.replaceAll('"', '') === ruleComment(lab)))
    .map((words) => ['-t', table, '-D', ...words.slice(1).map((word) => word.replaceAll('"', ''))]);
}

/**
 * A lab's own interfaces, taps before bridges.
 *
 * @param listing of `ip -o link show`
 */
export function interfacesOf(lab: string, listing: string): readonly string[] {
  const prefix = interfacePrefix(lab);
  const names = [...listing.matchAll(/^\d+: ([^:@]+)[:@]/gm)].map((match) => match[1] ?? '').filter((name) => name.startsWith(prefix));
  return names.sort();
}
