/** A CA of a test's own, and a server certificate for 127.0.0.1, localhost and further names. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { makeSigner } from '../../src/support/x509/authority.ts';
import { issueCertificate } from '../../src/support/x509/issue.ts';

/** All PEM. */
export interface SiteCa {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function siteCa(names: readonly string[] = []): SiteCa {
  const now = Math.floor(Date.now() / 1000);
  const signer = makeSigner({ subject: { common_name: 'Test CA' }, type: 'ec-p256', days: 30, pathLength: 0, permitted: [], rotateAtPercent: 70, overlapDays: 1, rotate: false }, now);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = issueCertificate({
    publicKey, subject: { common_name: 'localhost' }, sans: ['DNS:localhost', 'IP:127.0.0.1', ...names], usages: ['server'], notBefore: now - 3600, notAfter: now + 86_400, serial: randomBytes(16),
    issuer: signer.certificate, issuerKey: signer.key,
  });
  return { ca: signer.certificate.pem, cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}
