/**
 * Where this machine gets Debian packages from, so that lab images are built from, and lab hosts use, the
 * same mirror, proxy and certificates. Nothing here names a mirror: what the machine has is taken over.
 */

/** A Debian mirror as it stands in this machine's apt sources. */
export interface Mirror {
  /** `http://…/debian`; undefined when this machine has none, which leaves mmdebstrap its own default. */
  readonly main: string | undefined;
  /** The security archive, when the machine has one. */
  readonly security: string | undefined;
}

interface Entry {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
}

/** Debian's suites and code names since 8; Ubuntu's are not among them. */
const DEBIAN_SUITE = /^(?:jessie|stretch|buster|bullseye|bookworm|trixie|forky|duke|sid|unstable|testing|stable|oldstable|oldoldstable)(?:$|[-/])/;

/** deb822 stanzas of a `.sources` file (sources.list(5)). Disabled ones are left out. */
function deb822(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    let last: string | undefined;
    for (const line of stanza.split('\n')) {
      if (line.startsWith('#')) continue;
      const field = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (field !== null) {
        last = (field[1] ?? '').toLowerCase();
        fields.set(last, field[2] ?? '');
      } else if (/^\s/.test(line) && last !== undefined) {
        fields.set(last, `${fields.get(last) ?? ''} ${line.trim()}`);
      }
    }
    if (/^(no|false|0|off|disable)/i.test(fields.get('enabled') ?? '')) continue;
    if (!words(fields.get('types')).includes('deb')) continue;
    entries.push({ uris: words(fields.get('uris')), suites: words(fields.get('suites')) });
  }
  return entries;
}

/** `deb [options] URI suite components` lines of a `.list` file. */
function oneLine(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (match !== null) entries.push({ uris: [match[1] ?? ''], suites: [match[2] ?? ''] });
  }
  return entries;
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

/**
 * Finds the Debian mirror in a machine's apt sources.
 *
 * @param files the files of /etc/apt/sources.list and sources.list.d, with their names
 */
export function findMirror(files: readonly { readonly name: string; readonly text: string }[]): Mirror {
  let main: string | undefined;
  let security: string | undefined;
  for (const file of files) {
    for (const entry of file.name.endsWith('.sources') ? deb822(file.text) : oneLine(file.text)) {
      const uri = entry.uris.find((each) => /^https?:\/\//.test(each))?.replace(/\/+$/, '');
      if (uri === undefined || !entry.suites.some((suite) => DEBIAN_SUITE.test(suite))) continue;
      if (entry.suites.some((suite) => /[-/](?:security|updates\/security)$/.test(suite) || /\/updates$/.test(suite))) security ??= uri;
      else main ??= uri;
    }
  }
  return { main, security };
}

/**
 * The `.sources` file of a Debian release from a mirror.
 *
 * @returns deb822 text, or undefined when the mirror is not known
 */
export function sourcesFor(release: string, mirror: Mirror): string | undefined {
  if (mirror.main === undefined) return undefined;
  const stanza = (uri: string, suites: string): string =>
    `Types: deb\nURIs: ${uri}\nSuites: ${suites}\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`;
  const stanzas = [stanza(mirror.main, `${release} ${release}-updates`)];
  if (mirror.security !== undefined) stanzas.push(stanza(mirror.security, `${release}-security`));
  return stanzas.join('\n');
}

/** apt settings that a lab host needs to reach what this machine reaches: proxies, validity dates, retries. */
const TAKEN_OVER = /^Acquire::(?:(?:https?|ftp)::(?:Proxy|Pipeline-Depth|Timeout)\b.*|Check-Valid-Until|Check-Date|Retries|Max-ValidTime|ForceIPv4|ForceIPv6)$/i;

/** A proxy on this machine's own loopback address is out of a lab host's reach. */
const ON_LOOPBACK = /^https?:\/\/(?:localhost|127\.|\[::1\])/;

/**
 * Picks from `apt-config dump`, and from the usual proxy variables, what lab hosts take over.
 *
 * @returns lines of apt.conf, sorted; proxies on loopback are left out
 */
export function aptSettings(dump: string, environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const lines = new Map<string, string>();
  for (const scheme of ['http', 'https']) {
    const proxy = environment[`${scheme}_proxy`] ?? environment[`${scheme.toUpperCase()}_PROXY`] ?? '';
    if (proxy !== '' && !ON_LOOPBACK.test(proxy)) lines.set(`Acquire::${scheme}::Proxy`, proxy);
  }
  for (const line of dump.split('\n')) {
    const match = /^(\S+) "(.*)";$/.exec(line);
    const [name, value] = [match?.[1] ?? '', match?.[2] ?? ''];
    if (TAKEN_OVER.test(name) && value !== '' && !ON_LOOPBACK.test(value)) lines.set(name, value);
  }
  return [...lines].map(([name, value]) => `${name} "${value}";`).sort();
}
