/** What each virtual machine is given besides its disk: keys, name, addresses, and the way to other sites. Pure. */
import type { SeedFile } from '../keys.ts';
import type { PlacedHost } from '../spec.ts';
import { gateway, macAddress } from './names.ts';
import type { Wan } from './words.ts';

export interface SeedInput {
  readonly lab: string;
  /** The lab's /22. */
  readonly network: string;
  readonly host: PlacedHost;
  readonly hosts: readonly PlacedHost[];
  /** Who may log in, and the host's own key, as containers get them. */
  readonly keys: readonly SeedFile[];
  readonly nameservers: readonly string[];
  readonly wan: Wan | undefined;
}

function network(input: SeedInput): string {
  return `[Match]
MACAddress=${macAddress(input.lab, input.host.name)}

[Network]
Address=${input.host.address}/24
Gateway=${gateway(input.host.address)}
LinkLocalAddressing=no
IPv6AcceptRA=no
`;
}

function hostsFile(input: SeedInput): string {
  return ['127.0.0.1 localhost', ...input.hosts.map((host) => `${host.address} ${host.name}`), ''].join('\n');
}

/** Packets that may wait in a queue: what a gigabit holds in a second of delay is about 80,000; the default of 1000 would drop. */
const QUEUE = 50_000;

/**
 * The script that puts the delay before what leaves a host for the other sites of its lab: half of the round trip in each direction,
 * loss in each direction. What stays in the site, and what this machine or the internet is sent, goes as it is.
 *
 * Taken away and made anew, so that it may be run again with other numbers (tc-netem(8), tc-prio(8), tc-u32(8)).
 */
export function wanScript(lab: string, input: { readonly network: string; readonly address: string; readonly wan: Wan | undefined }): string {
  const begin = `# Lab ${lab}: the way to other sites.\nset -eu\ntc qdisc del dev eth0 root 2>/dev/null || true\n`;
  if (input.wan === undefined || (input.wan.rttMs === 0 && input.wan.lossPercent === 0)) return begin;
  const site = input.address.replace(/\d+$/, '0/24');
  const filter = 'tc filter add dev eth0 parent 1: protocol ip';
  return `${begin}modprobe sch_netem
tc qdisc add dev eth0 root handle 1: prio bands 4
tc qdisc add dev eth0 parent 1:4 handle 40: netem limit ${QUEUE} delay ${input.wan.rttMs / 2}ms loss ${input.wan.lossPercent}%
${filter} prio 1 u32 match ip dst ${gateway(input.address)}/32 flowid 1:1
${filter} prio 2 u32 match ip dst ${site} flowid 1:1
${filter} prio 3 u32 match ip dst ${input.network} flowid 1:4
`;
}

/** All files that a machine finds under the lab's prefix of QEMU's firmware configuration. */
export function vmSeed(input: SeedInput): readonly SeedFile[] {
  return [
    ...input.keys,
    { name: 'hostname', text: `${input.host.name}\n` },
    { name: 'hosts', text: hostsFile(input) },
    { name: 'resolv.conf', text: input.nameservers.map((each) => `nameserver ${each}\n`).join('') },
    { name: 'network', text: network(input) },
    { name: 'wan', text: wanScript(input.lab, { network: input.network, address: input.host.address, wan: input.wan }) },
  ];
}

/**
 * The name servers of a resolv.conf (resolv.conf(5)) that a guest can ask too.
 *
 * @returns addresses without those of this machine's loopback
 */
export function nameservers(resolvConf: string): readonly string[] {
  return [...resolvConf.matchAll(/^\s*nameserver\s+(\d+(?:\.\d+){3})\s*$/gm)].map((match) => match[1] ?? '').filter((address) => address !== '' && !address.startsWith('127.'));
}
