import { createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import type { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { stat } from '../../host/kinds/path.ts';
import { publicKey, type PublicKeyFact } from '../../host/kinds/public-key.ts';
import { converge, failed, ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { ValueMap } from '../../support/value.ts';
import { BACKDATE_SECONDS, type Authority } from '../../support/x509/authority.ts';
import { daysLeft, reasonToIssue } from '../../support/x509/decide.ts';
import { publicKeySha256, readCertificate, readCertificates, type Certificate } from '../../support/x509/inspect.ts';
import { issueCertificate } from '../../support/x509/issue.ts';
import { subjectText } from '../../support/x509/names.ts';
import { attributeChanges, foreseenChange, authorityOf, certificateSeen, NO_AUTHORITY_REMEDY, putChange, subjectOf } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { CertificateSchema } from './schema.ts';

type Arguments = z.output<typeof CertificateSchema>;
const DAY = 86_400;

function valuesOf(certificate: Certificate, now: number): ValueMap {
  return {
    certificate: certificate.pem,
    not_after: new Date(certificate.notAfter * 1000).toISOString(),
    days_left: Number(daysLeft(certificate, now)),
    serial: certificate.serial,
    fingerprint: certificate.fingerprint,
  };
}

/** What stands in the way of signing, or the key that the certificate is for. */
function keyOf(fact: PublicKeyFact, path: string): KeyObject | Plan {
  switch (fact.state) {
    case 'present':
      return createPublicKey(fact.pem);
    case 'absent':
      return failed(`there is no private key ${path}`, 'make it with x509_private_key before');
    case 'unreadable':
      return failed(`${path} cannot be read as a private key: ${fact.why}`, 'move it away and let x509_private_key make a new one');
    case 'no-openssl':
      return failed('there is no openssl on the host', 'install the package openssl first');
    case 'to-be-made':
      return { type: 'unknown', because: `the key ${path} is not made yet` };
  }
}

/** The file: the certificate, and its issuer where that is not what hosts trust as it is (an intermediate CA). */
function fileOf(leaf: string, authority: Authority): string {
  const issuer = authority.current.certificate;
  return issuer.subject === issuer.issuer ? leaf : `${leaf.trimEnd()}\n${issuer.pem}`;
}

function issue(args: Arguments, authority: Authority, key: KeyObject, now: number, notAfter: number): string {
  return issueCertificate({
    publicKey: key,
    subject: subjectOf(args),
    sans: args.subject_alt_name,
    usages: args.usages,
    notBefore: Math.max(now - BACKDATE_SECONDS, authority.current.certificate.notBefore),
    notAfter,
    serial: randomBytes(16),
    issuer: authority.current.certificate,
    issuerKey: authority.current.key,
  });
}

function predict(args: Arguments): Plan {
  // Check mode: what the certificate will say depends on a key or a CA that the apply makes.
  return { type: 'changes', changes: [foreseenChange(`certificate ${args.path}`, 'issue: the key or the CA is made before', args.path, args)], valuesUnknown: `until certificate ${args.path}` };
}

export const x509Certificate = defineModule({
  name: 'x509_certificate',
  summary: 'Keep a certificate for a host\'s key, signed by the site\'s CA',
  description: `The certificate is made on the controller from the *public* key of \`privatekey_path\` and the arguments given here; a
signing request would only add what must not be trusted. It is made anew when the key, the CA, the subject, the names or
the uses are not as wanted, when \`renew_at_percent\` of its life has passed, or when fewer than \`renew_before_days\` are left;
else nothing happens. \`notify\` the service that uses it. Time is the host's clock, so keep it right (chrony).

The file holds the certificate, followed by the CA's where that is an intermediate one.`,
  args: CertificateSchema,
  secretArgs: ['authority'],
  examples: [
    {
      title: 'Server and client certificate of an etcd member',
      yaml: 'x509_certificate:\n  path: /etc/etcd/pki/server.crt\n  privatekey_path: /etc/etcd/pki/server.key\n  authority: "{{ pki_authority }}"\n  common_name: "{{ inventory_hostname }}"\n  subject_alt_name:\n    - "DNS:{{ inventory_hostname }}"\n    - "IP:{{ ansible_host }}"\n    - DNS:localhost\n    - IP:127.0.0.1\n  days: 90\nnotify: restart etcd\n',
    },
  ],
  returns: { certificate: 'PEM', not_after: 'when it ends, ISO 8601', days_left: 'whole days until then', serial: 'hexadecimal', fingerprint: 'SHA-256, hexadecimal' },
  queries: (args) => [publicKey(args.privatekey_path), content(args.path), stat(args.path)],
  observes: (args, { not_after }) => certificateSeen(args.path, not_after),
  plan(args, host) {
    const resource = `certificate ${args.path}`;
    const fact = host.fact(publicKey(args.privatekey_path));
    const bytes = host.fact(content(args.path));
    if (bytes !== null && !Buffer.isBuffer(bytes)) return failed(`${args.path} cannot be read: ${'error' in bytes ? bytes.error : 'it is too large for a certificate'}`);
    const before = bytes?.toString('utf8') ?? '';
    const authority = authorityOf(args.authority, host);
    if (authority === undefined) return host.checkMode ? predict(args) : failed('the CA does not exist', NO_AUTHORITY_REMEDY);
    if (host.checkMode && fact.state === 'to-be-made') return predict(args);
    if (host.checkMode && fact.state === 'no-openssl') return withoutKey(args, host, before);
    const key = keyOf(fact, args.privatekey_path);
    if ('type' in key && !('export' in key)) return key;
    const now = host.base.epoch;
    const notAfter = Math.min(now + Math.round(args.days * DAY), authority.current.certificate.notAfter);
    if (notAfter <= now) return failed('the CA has expired', 'let x509_ca rotate it, or replace the CA in the inventory\'s secrets');
    const [current] = readCertificates(before);
    const reason = reasonToIssue(
      current,
      {
        subject: subjectText(subjectOf(args)),
        sans: args.subject_alt_name,
        usages: args.usages,
        publicKeySha256: publicKeySha256(key),
        issuer: authority.current.certificate,
        notAfter,
        renewAtPercent: args.renew_at_percent,
        renewBeforeDays: args.renew_before_days,
      },
      now,
    );
    if (reason === undefined && current !== undefined) return converge(attributeChanges(resource, args.path, host.fact(stat(args.path)), args), valuesOf(current, now));
    const leaf = issue(args, authority, key, now, notAfter);
    return converge([putChange(resource, `issue: ${reason ?? 'there is none'}`, args.path, fileOf(leaf, authority), before, args)], valuesOf(readCertificate(leaf), now));
  },
});

/** Check mode on a host whose openssl is gone: the key cannot be compared; a certificate that is there is taken to fit. */
function withoutKey(args: Arguments, host: HostView, before: string): Plan {
  const [current] = readCertificates(before);
  return current === undefined ? predict(args) : ok(valuesOf(current, host.base.epoch));
}
