import { content } from '../../host/kinds/content.ts';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { isList, isMap, type ValueMap } from '../../support/value.ts';
import { trustedBy } from '../../support/x509/authority.ts';
import { daysLeft } from '../../support/x509/decide.ts';
import { readCertificates, type Certificate } from '../../support/x509/inspect.ts';
import { authorityOf, certificateSeen } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { InfoSchema } from './schema.ts';

function entry(path: string, certificate: Certificate | undefined, state: string, now: number): ValueMap {
  if (certificate === undefined) return { path, state };
  const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();
  return {
    path,
    state: certificate.notAfter <= now ? 'expired' : state,
    subject: certificate.subject,
    issuer: certificate.issuer,
    names: [...certificate.sans],
    not_before: iso(certificate.notBefore),
    not_after: iso(certificate.notAfter),
    days_left: Number(daysLeft(certificate, now)),
    serial: certificate.serial,
    fingerprint: certificate.fingerprint,
    is_ca: certificate.isCa,
  };
}

function look(path: string, host: HostView, now: number): ValueMap {
  const bytes = host.fact(content(path));
  if (bytes === null) return entry(path, undefined, 'absent', now);
  const [certificate] = Buffer.isBuffer(bytes) ? readCertificates(bytes.toString('utf8')) : [];
  return entry(path, certificate, certificate === undefined ? 'unreadable' : 'valid', now);
}

export const x509Info = defineModule({
  name: 'x509_info',
  summary: 'Tell what certificates a host has and when they end',
  description: 'Reads only. For a certificate calendar, and with `fail_below_days` for `verify`.',
  args: InfoSchema,
  secretArgs: ['authority'],
  examples: [
    { title: 'Fail when less than a week is left', yaml: 'x509_info:\n  path: [/etc/etcd/pki/server.crt, /etc/etcd/pki/peer.crt]\n  fail_below_days: 7\n' },
    { title: 'For a calendar', yaml: 'x509_info:\n  path: "{{ pki_certificates }}"\n  authority: "{{ pki_authority }}"\nregister: pki_calendar\n' },
  ],
  returns: {
    certificates: 'list, the soonest to end first: path, state (valid, expired, absent, unreadable), subject, issuer, names, not_before, not_after, days_left, serial, fingerprint, is_ca',
    days_left: 'the least of all; absent when there is no certificate',
  },
  queries: (args) => args.path.map((path) => content(path)),
  observes(_args, { certificates }) {
    return isList(certificates) ? certificates.flatMap((c) => (isMap(c) ? certificateSeen(c['path'], c['not_after'], c['state']) : [])) : [];
  },
  plan(args, host): Plan {
    const now = host.base.epoch;
    const doubt = args.path.map((path) => host.touched(content(path))).find((d) => d !== undefined);
    if (doubt !== undefined) return { type: 'unknown', because: `what the certificates say is unknown ${doubt}` };
    const authority = args.authority === undefined ? undefined : authorityOf(args.authority, host);
    const own = args.path.map((path) => look(path, host, now));
    const cas = authority === undefined ? [] : trustedBy(authority, now).map((c) => entry('(the CA)', c, 'valid', now));
    const left = (c: ValueMap): number => (typeof c['days_left'] === 'number' ? c['days_left'] : -Infinity);
    const certificates = [...own, ...cas].sort((a, b) => left(a) - left(b));
    const days = certificates.map(left).filter(Number.isFinite);
    const values: ValueMap = days.length === 0 ? { certificates } : { certificates, days_left: Math.min(...days) };
    const limit = args.fail_below_days;
    const late = limit === undefined ? [] : certificates.filter((c) => left(c) < limit);
    if (late.length === 0) return ok(values);
    const list = late.map((c) => {
      const text = (name: string): string => (typeof c[name] === 'string' ? c[name] : '');
      return `${text('path')} ${Number.isFinite(left(c)) ? `ends in ${String(left(c))} days` : `is ${text('state')}`}`;
    });
    return { type: 'failed', msg: list.join('; '), remedy: 'apply the role that keeps it; if it stays, see why it was not renewed', values };
  },
});
