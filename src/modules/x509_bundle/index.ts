import { content } from '../../host/kinds/content.ts';
import { stat } from '../../host/kinds/path.ts';
import { converge, failed } from '../../host/plan.ts';
import { attributeChanges, foreseenChange, NO_AUTHORITY_REMEDY, putChange, trustedCertificates } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { BundleSchema } from './schema.ts';

export const x509Bundle = defineModule({
  name: 'x509_bundle',
  summary: 'Keep a file of CA certificates for a service to trust',
  description: `Writes the CA certificates only, never a key: the one that signs, the next one while the CA is being changed, and earlier
ones until they end. So a service trusts certificates of the old and the new CA while both are about. \`notify\` it.`,
  args: BundleSchema,
  secretArgs: ['authority'],
  examples: [{ title: 'What etcd trusts', yaml: 'x509_bundle:\n  path: /etc/etcd/pki/ca.crt\n  authority: "{{ pki_authority }}"\nnotify: restart etcd\n' }],
  queries: (args) => [content(args.path), stat(args.path)],
  plan(args, host) {
    const resource = `CA bundle ${args.path}`;
    const bytes = host.fact(content(args.path));
    if (bytes !== null && !Buffer.isBuffer(bytes)) return failed(`${args.path} cannot be read: ${'error' in bytes ? bytes.error : 'it is too large'}`);
    const before = bytes?.toString('utf8') ?? '';
    const wanted = trustedCertificates(args.authority, args.certificates, host);
    if (wanted === undefined) return host.checkMode ? converge([foreseenChange(resource, 'write: the CA is made before', args.path, args)]) : failed('the CA does not exist', NO_AUTHORITY_REMEDY);
    const text = wanted.map((c) => `# ${c.subject}, until ${new Date(c.notAfter * 1000).toISOString().slice(0, 10)}\n${c.pem.trimEnd()}\n`).join('');
    if (before === text) return converge(attributeChanges(resource, args.path, host.fact(stat(args.path)), args));
    return converge([putChange(resource, `${String(wanted.length)} certificates`, args.path, text, before, args)]);
  },
});
