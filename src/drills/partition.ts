/** A network partition by nftables, in a table of its own that nothing else knows and one command removes. */
import type { HostAccess } from '../operations/hosts.ts';
import type { ClusterHost } from '../operations/inventory.ts';
import { failure } from '../support/diagnostic.ts';
import { sh, type Script } from '../support/shell.ts';

export const TABLE = 'care_drill';
/** What a person does on a host to end it. */
export const MEND_BY_HAND = `nft delete table inet ${TABLE}`;

/** Before the firewall's own rules (filter is 0) and before connection tracking, so that open connections go silent too. */
const PRIORITY = -400;

/** A chain at one hook; an address is of IPv6 when it has a colon. */
function chain(hook: 'input' | 'output' | 'prerouting' | 'forward', word: 'saddr' | 'daddr', addresses: readonly string[]): string {
  const drops = (['ip', 'ip6'] as const).flatMap((family) => {
    const own = addresses.filter((address) => address.includes(':') === (family === 'ip6'));
    return own.length === 0 ? [] : [`${family} ${word} { ${own.join(', ')} } drop;`];
  });
  return `  chain ${hook} { type filter hook ${hook} priority ${String(PRIORITY)}; policy accept; ${drops.join(' ')} }`;
}

function load(chains: readonly string[]): Script {
  return sh`printf '%s\\n' ${`table inet ${TABLE} {\n${chains.join('\n')}\n}`} | nft -f -`;
}

/**
 * Drops all packets from and to some addresses.
 *
 * @param addresses of IPv4 or IPv6, or networks
 */
export function cutOff(addresses: readonly string[]): Script {
  return load([chain('input', 'saddr', addresses), chain('output', 'daddr', addresses)]);
}

/** As {@link cutOff}, and also what the host passes on, as a node does for its pods. */
export function cutOffRouted(addresses: readonly string[]): Script {
  return load([chain('prerouting', 'saddr', addresses), chain('output', 'daddr', addresses), chain('forward', 'daddr', addresses)]);
}

/** Ends it; harmless when there is none. */
export function mend(): Script {
  return sh`nft delete table inet ${TABLE} 2>/dev/null; ! nft list table inet ${TABLE} >/dev/null 2>&1`;
}

/** Before a site is cut off. @throws Diagnostic for the first host that has no nft */
export async function refuseWithoutNft(hosts: HostAccess, nodes: readonly ClusterHost[]): Promise<void> {
  for (const node of nodes) if ((await hosts.run(node, sh`command -v nft`)).status !== 0) throw failure('no-nft', `there is no nft on ${node.name}, which this drill cuts the site off with`, { remedy: 'install the package nftables there (role base does)' });
}

/** After it was ended: the hosts on which it was not, a sentence each. */
export async function stillCutOff(hosts: HostAccess, nodes: readonly ClusterHost[]): Promise<readonly string[]> {
  const left: string[] = [];
  for (const node of nodes) if ((await hosts.text(node, sh`nft list tables`)).includes(TABLE)) left.push(`${node.name} still has the table ${TABLE} in its firewall`);
  return left;
}
