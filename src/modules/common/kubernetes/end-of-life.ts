/** How long a minor version of Kubernetes gets fixes (kubernetes.io, "Patch Releases"). Pure. */
const DAY = 86_400;
const SOON_DAYS = 60;
/** The last day, by minor version. */
const ENDS: Readonly<Record<number, string>> = { 33: '2026-06-28', 34: '2026-10-27', 35: '2027-02-28', 36: '2027-06-28', 37: '2027-10-28' };
const OLDEST = 33;

/** 36 of v1.36.3 or 1.36.3; NaN where it is none. */
export function minorOf(version: string): number {
  return Number(/^v?1\.(\d+)/.exec(version)?.[1] ?? 'NaN');
}

/**
 * What is to be told of a version that gets no more fixes, or soon none; nothing of versions that are newer than this table.
 *
 * @param epochSeconds what the time is
 */
export function lifeWarnings(version: string, epochSeconds: number): readonly string[] {
  const end = ENDS[minorOf(version)];
  if (end === undefined) return minorOf(version) < OLDEST ? [`Kubernetes ${version} gets no more fixes`] : [];
  const left = Math.floor((Date.parse(end) / 1000 - epochSeconds) / DAY);
  if (left < 0) return [`Kubernetes ${version} gets no more fixes since ${end}`];
  return left < SOON_DAYS ? [`Kubernetes ${version} gets no more fixes from ${end} on, in ${String(left)} days`] : [];
}
