import { createPublicKey } from 'node:crypto';
import type { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { stat } from '../../host/kinds/path.ts';
import { publicKey } from '../../host/kinds/public-key.ts';
import { converge, failed, type Change } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import { attach, sh } from '../../support/shell.ts';
import { publicKeySha256, readRequest, type CertificateRequest } from '../../support/x509/inspect.ts';
import { NAME_ATTRIBUTES, subjectText } from '../../support/x509/names.ts';
import { attributeChanges, attributeFact, subjectOf } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { CsrSchema } from './schema.ts';

type Arguments = z.output<typeof CsrSchema>;

/** A value for openssl's configuration file: `$` and `\` are escaped, the rest is quoted (config(5ssl)). */
function configValue(value: string): string {
  return `"${value.replaceAll(/[\\"$]/g, (c) => `\\${c}`)}"`;
}

/** The configuration for `openssl req -new`. */
export function requestConfig(args: Arguments): string {
  const subject = subjectOf(args);
  const names = NAME_ATTRIBUTES.flatMap((a) => {
    const value = subject[a.argument];
    return value === undefined ? [] : [`${a.short} = ${configValue(value)}`];
  });
  const sans = args.subject_alt_name.map((san, i) => `${san.slice(0, san.indexOf(':'))}.${String(i)} = ${configValue(san.slice(san.indexOf(':') + 1))}`);
  return [
    '[req]',
    'prompt = no',
    'utf8 = yes',
    'string_mask = utf8only',
    'distinguished_name = dn',
    ...(sans.length > 0 ? ['req_extensions = ext'] : []),
    '[dn]',
    ...names,
    ...(sans.length > 0 ? ['[ext]', 'subjectAltName = @san', '[san]', ...sans] : []),
    '',
  ].join('\n');
}

function makeRequest(args: Arguments, what: string, before: string): Change {
  return {
    resource: `certificate request ${args.path}`,
    what,
    diff: { before, after: before === '' ? 'a certificate request\n' : 'another certificate request\n', name: args.path },
    script: sh`care_path=${args.path}
care_new=$(mktemp "\${care_path%/*}/.care-XXXXXX") || { echo "cannot write in \${care_path%/*}: does the directory exist?" >&2; exit 1; }
trap 'rm -f -- "$care_new"' EXIT
openssl req -new -batch -config ${attach(requestConfig(args))} -key ${args.privatekey_path} -passin pass: -out "$care_new"
care_put "$care_new" "$care_path" ${args.mode} ${args.owner ?? ''} ${args.group ?? ''}
rm -f -- "$care_new"
trap - EXIT`,
    effects: [forgetTree(args.path), stat(args.path).is(attributeFact(args))],
  };
}

function reason(current: CertificateRequest | undefined, args: Arguments, key: string): string | undefined {
  if (current === undefined) return 'make it';
  if (current.publicKeySha256 !== key) return 'the key is another one';
  const subject = subjectText(subjectOf(args));
  if (current.subject !== subject) return `subject ${current.subject} → ${subject}`;
  if ([...current.sans].sort().join(' ') !== [...args.subject_alt_name].sort().join(' ')) return `names ${current.sans.join(' ')} → ${args.subject_alt_name.join(' ')}`;
  return undefined;
}

export const x509Csr = defineModule({
  name: 'x509_csr',
  summary: 'Keep a certificate signing request for a CA elsewhere',
  description: `For certificates that an organisation's own or a public CA signs: makes the request with the host's openssl; fetch it, have it
signed, and install the answer with \`copy\`. The site's own CA needs no request (\`x509_certificate\`).`,
  args: CsrSchema,
  examples: [
    { title: 'For the hospital\'s CA', yaml: 'x509_csr:\n  path: /etc/ssl/care/web.csr\n  privatekey_path: /etc/ssl/care/web.key\n  common_name: care.example.org\n  subject_alt_name: DNS:care.example.org\n' },
  ],
  queries: (args) => [publicKey(args.privatekey_path), content(args.path), stat(args.path)],
  plan(args, host) {
    const key = host.fact(publicKey(args.privatekey_path));
    const bytes = host.fact(content(args.path));
    if (bytes !== null && !Buffer.isBuffer(bytes)) return failed(`${args.path} cannot be read: ${'error' in bytes ? bytes.error : 'it is too large for a certificate request'}`);
    const before = bytes?.toString('utf8') ?? '';
    if (key.state === 'to-be-made') return converge([makeRequest(args, 'make it, after the key', before)]);
    if (key.state === 'absent') return failed(`there is no private key ${args.privatekey_path}`, 'make it with x509_private_key before');
    if (key.state === 'unreadable') return failed(`${args.privatekey_path} cannot be read as a private key: ${key.why}`);
    if (key.state === 'no-openssl' && !host.checkMode) return failed('there is no openssl on the host', 'install the package openssl first');
    const current = readRequest(before);
    const why = key.state === 'no-openssl' ? (current === undefined ? 'make it' : undefined) : reason(current, args, publicKeySha256(createPublicKey(key.pem)));
    if (why !== undefined) return converge([makeRequest(args, why, before)]);
    return converge(attributeChanges(`certificate request ${args.path}`, args.path, host.fact(stat(args.path)), args));
  },
});
