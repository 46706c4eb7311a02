/** A network partition by nftables, in a table of its own that nothing else knows and one command removes. */
import { sh, type Script } from '../../support/shell.ts';

/** Before the firewall's own rules (filter is 0) and before connection tracking, so that open connections go silent too. */
const PRIORITY = -400;

/**
 * Drops all packets from and to some addresses.
 *
 * @param addresses IPv4
 */
export function cutOff(addresses: readonly string[]): Script {
  const set = addresses.join(', ');
  const rules = `table inet care_drill {
  chain input { type filter hook input priority ${String(PRIORITY)}; policy accept; ip saddr { ${set} } drop; }
  chain output { type filter hook output priority ${String(PRIORITY)}; policy accept; ip daddr { ${set} } drop; }
}`;
  return sh`printf '%s\\n' ${rules} | nft -f -`;
}

/** Ends it; harmless when there is none. */
export function mend(): Script {
  return sh`nft delete table inet care_drill 2>/dev/null; ! nft list table inet care_drill >/dev/null 2>&1`;
}
