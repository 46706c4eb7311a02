/** As much of DER (X.690) as certificates need: a writer and a reader of tag, length and value. */

export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function lengthOf(size: number): Buffer {
  if (size < 0x80) return Buffer.from([size]);
  const bytes: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export function tlv(tag: number, ...contents: readonly Buffer[]): Buffer {
  const value = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(value.length), value]);
}
export const sequence = (...items: readonly Buffer[]): Buffer => tlv(Tag.sequence, ...items);
export const set = (...items: readonly Buffer[]): Buffer => tlv(Tag.set, ...items);
export const octets = (value: Buffer): Buffer => tlv(Tag.octetString, value);
export const bits = (value: Buffer, unused = 0): Buffer => tlv(Tag.bitString, Buffer.from([unused]), value);
export const boolean = (value: boolean): Buffer => tlv(Tag.boolean, Buffer.from([value ? 0xff : 0]));
export const nothing = (): Buffer => tlv(Tag.null);
export const text = (value: string): Buffer => tlv(Tag.utf8String, Buffer.from(value, 'utf8'));
export const printable = (value: string): Buffer => tlv(Tag.printableString, Buffer.from(value, 'latin1'));
/** `[n]`, primitive or constructed. */
export const context = (n: number, constructed: boolean, ...contents: readonly Buffer[]): Buffer => tlv((constructed ? 0xa0 : 0x80) | n, ...contents);

/** A non-negative integer from its big-endian bytes. */
export function integer(value: Buffer | number): Buffer {
  let bytes = typeof value === 'number' ? Buffer.from([value]) : value;
  while (bytes.length > 1 && bytes[0] === 0 && (bytes[1] ?? 0) < 0x80) bytes = bytes.subarray(1);
  return (bytes[0] ?? 0) >= 0x80 ? tlv(Tag.integer, Buffer.from([0]), bytes) : tlv(Tag.integer, bytes);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80);
    bytes.push(...groups);
  }
  return tlv(Tag.oid, Buffer.from(bytes));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5). */
export function time(epochSeconds: number): Buffer {
  const digits = new Date(epochSeconds * 1000).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const year = Number(digits.slice(0, 4));
  return year < 2050 ? tlv(Tag.utcTime, Buffer.from(digits.slice(2), 'latin1')) : tlv(Tag.generalizedTime, Buffer.from(digits, 'latin1'));
}

export interface Node {
  readonly tag: number;
  /** Tag, length and value. */
  readonly raw: Buffer;
  readonly value: Buffer;
}

/** The first element of a buffer. @throws RangeError when it is cut off */
export function read(buffer: Buffer): Node {
  const tag = buffer[0];
  let size = buffer[1];
  if (tag === undefined || size === undefined) throw new RangeError('DER: cut off');
  let start = 2;
  if (size >= 0x80) {
    const count = size & 0x7f;
    if (count === 0 || count > 4 || buffer.length < 2 + count) throw new RangeError('DER: bad length');
    size = buffer.readUIntBE(2, count);
    start += count;
  }
  if (buffer.length < start + size) throw new RangeError('DER: cut off');
  return { tag, raw: buffer.subarray(0, start + size), value: buffer.subarray(start, start + size) };
}

/** The elements inside a constructed one. */
export function children(node: Node): readonly Node[] {
  const found: Node[] = [];
  for (let rest = node.value; rest.length > 0; ) {
    const next = read(rest);
    found.push(next);
    rest = rest.subarray(next.raw.length);
  }
  return found;
}

/** The child at an index. @throws RangeError when there is none */
export function child(node: Node, index: number): Node {
  const found = children(node)[index];
  if (found === undefined) throw new RangeError(`DER: element ${String(index)} is missing`);
  return found;
}

export function readOid(node: Node): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of node.value) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}
