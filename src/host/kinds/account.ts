/**
 * Facts about users and groups. `getent` says who is known, by any name service; the local files say who
 * can be changed here, and hold what getent does not tell (password hash, expiry).
 */
import { quote } from '../../support/shell.ts';
import { Secret } from '../../support/secret.ts';
import { defineQuery } from '../define-query.ts';
import { claimHolds, colonFilePattern, outputLines, section } from './claims.ts';

const NEWLINE = '\n';

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

/**
 * What the local files hold (in `$care_local`, lines after `prefix`), and what getent knows of the names that they do not: on
 * most hosts there is no such name, and so no process.
 */
function namesProbe(database: 'passwd' | 'group', names: readonly string[], local: string, prefix: string): readonly string[] {
  return [
    `care_local=$(${local})`,
    'set --',
    `for care_name in ${names.map(quote).join(' ')}; do case "${NEWLINE}$care_local" in *"${NEWLINE}${prefix}$care_name:"*) ;; *) set -- "$@" "$care_name" ;; esac; done`,
    `[ $# = 0 ] || LC_ALL=C getent ${database} "$@" 2>/dev/null`,
    'care_mark',
    `printf '%s\\n' "$care_local"`,
  ];
}

/** In one process: the rows of these users in passwd and shadow, and all groups, each line after the letter of its file. */
function accountFiles(names: readonly string[]): string {
  const program = 'BEGIN{for(i=1;ARGV[i]!="/";i++){want[ARGV[i]];ARGV[i]=""}ARGV[i]=""}f=="g"||$1 in want{print f ":" $0}';
  return `[ ! -r /etc/shadow ] || set -- f=s /etc/shadow; awk -F: ${quote(program)} ${names.map(quote).join(' ')} / f=p /etc/passwd f=g /etc/group "$@"`;
}

/** The lines of one file of {@link accountFiles}. */
function fileRows(lines: readonly string[], file: 'p' | 'g' | 's'): readonly (readonly string[])[] {
  return lines.filter((line) => line.startsWith(`${file}:`)).map((line) => line.slice(2).split(':'));
}

function byName(rows: readonly (readonly string[])[]): ReadonlyMap<string, readonly string[]> {
  return new Map(rows.map((fields) => [fields[0] ?? '', fields]));
}

function rowsOf(output: Buffer): readonly (readonly string[])[] {
  return outputLines(output).map((line) => line.split(':'));
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
  lasting: true,
  id: (name) => name,
  describe: (name) => `user ${name}`,
  probe: (names) => ['set --', ...namesProbe('passwd', names, accountFiles(names), 'p:')].join('\n'),
  parse: (names, output) => {
    const known = byName(rowsOf(output.head));
    const lines = outputLines(section(output.sections, 0));
    const local = byName(fileRows(lines, 'p'));
    const groupRows = fileRows(lines, 'g');
    const shadow = byName(fileRows(lines, 's'));
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
  lasting: true,
  id: (name) => name,
  describe: (name) => `group ${name}`,
  probe: (names) => namesProbe('group', names, `grep -E ${quote(colonFilePattern(names))} /etc/group`, '').join('\n'),
  parse: (names, output) => {
    const known = byName(rowsOf(output.head));
    const local = byName(rowsOf(section(output.sections, 0)));
    return names.map((name) => {
      const localRow = local.get(name);
      const row = localRow ?? known.get(name);
      return row === undefined ? null : { gid: number(row[2], `the gid of ${name}`), local: localRow !== undefined };
    });
  },
  same: claimHolds,
  show: (fact) => (fact === null ? 'no such group' : JSON.stringify(fact)),
});
