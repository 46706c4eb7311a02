import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isVerifier, saslprep, verifierFor, verifierMatches } from '../../../../src/services/postgres/scram.ts';

/** The exchange of RFC 7677 section 3: what its client proves and its server signs follows from the verifier's keys. */
describe('RFC 7677', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const verifier = verifierFor('pencil', salt, 4096);
  const message = 'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';

  test('the server signs with its key', () => {
    const serverKey = Buffer.from(verifier.split(':').at(-1) ?? '', 'base64');
    expect(createHmac('sha256', serverKey).update(message).digest('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  test('the client proves that it has what the stored key is the hash of', () => {
    const stored = Buffer.from(/\$([^$:]+):[^:]+$/.exec(verifier)?.[1] ?? '', 'base64');
    const signature = createHmac('sha256', stored).update(message).digest();
    const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
    const clientKey = Buffer.from(proof.map((byte, i) => byte ^ (signature[i] ?? 0)));
    expect(createHash('sha256').update(clientKey).digest()).toEqual(stored);
    expect(clientKey).toEqual(createHmac('sha256', pbkdf2Sync('pencil', salt, 4096, 32, 'sha256')).update('Client Key').digest());
  });
});

test('a verifier matches its own password only, with its own salt and iterations', () => {
  const one = verifierFor('correct horse');
  expect(one).toMatch(/^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/);
  expect(verifierFor('correct horse')).not.toBe(one);
  expect(verifierMatches(one, 'correct horse')).toBe(true);
  expect(verifierMatches(one, 'correct horsf')).toBe(false);
  expect(verifierMatches(verifierFor('x', Buffer.from('salt'), 10_000), 'x')).toBe(true);
  expect(verifierMatches(one.replace('$4096:', '$4097:'), 'correct horse')).toBe(false);
});

test('a verifier may be wished itself', () => {
  const one = verifierFor('correct horse');
  expect(isVerifier(one)).toBe(true);
  expect(verifierFor(one)).toBe(one);
  expect(verifierMatches(one, one)).toBe(true);
  expect(verifierMatches(verifierFor('correct horse'), one)).toBe(false);
});

test.each(['md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '', 'SCRAM-SHA-256$99999999999:AA==$AA==:AA==', 'SCRAM-SHA-256$0:AA==$AA==:AA=='])('%j matches nothing', (stored) => {
  expect(verifierMatches(stored, 'x')).toBe(false);
});

/** Examples of RFC 4013 section 3, and what `pg_saslprep` does with what has no prepared form. */
test.each([
  ['I\u00adX', 'IX'],
  ['user', 'user'],
  ['USER', 'USER'],
  ['\u00aa', 'a'],
  ['\u2168', 'IX'],
  ['pass\u00a0word', 'pass word'],
  ['\u0007', '\u0007'],
  ['\u0627\u0031', '\u0627\u0031'],
  ['a\u0627\u00aa', 'a\u0627\u00aa'],
  ['\u00ad', '\u00ad'],
  ['പാസ്‌വേഡ്', 'പാസ്‌വേഡ്'.replaceAll('\u200c', '').normalize('NFKC')],
])('%j is prepared as %j', (given, prepared) => {
  expect(saslprep(given)).toBe(prepared);
});
