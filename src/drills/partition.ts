/** A network partition by nftables, in a table of its own that nothing else knows and one command removes. */
import { sh, type Script } from '../support/shell.ts';

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
  return sh`printf '%s\\n' ${`table inet care_drill {\n${chains.join('\n')}\n}`} | nft -f -`;
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
  return sh`nft delete table inet care_drill 2>/dev/null; ! nft list table inet care_drill >/dev/null 2>&1`;
}
