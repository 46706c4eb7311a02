/** Members of a quorum, and the sites that they are in. Pure. */

export interface Voter {
  readonly name: string;
  /** The place that fails as a whole; empty: nobody said. */
  readonly site: string;
}

export const namesOf = (voters: readonly Voter[]): string => voters.map((voter) => voter.name).join(', ');

/** Sites without which the others are no majority. @param what such as `control planes` */
export function siteTroubles(what: string, voters: readonly Voter[]): readonly string[] {
  return [...new Set(voters.map((voter) => voter.site))].flatMap((site) => {
    const there = voters.filter((voter) => voter.site === site);
    if (voters.length - there.length > voters.length / 2) return [];
    return [`site ${site === '' ? '(none)' : site} has ${String(there.length)} of ${String(voters.length)} ${what} (${namesOf(there)}): with it gone the others are no majority, and geo_ha is required. Take three sites, or two and a witness`];
  });
}
