/** Facts that apt's package lists hold, and how old those lists are. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { outputLines, section } from './claims.ts';

export interface AptCandidateKey {
  readonly name: string;
  /** `default_release`: the candidate is the one of this release. */
  readonly release?: string | undefined;
}

/** What apt would install. `version` is undefined for a name that no list has, or that is purely virtual. */
export interface AptCandidate {
  readonly version: string | undefined;
}

/** Reads `apt-cache policy`: a block a package, `NAME:` at the line's start, then indented fields. */
export function parsePolicy(text: string): ReadonlyMap<string, string> {
  const candidates = new Map<string, string>();
  let name: string | undefined;
  for (const line of text.split('\n')) {
    const header = /^(\S+):$/.exec(line);
    if (header?.[1] !== undefined) name = header[1];
    const candidate = /^ {2}Candidate: (.+)$/.exec(line);
    if (name !== undefined && candidate?.[1] !== undefined && candidate[1] !== '(none)') candidates.set(name, candidate[1]);
  }
  return candidates;
}

/** The version that `apt-get install NAME` would choose, from the lists that the host has. */
export const aptCandidate = defineQuery<AptCandidateKey, AptCandidate>({
  name: 'apt-candidate',
  id: ({ name, release }) => `${release ?? ''}/${name}`,
  describe: ({ name }) => `candidate of package ${name}`,
  probe: (keys) =>
    releasesOf(keys)
      .map((release) => {
        const names = keys.filter((key) => (key.release ?? '') === release).map((key) => quote(key.name));
        const option = release === '' ? '' : ` -o APT::Default-Release=${quote(release)}`;
        return `LC_ALL=C apt-cache${option} policy ${names.join(' ')} 2>/dev/null\ncare_mark`;
      })
      .join('\n'),
  parse: (keys, output) => {
    const answers = [output.head, ...output.sections];
    const releases = releasesOf(keys).map((release, i) => [release, parsePolicy(section(answers, i).toString('utf8'))] as const);
    const byRelease = new Map(releases);
    return keys.map((key) => ({ version: byRelease.get(key.release ?? '')?.get(key.name) }));
  },
  show: (fact) => fact.version ?? 'none',
});

function releasesOf(keys: readonly AptCandidateKey[]): readonly string[] {
  return [...new Set(keys.map((key) => key.release ?? ''))];
}

export interface AptLists {
  /** When the lists were last fetched, seconds since the epoch; 0: there are none. */
  readonly updated: number;
  /** A source was changed since. */
  readonly outdated: boolean;
}

/**
 * The file whose time says when the lists were last fetched in full. apt-get update leaves the lists' own
 * times as the mirror has them; this stamp is the one that unattended-upgrades and Ansible look at too.
 */
export const APT_STAMP = '/var/lib/apt/periodic/update-success-stamp';

/** How fresh the host's package lists are. */
const aptListsOf = defineQuery<'', AptLists>({
  name: 'apt-lists',
  id: (key) => key,
  describe: () => 'apt package lists',
  probe: () =>
    [
      'for f in /var/lib/apt/lists/*Release; do [ -e "$f" ] && { echo lists; break; }; done',
      `[ -e ${APT_STAMP} ] && stat -c %Y ${APT_STAMP}`,
      'care_mark',
      `[ -e ${APT_STAMP} ] && find /etc/apt/sources.list /etc/apt/sources.list.d -newer ${APT_STAMP} ! -type d 2>/dev/null`,
      'true',
    ].join('\n'),
  parse: (keys, output) => {
    const [lists, stamp] = outputLines(output.head);
    const updated = lists === 'lists' && stamp !== undefined ? Number(stamp) : 0;
    if (!Number.isFinite(updated)) throw new Error(`stat printed ${JSON.stringify(stamp)}`);
    const outdated = outputLines(output.sections[0]).length > 0;
    return keys.map(() => ({ updated, outdated }));
  },
  // A refresh is known to have happened at or after the time claimed.
  same: (claim, seen) => seen.updated >= claim.updated && claim.outdated === seen.outdated,
});

export const aptLists = aptListsOf('');
