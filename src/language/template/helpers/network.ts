/** Paths and networks. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { HelperProblem } from '../problems.ts';
import { integer, text, type Helper } from './types.ts';

interface Cidr {
  readonly family: 4 | 6;
  readonly address: bigint;
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

function parseAddress(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  const tail = embedded === null ? '' : parseAddress(embedded[2] ?? '').toString(16).padStart(8, '0').replace(/^(.{4})/, '$1:');
  const [left = '', right] = (embedded === null ? address : (embedded[1] ?? '') + tail).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const missing = 8 - groups(left).length - groups(right ?? '').length;
  const all = right === undefined ? groups(left) : [...groups(left), ...Array<string>(missing).fill('0'), ...groups(right)];
  return all.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

/** RFC 5952: small letters, no leading zeros, `::` for the first longest run of two or more zero groups. */
function formatAddress(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(16 * (7 - i))) & 65535n).toString(16));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i += 1) {
    let length = 0;
    while (groups[i + length] === '0') length += 1;
    if (length > best.length) best = { start: i, length };
  }
  if (best.start === -1) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

function cidr(source: string): Cidr {
  const [address = '', prefix = '', ...more] = source.split('/');
  const family = isIP(address);
  if ((family !== 4 && family !== 6) || more.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > BITS[family] || address.includes('%')) {
    throw new HelperProblem('the network must be an address and a prefix length, such as 10.0.0.0/24');
  }
  return { family, address: parseAddress(address), prefix: Number(prefix) };
}

function mask({ family, prefix }: Cidr): bigint {
  const bits = BigInt(BITS[family]);
  return ((1n << bits) - 1n) ^ ((1n << (bits - BigInt(prefix))) - 1n);
}

export const NETWORK_HELPERS: readonly Helper[] = [
  {
    name: 'basename', group: 'Paths and networks', usage: 'basename path', summary: 'The last part of a POSIX path',
    example: { template: '{{ basename "/etc/hosts" }}', result: 'hosts' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal', call: (args) => text(args, 0).replace(/\/+$/, '').replace(/^.*\//, ''),
  },
  {
    name: 'dirname', group: 'Paths and networks', usage: 'dirname path', summary: 'A POSIX path without its last part',
    example: { template: '{{ dirname "/etc/hosts" }}', result: '/etc' },
    min: 1, max: 1, kind: 'plain', secrets: 'reveal',
    call: (args) => {
      const path = text(args, 0).replace(/(?<=.)\/+$/, '');
      if (!path.includes('/')) return '.';
      return path.replace(/\/+[^/]*$/, '') || '/';
    },
  },
  {
    name: 'cidr_host', group: 'Paths and networks', usage: 'cidr_host network number', summary: 'The address with that number in the network; a negative number counts from its end',
    example: { template: '{{ cidr_host "10.0.8.0/22" 5 }}', result: '10.0.8.5' },
    min: 2, max: 2, kind: 'plain', secrets: 'refuse',
    call: (args) => {
      const network = cidr(text(args, 0));
      const size = 1n << BigInt(BITS[network.family] - network.prefix);
      const index = BigInt(integer(args, 1));
      if (index >= size || index < -size) throw new HelperProblem('the network has no such address');
      return formatAddress(network.family, (network.address & mask(network)) + (index < 0n ? size + index : index));
    },
  },
  {
    name: 'cidr_netmask', group: 'Paths and networks', usage: 'cidr_netmask network', summary: 'The netmask of an IPv4 network',
    example: { template: '{{ cidr_netmask "10.0.8.0/22" }}', result: '255.255.252.0' },
    min: 1, max: 1, kind: 'plain', secrets: 'refuse',
    call: (args) => {
      const network = cidr(text(args, 0));
      if (network.family === 6) throw new HelperProblem('only IPv4 networks have a netmask');
      return formatAddress(4, mask(network));
    },
  },
  {
    name: 'cidr_network', group: 'Paths and networks', usage: 'cidr_network address', summary: 'The network of an address with a prefix length',
    example: { template: '{{ cidr_network "10.0.9.7/22" }}', result: '10.0.8.0/22' },
    min: 1, max: 1, kind: 'plain', secrets: 'refuse',
    call: (args) => {
      const network = cidr(text(args, 0));
      return `${formatAddress(network.family, network.address & mask(network))}/${String(network.prefix)}`;
    },
  },
  {
    name: 'in_cidr', group: 'Paths and networks', usage: 'in_cidr address network', summary: 'True when the network holds the address',
    example: { template: '{{ in_cidr "10.0.9.7" "10.0.8.0/22" }}', result: true },
    min: 2, max: 2, kind: 'plain', secrets: 'refuse',
    call: (args) => {
      const family = isIP(text(args, 0));
      if (family === 0) throw new HelperProblem('the first argument must be an IP address');
      const network = cidr(text(args, 1));
      const set = new BlockList();
      const name = network.family === 4 ? 'ipv4' : 'ipv6';
      set.addSubnet(formatAddress(network.family, network.address), network.prefix, name);
      return family === network.family && set.check(text(args, 0), name);
    },
  },
];
