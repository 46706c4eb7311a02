/** Where an OpenBao or Vault server is, and as whom a client comes. */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { Secret } from '../../support/secret.ts';
import { BACKDATE_SECONDS, type Authority } from '../../support/x509/authority.ts';
import { issueCertificate } from '../../support/x509/issue.ts';

export interface VaultAddress {
  /** As the host that the stream goes through sees it. */
  readonly host: string;
  readonly port: number;
  /** The name or address that the server's certificate must be for; default: `host`. */
  readonly serverName?: string | undefined;
  /** PEM of the CAs that may sign it. */
  readonly ca: string;
}

/** As whom: without a token only what anybody may ask is answered (`sys/init`, `sys/seal-status`, `sys/unseal`). */
export type VaultAuth =
  | { readonly type: 'none' }
  | { readonly type: 'token'; readonly token: Secret }
  /** Auth method `cert`: a client certificate that is made for this client, by a CA of the controller, and never written down. */
  | { readonly type: 'certificate'; readonly authority: Authority; readonly commonName: string; readonly mount: string; readonly role: string }
  | { readonly type: 'approle'; readonly mount: string; readonly roleId: string; readonly secretId: Secret };

export interface VaultLogin {
  readonly at: VaultAddress;
  readonly auth: VaultAuth;
  /** Empty for the root namespace. */
  readonly namespace: string;
}

/** How long a client's own certificate is valid, in seconds: longer than any run. */
const CERTIFICATE_SECONDS = 12 * 3600;

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A key and a certificate for one client. @param now seconds since the epoch */
export function clientCertificate(authority: Authority, commonName: string, now: number): ClientCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const issuer = authority.current;
  const cert = issueCertificate({
    publicKey, subject: { common_name: commonName }, sans: [], usages: ['client'],
    notBefore: Math.max(now - BACKDATE_SECONDS, issuer.certificate.notBefore), notAfter: Math.min(now + CERTIFICATE_SECONDS, issuer.certificate.notAfter),
    serial: randomBytes(16), issuer: issuer.certificate, issuerKey: issuer.key,
  });
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function authId(auth: VaultAuth): string {
  const digest = (text: string): string => createHash('sha256').update(`vault ${text}`).digest('hex').slice(0, 16);
  switch (auth.type) {
    case 'none':
      return 'nobody';
    case 'token':
      return `token ${digest(auth.token.reveal())}`;
    case 'certificate':
      return `${auth.mount}/${auth.role} ${auth.commonName} ${auth.authority.current.certificate.fingerprint.slice(0, 16)}`;
    case 'approle':
      return `${auth.mount} ${auth.roleId} ${digest(auth.secretId.reveal())}`;
  }
}

/** Equal for logins that may share a client. No secret in it. */
export function loginId(login: VaultLogin): string {
  return `${addressText(login.at)} ${login.namespace} ${authId(login.auth)}`;
}

export function addressText(at: VaultAddress): string {
  return `${at.host.includes(':') ? `[${at.host}]` : at.host}:${String(at.port)}`;
}
