/** What the driver gives, as a value that can be registered. */
import type { Value } from '../../../support/value.ts';

export function valueOf(cell: unknown): Value {
  if (cell === null || cell === undefined) return null;
  if (typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean') return cell;
  if (typeof cell === 'bigint') return String(cell);
  if (cell instanceof Date) return cell.toISOString();
  if (Buffer.isBuffer(cell)) return `\\x${cell.toString('hex')}`;
  if (Array.isArray(cell)) return cell.map(valueOf);
  if (typeof cell === 'object') return Object.fromEntries(Object.entries(cell).map(([k, v]) => [k, valueOf(v)]));
  throw new Error(`the driver gave a ${typeof cell}`);
}
