/** Scripts that wait, made ready to be sent: one by itself, or several as a row. */
import { gzipSync } from 'node:zlib';
import type { WireRequest } from './frames.ts';
import { DEFAULT_OUTPUT_LIMIT, prepare, type PreparedRequest } from './requests.ts';
import { encodeRow, ROW_BYTES, ROW_SCRIPTS } from './rows.ts';
import type { RunRequest } from './types.ts';

const LARGEST_OUTPUT_LIMIT = 64 * 1024 * 1024;

export interface Queued {
  readonly sequence: number;
  /** 0: of no chain. */
  readonly chain: number;
  readonly request: RunRequest;
  /** Set when it was the turn of this one, or of a row that it may belong to. */
  prepared: PreparedRequest | undefined;
}

/** A script that is ready to be sent. */
export interface Load<Item extends Queued> {
  readonly item: Item;
  readonly prepared: PreparedRequest;
  /** Bytes. */
  readonly size: number;
}

/**
 * @param known what travels anyway (attachments and preludes); what this one needs is added
 * @throws Diagnostic when it cannot be sent
 */
export async function load<Item extends Queued>(item: Item, known = new Set<string>()): Promise<Load<Item>> {
  item.prepared ??= await prepare(item.request);
  const { prepared } = item;
  let size = prepared.body.length + (known.has(prepared.prelude) ? 0 : prepared.prelude.length);
  known.add(prepared.prelude);
  for (const { id, bytes } of prepared.inline) {
    if (!known.has(id)) size += bytes.length;
    known.add(id);
  }
  return { item, prepared, size };
}

/**
 * The first that waits, and those behind it that travel in one row with it: of the same chain, without attachments that go
 * over a channel of their own, and not too many. Looks at the queue as it is while files are read.
 *
 * @throws Diagnostic when the first cannot be sent
 */
export async function gatherRow<Item extends Queued>(waiting: readonly Item[]): Promise<readonly Load<Item>[]> {
  const [first] = waiting;
  if (first === undefined) return [];
  const known = new Set<string>();
  const row = [await load(first, known)];
  if (first.chain === 0 || first.request.apart === true || row[0]?.prepared.large.length !== 0) return row;
  let bytes = row[0].size;
  for (let next = waiting[row.length]; next !== undefined; next = waiting[row.length]) {
    if (next.chain !== first.chain || next.request.apart === true || next.sequence !== first.sequence + row.length) return row;
    // What cannot be sent says so when it is the first.
    const more = await load(next, known).catch(() => undefined);
    if (more === undefined || more.prepared.large.length > 0) return row;
    bytes += more.size;
    if (row.length >= ROW_SCRIPTS || bytes > ROW_BYTES) return withoutTorn(row, next);
    row.push(more);
  }
  return row;
}

/** A full row, without those at its end that want to stay with the one that found no room. */
function withoutTorn<Item extends Queued>(row: readonly Load<Item>[], next: Item): readonly Load<Item>[] {
  if (next.request.keepWithPrevious !== true) return row;
  const head = row.findLastIndex((each) => each.item.request.keepWithPrevious !== true);
  return head > 0 ? row.slice(0, head) : row;
}

/** A row's text shrinks to a fifth; below this it is not worth the host's processes. */
const PACKED_FROM = 8 * 1024;

/**
 * What travels for one script, or for a row.
 *
 * @param before shell for a script by itself, on the line that it begins with
 * @param packs whether bytes on the way cost more than packing them
 */
export function wireRequest(first: Load<Queued>, row: readonly Load<Queued>[], before: string, packs: boolean): WireRequest {
  const { item, prepared } = first;
  const common = { sequence: item.sequence, chain: item.chain, large: prepared.large.length > 0 };
  if (row.length === 1) {
    const head = `${before}${prepared.prelude === '' ? '' : `${prepared.prelude}\n`}`;
    const body = head === '' ? prepared.body : Buffer.concat([Buffer.from(head), prepared.body]);
    return { ...common, ...limitsOf(item.request), body, files: prepared.inline };
  }
  const scripts = row.map((each) => ({ sequence: each.item.sequence, ...limitsOf(each.item.request), prelude: each.prepared.prelude, unless: each.item.request.unless ?? '', body: each.prepared.body, files: each.prepared.inline }));
  const { body, files } = encodeRow(scripts);
  const packed = packs && body.length >= PACKED_FROM;
  return { ...common, last: item.sequence + row.length - 1, timeoutSeconds: 0, outputLimit: 0, packed, body: packed ? gzipSync(body) : body, files };
}

/** Whole seconds and bytes, as the runner counts them. */
function limitsOf(request: RunRequest): { readonly timeoutSeconds: number; readonly outputLimit: number } {
  return {
    timeoutSeconds: Math.max(1, Math.ceil(request.timeoutSeconds)),
    outputLimit: Math.min(LARGEST_OUTPUT_LIMIT, Math.max(1024, Math.floor(request.outputLimit ?? DEFAULT_OUTPUT_LIMIT))),
  };
}
