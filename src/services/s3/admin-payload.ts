/**
 * The sealed bodies of MinIO's admin API (madmin-go, encrypt.go): salt (32 bytes), id of the cipher (1), nonce (8), then chunks
 * of 16 KiB as secure-io/sio-go seals them. The key comes from the secret key of who asks.
 */
import * as crypto from 'node:crypto';

const SALT = 32;
const NONCE = 8;
const TAG = 16;
const CHUNK = 16 * 1024;
const HEADER = SALT + 1 + NONCE;

const ARGON2ID_AES = 0x00;
const ARGON2ID_CHACHA = 0x01;
const PBKDF2_AES = 0x02;
/** Rounds, KiB and lanes that madmin-go uses. */
const ARGON2 = { t: 1, m: 64 * 1024, p: 4 };
const PBKDF2_ROUNDS = 8192;

type Cipher = 'aes-256-gcm' | 'chacha20-poly1305';

/** argon2id of 32 bytes. Node has its own from 24.7 on; before that it is done in JavaScript, which takes about a second. */
async function argon2id(secret: string, salt: Buffer): Promise<Buffer> {
  if (typeof crypto.argon2 === 'function') {
    return new Promise((resolve, reject) => {
      crypto.argon2('argon2id', { message: Buffer.from(secret), nonce: salt, parallelism: ARGON2.p, tagLength: 32, memory: ARGON2.m, passes: ARGON2.t }, (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      });
    });
  }
  return argon2idInJavaScript(secret, salt);
}

/** Exported for the test that holds it to Node's own. */
export async function argon2idInJavaScript(secret: string, salt: Buffer): Promise<Buffer> {
  const { argon2idAsync } = await import('@noble/hashes/argon2.js');
  return Buffer.from(await argon2idAsync(Buffer.from(secret), salt, { ...ARGON2, dkLen: 32 }));
}

/** sio-go: a nonce of 8 bytes and the chunk's number; number 0 seals nothing but the associated data, whose tag goes with each chunk. */
function nonceOf(nonce: Buffer, number: number): Buffer {
  const whole = Buffer.alloc(NONCE + 4);
  nonce.copy(whole);
  whole.writeUInt32LE(number, NONCE);
  return whole;
}

function seal(cipher: Cipher, key: Buffer, nonce: Buffer, associated: Buffer, plain: Buffer): Buffer {
  const sealing = crypto.createCipheriv(cipher as 'aes-256-gcm', key, nonce, { authTagLength: TAG });
  sealing.setAAD(associated, { plaintextLength: plain.length });
  return Buffer.concat([sealing.update(plain), sealing.final(), sealing.getAuthTag()]);
}

function unseal(cipher: Cipher, key: Buffer, nonce: Buffer, associated: Buffer, sealed: Buffer): Buffer {
  const text = sealed.subarray(0, sealed.length - TAG);
  const opening = crypto.createDecipheriv(cipher as 'aes-256-gcm', key, nonce, { authTagLength: TAG });
  opening.setAAD(associated, { plaintextLength: text.length });
  opening.setAuthTag(sealed.subarray(sealed.length - TAG));
  return Buffer.concat([opening.update(text), opening.final()]);
}

/** The mark of the last chunk, and the tag of the associated data, of which there are none. */
function associatedData(cipher: Cipher, key: Buffer, nonce: Buffer): (last: boolean) => Buffer {
  const tag = seal(cipher, key, nonceOf(nonce, 0), Buffer.alloc(0), Buffer.alloc(0));
  return (last) => Buffer.concat([Buffer.from([last ? 0x80 : 0x00]), tag]);
}

function chunksOf(data: Buffer, size: number): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < data.length; at += size) chunks.push(data.subarray(at, at + size));
  return chunks.length === 0 ? [Buffer.alloc(0)] : chunks;
}

/** Seals a body for the store. With PBKDF2, which every server takes: its key is made at once, that of argon2id needs 64 MiB. */
export async function sealPayload(secret: string, plain: Buffer): Promise<Buffer> {
  const salt = crypto.randomBytes(SALT);
  const nonce = crypto.randomBytes(NONCE);
  const key = await pbkdf2(secret, salt);
  const associated = associatedData('aes-256-gcm', key, nonce);
  const chunks = chunksOf(plain, CHUNK);
  return Buffer.concat([salt, Buffer.from([PBKDF2_AES]), nonce, ...chunks.map((chunk, i) => seal('aes-256-gcm', key, nonceOf(nonce, i + 1), associated(i === chunks.length - 1), chunk))]);
}

function pbkdf2(secret: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    crypto.pbkdf2(secret, salt, PBKDF2_ROUNDS, 32, 'sha256', (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

/** Opens what the store has sealed. @throws Error when it is cut off, or sealed for another secret key */
export async function openPayload(secret: string, sealed: Buffer): Promise<Buffer> {
  if (sealed.length < HEADER + TAG) throw new Error('the answer of the admin API is cut off');
  const salt = sealed.subarray(0, SALT);
  const id = sealed[SALT];
  const nonce = sealed.subarray(SALT + 1, HEADER);
  if (id !== ARGON2ID_AES && id !== ARGON2ID_CHACHA && id !== PBKDF2_AES) throw new Error(`the answer of the admin API is sealed in a way that is not known (${String(id)})`);
  const cipher: Cipher = id === ARGON2ID_CHACHA ? 'chacha20-poly1305' : 'aes-256-gcm';
  const key = id === PBKDF2_AES ? await pbkdf2(secret, salt) : await argon2id(secret, salt);
  const associated = associatedData(cipher, key, nonce);
  const chunks = chunksOf(sealed.subarray(HEADER), CHUNK + TAG);
  return Buffer.concat(chunks.map((chunk, i) => unseal(cipher, key, nonceOf(nonce, i + 1), associated(i === chunks.length - 1), chunk)));
}
