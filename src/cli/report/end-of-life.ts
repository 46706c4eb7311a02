/**
 * When versions of what the roles install stop getting security fixes. Upstream's or the distribution's own dates; a version that
 * is not here is unknown, which is said. Look them up again with every release, and set CHECKED.
 */

/** The day on which the dates below were last looked up. */
export const CHECKED = '2026-11-26';

interface Product {
  readonly title: string;
  /** Where the dates stand. */
  readonly source: string;
  /** How many parts of a version name its line: 1 for `17` of 17.6, 2 for `3.6` of 3.6.16. */
  readonly parts: number;
  /** Line → the day of the last security fix, YYYY-MM-DD. */
  readonly ends: Readonly<Record<string, string>>;
  /** Line → the day on which a longer, narrower support ends, as Debian's LTS. */
  readonly extended?: Readonly<Record<string, string>>;
}

export const PRODUCTS: Readonly<Record<string, Product>> = {
  debian: {
    title: 'Debian',
    source: 'https://wiki.debian.org/DebianReleases',
    parts: 1,
    ends: { 10: '2022-09-10', 11: '2024-08-14', 12: '2026-06-10', 13: '2028-08-09' },
    extended: { 10: '2024-06-30', 11: '2026-08-31', 12: '2028-06-30', 13: '2030-06-30' },
  },
  ubuntu: {
    title: 'Ubuntu',
    source: 'https://wiki.ubuntu.com/Releases',
    parts: 2,
    ends: { '20.04': '2025-05-31', '22.04': '2027-04-01', '24.04': '2029-05-31', '25.04': '2026-01-17', '25.10': '2026-07-01', '26.04': '2031-04-30' },
  },
  postgresql: {
    title: 'PostgreSQL',
    source: 'https://www.postgresql.org/support/versioning/',
    parts: 1,
    ends: { 12: '2024-11-14', 13: '2025-11-13', 14: '2026-11-12', 15: '2027-11-11', 16: '2028-11-09', 17: '2029-11-08', 18: '2030-11-14' },
  },
  kubernetes: {
    title: 'Kubernetes',
    source: 'https://kubernetes.io/releases/patch-releases/',
    parts: 2,
    ends: { '1.33': '2026-06-28', '1.34': '2026-10-27', '1.35': '2027-02-28', '1.36': '2027-06-28', '1.37': '2027-10-28' },
  },
  containerd: { title: 'containerd', source: 'https://containerd.io/releases/', parts: 2, ends: { '1.7': '2026-09-30', '2.2': '2026-11-06', '2.3': '2028-04-30' } },
  etcd: {
    title: 'etcd',
    source: 'https://etcd.io/docs/latest/op-guide/versioning/ (the two newest minor versions are kept)',
    parts: 2,
    ends: { '3.3': '2021-10-15', '3.4': '2025-05-15', '3.5': '2027-07-31' },
  },
  haproxy: {
    title: 'HAProxy',
    source: 'https://www.haproxy.org/ (quarters; their first day is taken)',
    parts: 2,
    ends: { '2.6': '2027-04-01', '2.8': '2028-04-01', '3.0': '2029-04-01', '3.1': '2026-01-01', '3.2': '2030-04-01', '3.3': '2027-01-01' },
  },
  nodejs: { title: 'Node.js', source: 'https://github.com/nodejs/release', parts: 1, ends: { 20: '2026-04-30', 22: '2027-04-30', 24: '2028-04-30' } },
};

export interface EndOfLife {
  /** `PostgreSQL 17` */
  readonly title: string;
  /** YYYY-MM-DD; undefined: not known. */
  readonly ends: string | undefined;
  readonly extended: string | undefined;
}

/** @param product as observations name it @param version full or only its line */
export function endOfLife(product: string, version: string): EndOfLife {
  const known = Object.hasOwn(PRODUCTS, product) ? PRODUCTS[product] : undefined;
  if (known === undefined) return { title: `${product} ${version}`, ends: undefined, extended: undefined };
  const line = version.split('.').slice(0, known.parts).join('.');
  const of = (dates: Readonly<Record<string, string>> | undefined): string | undefined => (dates !== undefined && Object.hasOwn(dates, line) ? dates[line] : undefined);
  return { title: `${known.title} ${line}`, ends: of(known.ends), extended: of(known.extended) };
}
