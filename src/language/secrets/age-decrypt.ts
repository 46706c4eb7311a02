/**
 * Decrypts age files synchronously, because variables are rendered synchronously and only when they are
 * used. The format is https://c2sp.org/age with its X25519 and scrypt recipients; the primitives are
 * OpenSSL's (node:crypto). Encryption and keys are the age-encryption package's, which is loaded only for them
 * (it is large, and every run comes by here); the tests use it to check this file.
 */
import { createDecipheriv, createHmac, createPrivateKey, createPublicKey, diffieHellman, hkdfSync, scryptSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import { decodeBech32 } from './bech32.ts';

/** Why a text cannot be decrypted. Holds no secret. */
export class AgeProblem extends Error {
  override readonly name = 'AgeProblem';
  readonly reason: 'format' | 'no-match' | 'damaged';

  constructor(reason: AgeProblem['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface X25519Identity {
  readonly privateKey: KeyObject;
  readonly publicKey: Buffer;
}

// RFC 8410: the fixed DER around a raw X25519 key.
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex');

/** @returns undefined when the text is no `AGE-SECRET-KEY-1…` */
export function parseIdentity(text: string): X25519Identity | undefined {
  const raw = decodeBech32(text, 'age-secret-key-');
  if (raw?.length !== 32) return undefined;
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, raw]), format: 'der', type: 'pkcs8' });
  return { privateKey, publicKey: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(SPKI_HEAD.length) };
}

interface Stanza {
  readonly args: readonly string[];
  readonly body: Buffer;
}
interface Parsed {
  readonly stanzas: readonly Stanza[];
  /** The header up to and including `---`, which the MAC covers. */
  readonly header: Buffer;
  readonly mac: Buffer;
  readonly payload: Buffer;
}

const INTRO = 'age-encryption.org/v1';

function unpadded(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (!/^[A-Za-z0-9+/]*$/.test(text) || bytes.toString('base64').replace(/=+$/, '') !== text) throw new AgeProblem('format', 'the header is damaged');
  return bytes;
}

function parse(file: Buffer): Parsed {
  const end = file.indexOf('\n--- ');
  const headerEnd = end === -1 ? -1 : file.indexOf('\n', end + 5);
  if (!file.subarray(0, INTRO.length + 1).equals(Buffer.from(`${INTRO}\n`)) || headerEnd === -1) throw new AgeProblem('format', 'this is no age file of version 1');
  const lines = file.subarray(0, end).toString('latin1').split('\n').slice(1);
  const stanzas: { args: string[]; body: string }[] = [];
  for (const line of lines) {
    if (line.startsWith('-> ')) stanzas.push({ args: line.slice(3).split(' '), body: '' });
    else {
      const last = stanzas.at(-1);
      if (last === undefined) throw new AgeProblem('format', 'the header is damaged');
      last.body += line;
    }
  }
  return {
    stanzas: stanzas.map((s) => ({ args: s.args, body: unpadded(s.body) })),
    header: file.subarray(0, end + 4),
    mac: unpadded(file.subarray(end + 5, headerEnd).toString('latin1')),
    payload: file.subarray(headerEnd + 1),
  };
}

function hkdf(key: Buffer, salt: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, 32));
}

/** @returns undefined when the tag does not fit: wrong key, or altered bytes */
function open(key: Buffer, nonce: Buffer, sealed: Buffer): Buffer | undefined {
  if (sealed.length < 16) return undefined;
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  const plain = decipher.update(sealed.subarray(0, -16));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    // node:crypto has no other way to say that the tag does not fit.
    return undefined;
  }
}

const ZERO_NONCE = Buffer.alloc(12);

function unwrapX25519(stanza: Stanza, identity: X25519Identity): Buffer | undefined {
  const [type, shareText = '', ...more] = stanza.args;
  if (type !== 'X25519' || more.length > 0) return undefined;
  const share = unpadded(shareText);
  if (share.length !== 32 || stanza.body.length !== 32) throw new AgeProblem('format', 'the header is damaged');
  const peer = createPublicKey({ key: Buffer.concat([SPKI_HEAD, share]), format: 'der', type: 'spki' });
  let shared: Buffer;
  try {
    shared = diffieHellman({ privateKey: identity.privateKey, publicKey: peer });
  } catch (error) {
    // OpenSSL refuses a share of low order (RFC 7748, 6.1), as the format asks.
    throw new AgeProblem('damaged', `the header holds no valid key share: ${error instanceof Error ? error.message : String(error)}`);
  }
  return open(hkdf(shared, Buffer.concat([share, identity.publicKey]), `${INTRO}/X25519`), ZERO_NONCE, stanza.body);
}

/** Highest work factor taken, as age's own; about a second. */
const HIGHEST_LOG_N = 22;

function unwrapScrypt(stanzas: readonly Stanza[], passphrase: string): Buffer | undefined {
  const [stanza, ...more] = stanzas;
  const [type, saltText = '', logNText = ''] = stanza?.args ?? [];
  if (stanza === undefined || more.length > 0 || type !== 'scrypt') return undefined;
  const logN = Number(logNText);
  if (!/^[1-9]\d?$/.test(logNText) || logN > HIGHEST_LOG_N) throw new AgeProblem('format', 'the work factor of the passphrase is not acceptable');
  const salt = Buffer.concat([Buffer.from(`${INTRO}/scrypt`), unpadded(saltText)]);
  return open(scryptSync(passphrase, salt, 32, { N: 2 ** logN, r: 8, p: 1, maxmem: 256 * 2 ** logN * 8 }), ZERO_NONCE, stanza.body);
}

const CHUNK = 64 * 1024 + 16;

/** STREAM: chunks of 64 KiB, each with its number and whether it is the last in the nonce. */
function openPayload(fileKey: Buffer, payload: Buffer): Buffer {
  const damaged = new AgeProblem('damaged', 'the content was altered or cut off');
  if (payload.length < 32) throw damaged;
  const key = hkdf(fileKey, payload.subarray(0, 16), 'payload');
  const sealed = payload.subarray(16);
  const count = Math.max(1, Math.ceil(sealed.length / CHUNK));
  const out: Buffer[] = [];
  for (let i = 0; i < count; i += 1) {
    const last = i === count - 1;
    const nonce = Buffer.alloc(12);
    nonce.writeUIntBE(i, 5, 6);
    nonce[11] = last ? 1 : 0;
    const plain = open(key, nonce, sealed.subarray(i * CHUNK, (i + 1) * CHUNK));
    if (plain === undefined || (last && i > 0 && plain.length === 0)) throw damaged;
    out.push(plain);
  }
  return Buffer.concat(out);
}

/** Strict, as the format demands (c2sp.org/age, "ASCII armor"): full lines of 64 characters, canonical base64. */
function decodeArmor(text: string): Buffer {
  const lines = text.trim().replaceAll('\r\n', '\n').split('\n');
  if (lines.shift() !== '-----BEGIN AGE ENCRYPTED FILE-----') throw new Error('invalid header');
  if (lines.pop() !== '-----END AGE ENCRYPTED FILE-----') throw new Error('invalid footer');
  const last = lines.at(-1)?.length ?? 0;
  if (lines.slice(0, -1).some((line) => line.length !== 64) || last === 0 || last > 64 || last % 4 !== 0) throw new Error('invalid line length');
  const all = lines.join('');
  const bytes = Buffer.from(all, 'base64');
  if (bytes.toString('base64') !== all) throw new Error('invalid base64');
  return bytes;
}

/** The binary file of an armoured or binary one. @throws AgeProblem */
export function dearmor(file: Buffer): Buffer {
  const text = file.subarray(0, 64).toString('latin1').trimStart();
  if (!text.startsWith('-----BEGIN AGE')) return file;
  try {
    return decodeArmor(file.toString('latin1'));
  } catch (error) {
    throw new AgeProblem('format', `the age armour is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * @param file armoured or binary
 * @throws AgeProblem `format` (no age file), `no-match` (for other keys), `damaged` (altered or cut off)
 */
export function decryptAge(file: Buffer, keys: { readonly identities?: readonly X25519Identity[]; readonly passphrase?: string }): Buffer {
  const { stanzas, header, mac, payload } = parse(dearmor(file));
  let fileKey = keys.passphrase === undefined ? undefined : unwrapScrypt(stanzas, keys.passphrase);
  for (const identity of keys.identities ?? []) {
    for (const stanza of stanzas) fileKey ??= unwrapX25519(stanza, identity);
  }
  if (fileKey === undefined) throw new AgeProblem('no-match', keys.passphrase === undefined ? 'it is encrypted for other keys than the ones at hand' : 'the passphrase is wrong');
  const expected = createHmac('sha256', hkdf(fileKey, Buffer.alloc(0), 'header')).update(header).digest();
  if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) throw new AgeProblem('damaged', 'the header was altered');
  return openPayload(fileKey, payload);
}
