/** CA certificates that were put into Debian's trust store under a name (update-ca-certificates(8)). */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';

export const TRUST_DIRECTORY = '/usr/local/share/ca-certificates';

export interface TrustedFile {
  /** `NAME-0123456789abcdef.crt` */
  readonly file: string;
  readonly pem: string;
  /** Whether it is in /etc/ssl/certs, where programs look. */
  readonly installed: boolean;
}

export interface TrustKey {
  /** Prefix of the files; letters, digits and `-`. */
  readonly name: string;
}

/** Fact: the files with this prefix, by name. */
export const caTrust = defineQuery<TrustKey, readonly TrustedFile[]>({
  name: 'ca-trust',
  id: (key) => key.name,
  describe: (key) => `trust store, ${key.name}`,
  probe: (keys) =>
    keys
      .map(
        ({ name }) => `for p in ${quote(`${TRUST_DIRECTORY}/${name}`)}-*.crt; do
[ -f "$p" ] || continue
f=\${p##*/}
if [ -e "/etc/ssl/certs/\${f%.crt}.pem" ]; then i=yes; else i=no; fi
printf '%s %s\\n' "$i" "$f"
cat -- "$p"
care_mark
done
printf end
care_mark`,
      )
      .join('\n'),
  parse(keys, output) {
    const sections = [output.head, ...output.sections].map((s) => s.toString('utf8'));
    let from = 0;
    return keys.map(({ name }) => {
      const end = sections.indexOf('end', from);
      if (end === -1) throw new Error('the list of trusted certificates is cut off');
      const files = sections.slice(from, end).map((section): TrustedFile => {
        const line = section.indexOf('\n');
        const [installed, file] = section.slice(0, line).split(' ');
        if (file === undefined) throw new Error(`unexpected answer about the trust store (${name})`);
        return { file, pem: section.slice(line + 1), installed: installed === 'yes' };
      });
      from = end + 1;
      // A shell pattern sorts by locale; names must not depend on it.
      return files.filter((f) => /^-[0-9a-f]{16}\.crt$/.test(f.file.slice(name.length))).sort((a, b) => (a.file < b.file ? -1 : 1));
    });
  },
  show: (fact) => fact.map((f) => `${f.file}${f.installed ? '' : ' (not installed)'}`).join(', ') || 'none',
});
