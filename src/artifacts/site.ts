/** What tasks may know of upstream files, besides their own arguments. */
import { badInput } from '../support/diagnostic.ts';
import type { Span } from '../support/source.ts';
import type { Catalogue } from './catalogue.ts';

/** One file that some host of the inventory will need. */
export interface SiteNeed {
  readonly title: string;
  readonly sha256: string;
  readonly url: string | undefined;
}

export interface SiteArtifacts {
  readonly catalogue: Catalogue;
  /** What all hosts of the inventory need by the playbooks of this run, whatever `--limit` and `--tags` say; each digest once. */
  readonly needs: () => readonly SiteNeed[];
  /** Where this host may fetch from, in order: `https://NAME:PORT`, without a final slash. */
  readonly mirrors: readonly string[];
}

/** The variable that says where a host fetches from. */
export const MIRRORS_VARIABLE = 'artifact_mirrors';

/**
 * Its value, checked.
 *
 * @throws Diagnostic for what is no list of https addresses without a path
 */
export function parseMirrors(value: unknown, span?: Span): readonly string[] {
  if (value === undefined || value === null) return [];
  const wrong = (what: string): Error => badInput('bad-mirror', `${MIRRORS_VARIABLE} must be a list of addresses such as https://10.1.0.5:8444, and ${what}`, { span, remedy: 'docs/roles/artifact_mirror.md says more' });
  if (!Array.isArray(value)) throw wrong('is no list');
  return value.map((each: unknown) => {
    const url = typeof each === 'string' ? URL.parse(each) : null;
    if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') throw wrong(`${JSON.stringify(each)} is none`);
    return url.origin;
  });
}

/** Where a file is below a mirror's address, below its folder, and in a bundle: as in the cache. */
export function blobPath(sha256: string): string {
  return `sha256/${sha256.slice(0, 2)}/${sha256}`;
}
