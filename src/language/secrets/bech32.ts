/** Reads bech32 (BIP 173), the form in which age writes its keys. */

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;

function checksum(values: readonly number[]): number {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    GENERATOR.forEach((g, i) => {
      if (((top >>> i) & 1) === 1) sum ^= g;
    });
  }
  return sum;
}

/** @returns the bytes under the prefix, or undefined when the text is no such bech32 (age has no length limit) */
export function decodeBech32(text: string, prefix: string): Buffer | undefined {
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) return undefined;
  const lower = text.toLowerCase();
  if (!lower.startsWith(`${prefix}1`)) return undefined;
  const data = Array.from(lower.slice(prefix.length + 1), (c) => ALPHABET.indexOf(c));
  if (data.includes(-1) || data.length < 6) return undefined;
  const codes = Array.from(prefix, (c) => c.charCodeAt(0));
  if (checksum([...codes.map((c) => c >>> 5), 0, ...codes.map((c) => c & 31), ...data]) !== 1) return undefined;
  const out: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const value of data.slice(0, -6)) {
    buffer = (buffer << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push((buffer >>> bits) & 255);
      buffer &= (1 << bits) - 1;
    }
  }
  return bits >= 5 || buffer !== 0 ? undefined : Buffer.from(out);
}

/** @returns the bech32 text of the bytes, in small letters */
export function encodeBech32(prefix: string, bytes: Buffer): string {
  const values: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      values.push((buffer >>> bits) & 31);
    }
    buffer &= (1 << bits) - 1;
  }
  if (bits > 0) values.push((buffer << (5 - bits)) & 31);
  const codes = Array.from(prefix, (c) => c.charCodeAt(0));
  const sum = checksum([...codes.map((c) => c >>> 5), 0, ...codes.map((c) => c & 31), ...values, 0, 0, 0, 0, 0, 0]) ^ 1;
  const tail = Array.from({ length: 6 }, (_, i) => (sum >>> (5 * (5 - i))) & 31);
  return `${prefix}1${[...values, ...tail].map((v) => ALPHABET.charAt(v)).join('')}`;
}

/** The recipient (`age1…`) of an X25519 public key. */
export function encodeRecipient(publicKey: Buffer): string {
  return encodeBech32('age', publicKey);
}
