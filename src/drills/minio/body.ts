/** What the objects of a drill hold: made of the drill's seed and the object's number, so that it can be made again and compared. */
import { createCipheriv, createHash } from 'node:crypto';

/** Bytes: too many to be kept beside an object's metadata (MinIO keeps less than 128 KiB there), so that drives really hold parts. */
const SIZE = 150_000;

export function bodyOf(seed: string, sequence: number): Buffer {
  const key = createHash('sha256').update(`${seed} ${String(sequence)}`).digest();
  return createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16)).update(Buffer.alloc(SIZE));
}

export function objectPath(bucket: string, sequence: number): string {
  return `/${bucket}/writer/${String(sequence).padStart(6, '0')}`;
}
