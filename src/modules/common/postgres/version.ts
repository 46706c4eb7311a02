import type { Observation } from '../../../support/observation.ts';
import { isMap, type Value, type ValueMap } from '../../../support/value.ts';

/** A version as Ansible's modules give it, from server_version_num (170006: 17.6; 10 and later). */
export function versionValue(number: number): ValueMap {
  const major = Math.floor(number / 10_000);
  const minor = number % 10_000;
  return { full: `${String(major)}.${String(minor)}`, raw: String(number), major, minor };
}

/** The server's version for reports, from {@link versionValue}. */
export function versionSeen(version: Value | undefined): readonly Observation[] {
  const full = isMap(version) ? version['full'] : undefined;
  return typeof full === 'string' ? [{ subject: 'version', name: 'postgresql', version: full }] : [];
}
