/**
 * Facts about users and groups. `getent` says who is known, by any name service; the local files say who
 * can be changed here, and hold what getent does not tell (password hash, expiry).
 */
import { quote } from '../../support/shell.ts';
import { Secret } from '../../support/secret.ts';
import { defineQuery } from '../define-query.ts';
import { claimHolds, colonFilePattern, outputLines, section } from './claims.ts';

/** Undefined fields were not claimed, or (password, expires) could not be read without root. */
export interface UserFact {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Primary group by name (by number where the group has no name). */
  readonly group: string | undefined;
  readonly comment: string | undefined;
  readonly home: string;
  readonly shell: string | undefined;
  /** Supplementary groups of /etc/group, sorted. */
  readonly groups: readonly string[];
  /** The password field of /etc/shadow as it stands. */
  readonly password: Secret | undefined;
  /** Day after which the account is shut, days since 1970-01-01; -1: never. */
  readonly expires: number | undefined;
  /** False for users of a directory service. */
  readonly local: boolean;
}

export interface GroupFact {
  readonly gid: number | undefined;
  readonly local: boolean;
}

function namesProbe(database: 'passwd' | 'group', names: readonly string[]): readonly string[] {
  return [`LC_ALL=C getent ${database} ${names.map(quote).join(' ')} 2>/dev/null`, 'care_mark', `grep -E ${quote(colonFilePattern(names))} /etc/${database}`];
}

function byName(output: Buffer): ReadonlyMap<string, readonly string[]> {
  const rows = outputLines(output).map((line) => line.split(':'));
  return new Map(rows.map((fields) => [fields[0] ?? '', fields]));
}

function number(text: string | undefined, what: string): number {
  const value = Number(text);
  if (text === undefined || text === '' || !Number.isInteger(value)) throw new Error(`${what} is ${JSON.stringify(text)}, not a number`);
  return value;
}

function readUser(row: readonly string[], local: boolean, groupRows: readonly (readonly string[])[], shadow: readonly string[] | undefined): UserFact {
  const [name = '', , uid, gid, comment = '', home = '', shell = ''] = row;
  const primary = groupRows.find((fields) => fields[2] === gid)?.[0] ?? gid ?? '';
  const groups = groupRows.filter((fields) => (fields[3] ?? '').split(',').includes(name)).map((fields) => fields[0] ?? '');
  const expires = shadow?.[7];
  return {
    uid: number(uid, `the uid of ${name}`),
    gid: number(gid, `the gid of ${name}`),
    group: primary,
    comment,
    home,
    shell,
    groups: groups.toSorted(),
    password: shadow === undefined ? undefined : new Secret(shadow[1] ?? ''),
    expires: shadow === undefined ? undefined : expires === undefined || expires === '' ? -1 : number(expires, `the expiry of ${name}`),
    local,
  };
}

/** A user by name; null when there is none. */
export const user = defineQuery<string, UserFact | null>({
  name: 'user',
  id: (name) => name,
  describe: (name) => `user ${name}`,
  probe: (names) => [...namesProbe('passwd', names), 'care_mark', 'cat /etc/group', 'care_mark', `grep -E ${quote(colonFilePattern(names))} /etc/shadow 2>/dev/null`].join('\n'),
  parse: (names, output) => {
    const known = byName(output.head);
    const local = byName(section(output.sections, 0));
    const groupRows = outputLines(section(output.sections, 1)).map((line) => line.split(':'));
    const shadow = byName(section(output.sections, 2));
    return names.map((name) => {
      const localRow = local.get(name);
      const row = localRow ?? known.get(name);
      return row === undefined ? null : readUser(row, localRow !== undefined, groupRows, shadow.get(name));
    });
  },
  same: claimHolds,
  show: (fact) => (fact === null ? 'no such user' : JSON.stringify(fact)),
});

/** A group by name; null when there is none. */
export const group = defineQuery<string, GroupFact | null>({
  name: 'group',
  id: (name) => name,
  describe: (name) => `group ${name}`,
  probe: (names) => namesProbe('group', names).join('\n'),
  parse: (names, output) => {
    const known = byName(output.head);
    const local = byName(section(output.sections, 0));
    return names.map((name) => {
      const localRow = local.get(name);
      const row = localRow ?? known.get(name);
      return row === undefined ? null : { gid: number(row[2], `the gid of ${name}`), local: localRow !== undefined };
    });
  },
  same: claimHolds,
  show: (fact) => (fact === null ? 'no such group' : JSON.stringify(fact)),
});
