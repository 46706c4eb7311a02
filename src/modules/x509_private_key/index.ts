import { createPublicKey } from 'node:crypto';
import { stat } from '../../host/kinds/path.ts';
import { publicKey } from '../../host/kinds/public-key.ts';
import { converge, failed, type Change } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import type { z } from 'zod';
import { sh } from '../../support/shell.ts';
import type { KeyType } from '../../support/x509/authority.ts';
import { attributeChanges, attributeFact } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { PrivateKeySchema } from './schema.ts';

/** Kinds of keys of the CA, and one that is too short for it. */
const OPTIONS: Readonly<Record<KeyType | 'rsa-2048', readonly string[]>> = {
  'ec-p256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'ec-p384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'rsa-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'rsa-3072': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  'rsa-4096': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
  ed25519: ['-algorithm', 'ED25519'],
};

/** The type of a public key in this module's words; `unknown …` for others. */
export function keyType(pem: string): string {
  const key = createPublicKey(pem);
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'rsa') return `rsa-${String(details?.modulusLength)}`;
  if (details?.namedCurve === 'prime256v1') return 'ec-p256';
  if (details?.namedCurve === 'secp384r1') return 'ec-p384';
  return `unknown (${String(key.asymmetricKeyType)} ${details?.namedCurve ?? ''})`;
}

function makeKey(args: z.output<typeof PrivateKeySchema>, host: HostView, what: string): Change {
  const key = publicKey(args.path);
  return {
    resource: `private key ${args.path}`,
    what,
    // The key is made in a file that only its owner can read, on the same file system, and put in place at once.
    script: sh`command -v openssl >/dev/null 2>&1 || { echo 'there is no openssl on the host: install the package openssl first' >&2; exit 1; }
care_path=${args.path}
care_new=$(umask 077; mktemp "\${care_path%/*}/.care-XXXXXX") || { echo "cannot write in \${care_path%/*}: does the directory exist?" >&2; exit 1; }
trap 'rm -f -- "$care_new"' EXIT
openssl genpkey ${OPTIONS[args.type]} -out "$care_new" 2>/dev/null || openssl genpkey ${OPTIONS[args.type]} -out "$care_new"
care_put "$care_new" "$care_path" ${args.mode} ${args.owner ?? ''} ${args.group ?? ''}
rm -f -- "$care_new"
trap - EXIT`,
    effects: [forgetTree(args.path), stat(args.path).is(attributeFact(args)), host.checkMode ? key.is({ state: 'to-be-made' }) : key.forget()],
  };
}

export const x509PrivateKey = defineModule({
  name: 'x509_private_key',
  summary: 'Make a private key on the host, once',
  description: `The key is made by the host's openssl and never leaves the host, neither into a variable nor a log. A key that is there is
kept when its type is right. A key that cannot be read (damaged, or with a passphrase) is never overwritten.`,
  args: PrivateKeySchema,
  examples: [{ title: 'A key that only its service may read', yaml: 'x509_private_key:\n  path: /etc/etcd/pki/server.key\n  owner: etcd\n  group: etcd\n' }],
  queries: (args) => [publicKey(args.path), stat(args.path)],
  plan(args, host) {
    const resource = `private key ${args.path}`;
    const now = host.fact(publicKey(args.path));
    const file = host.fact(stat(args.path));
    if (now.state === 'unreadable') return failed(`${args.path} is there and cannot be read as a private key: ${now.why}`, 'move it away to have a new one made; certificates for it are then made anew');
    if (now.state === 'no-openssl' && !host.checkMode) return failed('there is no openssl on the host', 'install the package openssl first');
    if (now.state === 'absent') return converge([makeKey(args, host, `make ${args.type} key`)]);
    if (now.state === 'present') {
      const type = keyType(now.pem);
      if (type !== args.type && args.regenerate === 'fail') return failed(`${args.path} is a key of type ${type}, not ${args.type}`, 'move it away, or change type or regenerate');
      if (type !== args.type && args.regenerate === 'full_idempotence') return converge([makeKey(args, host, `${type} → ${args.type}: make a new key`)]);
    }
    return converge(attributeChanges(resource, args.path, file, args));
  },
});
