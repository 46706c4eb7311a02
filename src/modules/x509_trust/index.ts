import { caTrust, TRUST_DIRECTORY, type TrustedFile } from '../../host/kinds/ca-trust.ts';
import { converge, failed } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import { attach, joinScripts, sh } from '../../support/shell.ts';
import { sameValue } from '../../support/value.ts';
import { NO_AUTHORITY_REMEDY, trustedCertificates } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { TrustSchema } from './schema.ts';

export const x509Trust = defineModule({
  name: 'x509_trust',
  summary: 'Make a host trust a CA',
  description: `Puts the CA's certificates (all of them while the CA is being changed) into Debian's trust store and takes those out that
stand there under the same name and are no longer wanted. Needs the package ca-certificates. Programs that are running
read the store when they start: \`notify\` those that matter.`,
  args: TrustSchema,
  secretArgs: ['authority'],
  examples: [{ title: 'The site\'s CA', yaml: 'x509_trust:\n  name: care-site\n  authority: "{{ pki_authority }}"\n' }],
  queries: (args) => [caTrust({ name: args.name })],
  plan(args, host) {
    const query = caTrust({ name: args.name });
    const now = host.fact(query);
    const resource = `trusted CA ${args.name}`;
    const certificates = args.state === 'absent' ? [] : trustedCertificates(args.authority, args.certificates, host);
    if (certificates === undefined) {
      if (!host.checkMode) return failed('the CA does not exist', NO_AUTHORITY_REMEDY);
      return converge([{ resource, what: 'trust it: the CA is made before', script: sh`:`, effects: [query.forget(), forgetTree(TRUST_DIRECTORY), forgetTree('/etc/ssl/certs')] }]);
    }
    if (args.state === 'present' && certificates.length === 0) return failed('there is nothing to trust', 'give authority or certificates');
    const wanted = certificates
      .map((c): TrustedFile => ({ file: `${args.name}-${c.fingerprint.slice(0, 16)}.crt`, pem: `${c.pem.trimEnd()}\n`, installed: true }))
      .sort((a, b) => (a.file < b.file ? -1 : 1));
    if (sameValue(now, wanted)) return converge([]);
    const add = wanted.filter((w) => !now.some((n) => n.file === w.file && n.pem === w.pem));
    const drop = now.filter((n) => !wanted.some((w) => w.file === n.file));
    const what = [...add.map((f) => `add ${f.file}`), ...drop.map((f) => `remove ${f.file}`)].join(', ');
    return converge([
      {
        resource,
        what: what === '' ? 'install' : what,
        script: joinScripts([
          sh`PATH="$PATH:/usr/sbin:/sbin"; export PATH
command -v update-ca-certificates >/dev/null 2>&1 || { echo 'there is no update-ca-certificates on the host: install the package ca-certificates first' >&2; exit 1; }
mkdir -p -- ${TRUST_DIRECTORY}`,
          ...add.map((f) => sh`care_put ${attach(f.pem)} ${`${TRUST_DIRECTORY}/${f.file}`} 0644 root root`),
          ...drop.map((f) => sh`rm -f -- ${`${TRUST_DIRECTORY}/${f.file}`}`),
          sh`update-ca-certificates >/dev/null`,
        ]),
        effects: [forgetTree(TRUST_DIRECTORY), forgetTree('/etc/ssl/certs'), query.is(wanted)],
      },
    ]);
  },
});
