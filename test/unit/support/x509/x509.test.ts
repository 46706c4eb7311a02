import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dueStep, makeSigner, readAuthority, takeStep, trustedBy, writeAuthority, type Authority, type AuthorityWish, type KeyType } from '../../../../src/support/x509/authority.ts';
import { reasonToIssue, type CertificateWish } from '../../../../src/support/x509/decide.ts';
import { integer, oid, read, readOid, time } from '../../../../src/support/x509/der.ts';
import { publicKeySha256, readCertificate, readCertificates, readRequest, type Certificate } from '../../../../src/support/x509/inspect.ts';
import { issueCertificate, type CertificateInit } from '../../../../src/support/x509/issue.ts';
import { canonicalSan, encodePermitted } from '../../../../src/support/x509/names.ts';

const NOW = Math.floor(Date.UTC(2027, 0, 15, 8, 0, 0) / 1000);
const DAY = 86_400;
const dir = mkdtempSync(join(tmpdir(), 'care-x509-'));
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});
const wish: AuthorityWish = { subject: { common_name: 'Test CA', organization_name: 'Care' }, type: 'ec-p256', days: 3650, pathLength: 0, permitted: [], rotateAtPercent: 70, overlapDays: 14, rotate: false };

function file(name: string, text: string): string {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}
function openssl(...words: string[]): string {
  return execFileSync('openssl', words, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}
function leaf(authority: Authority, more: Partial<CertificateInit> = {}): string {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return issueCertificate({
    publicKey,
    subject: { common_name: 'db1', organization_name: 'Caré' },
    sans: ['DNS:db1.care.test', 'IP:192.0.2.7', 'IP:2001:db8::7'],
    usages: ['server', 'client'],
    notBefore: NOW - 3600,
    notAfter: NOW + 90 * DAY,
    serial: randomBytes(16),
    issuer: authority.current.certificate,
    issuerKey: authority.current.key,
    ...more,
  });
}
const fresh = (more: Partial<AuthorityWish> = {}): Authority => ({ current: makeSigner({ ...wish, ...more }, NOW), next: undefined, previous: [] });

describe('certificates that OpenSSL takes', () => {
  test.each<KeyType>(['ec-p256', 'ec-p384', 'rsa-3072', 'ed25519'])('a CA with a key of type %s', (type) => {
    const authority = fresh({ type });
    const ca = file('ca.pem', authority.current.certificate.pem);
    const crt = file('leaf.pem', leaf(authority));
    expect(openssl('verify', '-x509_strict', '-attime', String(NOW), '-purpose', 'sslserver', '-verify_hostname', 'db1.care.test', '-CAfile', ca, crt)).toContain('OK');
    expect(openssl('verify', '-x509_strict', '-attime', String(NOW), '-purpose', 'sslclient', '-verify_ip', '2001:db8::7', '-CAfile', ca, crt)).toContain('OK');
    expect(() => openssl('verify', '-attime', String(NOW + 91 * DAY), '-CAfile', ca, crt)).toThrow(/expired/);
    const other = file('other.pem', fresh().current.certificate.pem);
    expect(() => openssl('verify', '-attime', String(NOW), '-CAfile', other, crt)).toThrow();
  });

  test('its text says what was asked for', () => {
    const text = openssl('x509', '-noout', '-text', '-in', file('leaf.pem', leaf(fresh(), { serial: Buffer.alloc(16, 0xff) })));
    for (const part of ['Version: 3', 'Issuer: O = Care, CN = Test CA', 'O = Car\\C3\\A9, CN = db1', 'CA:FALSE', 'Digital Signature', 'TLS Web Server Authentication, TLS Web Client Authentication', 'DNS:db1.care.test, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7', 'Authority Key Identifier', '7f:ff:ff'])
      expect(text).toContain(part);
  });

  test('name constraints are enforced', () => {
    const authority = fresh({ permitted: ['care.test', '192.0.2.0/24', '2001:db8::/32'] });
    const ca = file('ca.pem', authority.current.certificate.pem);
    expect(openssl('verify', '-attime', String(NOW), '-CAfile', ca, file('in.pem', leaf(authority)))).toContain('OK');
    const outside = file('out.pem', leaf(authority, { sans: ['DNS:db1.example.org'] }));
    expect(() => openssl('verify', '-attime', String(NOW), '-CAfile', ca, outside)).toThrow(/permitted subtree violation/);
    expect(encodePermitted(['10.0.0.0/33'])).toBeUndefined();
    expect(encodePermitted(['not a name'])).toBeUndefined();
  });

  test('is read back as it was made, as openssl made it too', () => {
    const authority = fresh();
    const own = readCertificate(leaf(authority));
    expect(own).toMatchObject({ subject: 'O=Caré, CN=db1', issuer: 'O=Care, CN=Test CA', sans: ['DNS:db1.care.test', 'IP:192.0.2.7', 'IP:2001:db8::7'], notBefore: NOW - 3600, notAfter: NOW + 90 * DAY, isCa: false });
    expect(own.signedBy(authority.current.certificate)).toBe(true);
    expect(own.signedBy(fresh().current.certificate)).toBe(false);
    openssl('req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', join(dir, 'k'), '-out', join(dir, 'c'), '-subj', '/C=IN/CN=x', '-addext', 'subjectAltName=DNS:A.test,email:a@b.test,URI:urn:x');
    const [foreign] = readCertificates(execFileSync('cat', [join(dir, 'c')]).toString());
    expect(foreign).toMatchObject({ subject: 'C=IN, CN=x', sans: ['DNS:a.test', 'email:a@b.test', 'URI:urn:x'], isCa: true, extendedKeyUsage: [] });
  });

  test('a certificate without a subject has critical names', () => {
    const text = openssl('x509', '-noout', '-text', '-in', file('bare.pem', leaf(fresh(), { subject: {} })));
    expect(text).toMatch(/Subject Alternative Name: critical/);
  });
});

describe('the reasons to make a certificate anew', () => {
  const authority = fresh();
  const current = readCertificate(leaf(authority));
  const wanted: CertificateWish = {
    subject: 'O=Caré, CN=db1',
    sans: ['IP:2001:db8::7', 'DNS:db1.care.test', 'IP:192.0.2.7'],
    usages: ['client', 'server'],
    publicKeySha256: current.publicKeySha256,
    issuer: authority.current.certificate,
    notAfter: NOW + 90 * DAY,
    renewAtPercent: 66,
    renewBeforeDays: undefined,
  };
  const at = (day: number, more: Partial<CertificateWish> = {}, certificate: Certificate | undefined = current): string | undefined =>
    reasonToIssue(certificate, { ...wanted, notAfter: NOW + (day + 90) * DAY, ...more }, NOW + day * DAY);

  test('none while it fits', () => {
    expect(at(0)).toBeUndefined();
    expect(at(59)).toBeUndefined();
  });
  test('time', () => {
    expect(at(60)).toBe('it ends in 30 days');
    expect(at(81, { renewAtPercent: 95 })).toBeUndefined();
    expect(at(81, { renewAtPercent: 95, renewBeforeDays: 10 })).toBe('it ends in 9 days');
    expect(at(90)).toBe('it has expired');
  });
  test('a CA near its own end does not make every run renew', () => {
    expect(at(85, { notAfter: current.notAfter + 3600 })).toBeUndefined();
  });
  test('key, CA, subject, names, uses', () => {
    expect(reasonToIssue(undefined, wanted, NOW)).toBe('there is none');
    expect(at(0, { publicKeySha256: 'x' })).toBe('the key is another one');
    expect(at(0, { issuer: fresh().current.certificate })).toBe('the CA is another one');
    expect(at(0, { subject: 'CN=db2' })).toBe('subject O=Caré, CN=db1 → CN=db2');
    expect(at(0, { sans: ['DNS:db1.care.test'] })).toMatch(/^names /);
    expect(at(0, { usages: ['server'] })).toBe('it is for other uses');
  });
});

describe('the CA over the years', () => {
  test('is created, prepares its successor, hands over, and forgets the old one when it has ended', () => {
    const steps: string[] = [];
    let authority: Authority | undefined;
    let maximum = 0;
    for (let day = 0; day <= 5000; day += 7) {
      const now = NOW + day * DAY;
      const step = dueStep(authority, wish, now);
      if (step === undefined || (authority === undefined && step.type !== 'create')) continue;
      steps.push(`${String(day)} ${step.type}`);
      const before = authority;
      authority = takeStep(authority, step, wish, now);
      maximum = Math.max(maximum, trustedBy(authority, now).length);
      // Whoever could sign before is still trusted, unless it has ended.
      if (before !== undefined) {
        const trusted = trustedBy(authority, now).map((c) => c.fingerprint);
        for (const c of trustedBy(before, now)) expect(trusted).toContain(c.fingerprint);
      }
      expect(dueStep(readAuthority(writeAuthority(authority)), wish, now)).toBeUndefined();
    }
    // 70 % of 3,650 days, and 14 days later; the first CA ends on day 3,650.
    expect(steps).toEqual(['0 create', '2555 prepare', '2569 promote', '3654 tidy']);
    expect(maximum).toBe(2);
  });

  test('its text goes through a file and back, and is refused when it is not whole', () => {
    const first = fresh();
    const second = takeStep(first, { type: 'prepare', what: '' }, wish, NOW);
    const back = readAuthority(writeAuthority(second));
    expect(back.current.certificate.fingerprint).toBe(first.current.certificate.fingerprint);
    expect(back.next?.certificate.fingerprint).toBe(second.next?.certificate.fingerprint);
    expect(publicKeySha256(createPublicKey(back.current.key))).toBe(back.current.certificate.publicKeySha256);
    expect(() => readAuthority('')).toThrow(/0 certificates and 0 keys/);
    expect(() => readAuthority(first.current.certificate.pem)).toThrow(/no certificate with its key/);
  });

  test('can be asked to change now', () => {
    expect(dueStep(fresh(), { ...wish, rotate: true }, NOW)?.type).toBe('prepare');
  });
});

describe('names', () => {
  test.each([
    ['DB1.Care.Test', 'DNS:db1.care.test'],
    ['dns:*.care.test', 'DNS:*.care.test'],
    ['192.0.2.1', 'IP:192.0.2.1'],
    ['IP:2001:DB8:0:0::1', 'IP:2001:db8::1'],
    ['IP Address:::ffff:1.2.3.4', 'IP:::ffff:102:304'],
    ['IP:db1', undefined],
    ['DNS:a b', undefined],
    ['DNS:-a', undefined],
    ['email:x', undefined],
  ])('%s', (given, expected) => {
    expect(canonicalSan(given)).toBe(expected);
  });
});

test('DER: lengths, numbers and times', () => {
  expect(read(integer(Buffer.alloc(300, 1))).value).toHaveLength(300);
  expect(integer(Buffer.from([0, 0, 0x80])).toString('hex')).toBe('02020080');
  for (const id of ['1.2.840.113549.1.1.11', '2.5.29.17', '2.999.1']) expect(readOid(read(oid(id)))).toBe(id);
  expect(time(Date.UTC(2049, 11, 31, 23, 59, 59) / 1000).toString('latin1')).toContain('491231235959Z');
  expect(time(Date.UTC(2050, 0, 1) / 1000).toString('latin1')).toContain('20500101000000Z');
  expect(() => read(Buffer.from([0x30, 0x05, 0x00]))).toThrow(RangeError);
});

test('damaged certificates and requests count as none', () => {
  const good = leaf(fresh());
  expect(readCertificates(good.replace(/M/, 'N').slice(0, 300) + good)).toHaveLength(1);
  expect(readCertificates('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toEqual([]);
  expect(readRequest('no')).toBeUndefined();
  expect(readRequest('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n')).toBeUndefined();
});
