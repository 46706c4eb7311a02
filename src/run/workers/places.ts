/** Places of a run as texts that sort as the run goes, so that "all have come as far as this" is one comparison. Pure. */
import type { Position } from '../rendezvous.ts';

/** As many digits as the largest of them, Number.MAX_SAFE_INTEGER, has with one added. */
const DIGITS = 16;

/** A place within another sorts behind it, and before the next one. */
export function placeText(...numbers: Position): string {
  return numbers.map((number) => String(number + 1).padStart(DIGITS, '0')).join('.');
}

/** Deals hosts out: each share gets neighbours, since these are what an inventory keeps together. */
export function dealOut(hosts: readonly string[], shares: number): readonly (readonly string[])[] {
  const count = Math.min(shares, hosts.length);
  return Array.from({ length: count }, (_, i) => hosts.slice(Math.floor((i * hosts.length) / count), Math.floor(((i + 1) * hosts.length) / count)));
}
