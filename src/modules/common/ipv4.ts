/** IPv4 addresses and networks of inventories. Pure. */

export interface Network {
  /** As it was written. */
  readonly text: string;
  readonly base: number;
  /** Bits of the prefix, 0 to 32. */
  readonly length: number;
}

/** The number that dotted text stands for; undefined where it is no IPv4 address. */
export function addressOf(text: string): number | undefined {
  const parts = text.split('.').map(Number);
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text) || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** `10.244.0.0/16`; undefined where it is no IPv4 network. */
export function networkOf(text: string): Network | undefined {
  const [address = '', length = ''] = text.split('/');
  const base = addressOf(address);
  const bits = Number(length);
  return base === undefined || bits > 32 ? undefined : { text, base, length: bits };
}

/** Whether an address is in both. */
export function overlap(one: Network, other: Network): boolean {
  const size = 2 ** (32 - Math.min(one.length, other.length));
  return Math.floor(one.base / size) === Math.floor(other.base / size);
}

/** Whether all of the second one is in the first. */
export function holds(outer: Network, inner: Network): boolean {
  return inner.length >= outer.length && overlap(outer, inner);
}
