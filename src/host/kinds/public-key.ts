/** The public half of private keys on a host, read there with openssl: the private half never travels. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';

export type PublicKeyFact =
  | { readonly state: 'absent' }
  /** The file is there, the program to read it is not. */
  | { readonly state: 'no-openssl' }
  | { readonly state: 'unreadable'; readonly why: string }
  /** SubjectPublicKeyInfo as PEM. */
  | { readonly state: 'present'; readonly pem: string }
  /** Check mode: an earlier task would make it. */
  | { readonly state: 'to-be-made' };

/** Key: absolute path of a PEM private key without a passphrase. */
export const publicKey = defineQuery<string, PublicKeyFact>({
  name: 'public-key',
  id: (path) => path,
  describe: (path) => `public key of ${path}`,
  probe: (paths) =>
    `for p in ${paths.map(quote).join(' ')}; do
if [ ! -e "$p" ] && [ ! -L "$p" ]; then echo absent
elif ! command -v openssl >/dev/null 2>&1; then echo no-openssl
elif k=$(openssl pkey -in "$p" -pubout -passin pass: 2>&1 </dev/null); then printf 'present\\n%s\\n' "$k"
else printf 'unreadable\\n%s\\n' "$k"; fi
care_mark
done`,
  parse: (paths, output) =>
    paths.map((path, i): PublicKeyFact => {
      const text = (i === 0 ? output.head : (output.sections[i - 1] ?? Buffer.alloc(0))).toString('utf8');
      const end = text.indexOf('\n');
      const state = text.slice(0, end);
      const rest = text.slice(end + 1);
      if (state === 'absent' || state === 'no-openssl') return { state };
      if (state === 'present') return { state, pem: rest };
      if (state === 'unreadable') return { state, why: rest.trim().split('\n')[0] ?? '' };
      throw new Error(`unexpected answer about ${path}`);
    }),
  show: (fact) => fact.state,
  paths: (path) => [path],
  absent: () => ({ state: 'absent' }),
});
