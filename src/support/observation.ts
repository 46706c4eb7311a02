/** What a run sees by the way that has an age or an end: for the calendars of reports. Text and times only. */

export interface Observation {
  /** `certificate`: `time` is when it ends. `backup`: `time` is when it was finished. `version`: no time, but a `version`. */
  readonly subject: 'certificate' | 'backup' | 'version';
  /** The path of a certificate; what was backed up and where (`care repo1 full`); a product (`postgresql`), in lower case. */
  readonly name: string;
  /** UTC, RFC 3339. */
  readonly time?: string;
  readonly version?: string;
  /** Only what is not as it should be: `expired`, `absent`, `unreadable`. */
  readonly state?: string;
}

/** Products whose versions are worth an observation, because their end of life is public, as packages and artefacts call them. */
const PRODUCTS = ['postgresql', 'etcd', 'haproxy', 'kubernetes', 'containerd', 'nodejs'] as const;

/**
 * The product and version that a name carries by itself: Debian's versioned packages (`postgresql-18`) and artefacts (`etcd 3.6.16`,
 * `kubernetes v1.36.2`). Undefined for everything else.
 */
export function versionInName(name: string): Observation | undefined {
  const [, product = '', version] = /^([a-z]+)[- ]v?(\d+(?:\.\d+)*)$/.exec(name.toLowerCase()) ?? [];
  if (version === undefined || !PRODUCTS.some((known) => known === product)) return undefined;
  return { subject: 'version', name: product, version };
}
