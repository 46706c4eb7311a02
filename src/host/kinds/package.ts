/**
 * Facts about Debian packages: one `dpkg-query` for all of them, states and versions apart, because a
 * change that installs a package knows its state afterwards and not always its version.
 */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import type { ProbeOutput } from '../query.ts';
import { outputLines } from './claims.ts';

/** dpkg's states (dpkg-query(1)), as far as they differ for a plan. */
export type PackageState =
  | 'absent'
  /** Removed, its configuration files are still there. */
  | 'config-files'
  | 'installed'
  /** An installation or removal was cut off (half-installed, unpacked, half-configured, triggers pending, reinst-required). */
  | 'interrupted';

export interface PackageFact {
  readonly state: PackageState;
  /** Marked `hold`: apt neither upgrades nor removes it. */
  readonly hold: boolean;
  /** Installed packages that provide this name (virtual packages); left out where all packages asked for are installed. */
  readonly providedBy: readonly string[];
}

/** Package names as Debian policy 5.6.1 has them, with an optional architecture. */
export const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?$/;

function checkName(name: string): string {
  if (!PACKAGE_NAME.test(name)) throw new RangeError(`${name} is not a package name`);
  return name;
}

/**
 * Asks dpkg for the names. Unless all are installed, whole lists are made, cut down on the host to the names and their
 * providers: a full list is 100 KB and more, the answer a line a name. Names need no quoting in awk: checkName allows no
 * such character. dpkg itself is asked for along with them: it is always there, and of the native architecture.
 */
function listProbe(names: readonly string[]): string {
  const wanted = names.map((name) => checkName(name).replace(/:.*/, '')).join(' ');
  const awk = [
    'BEGIN{n=split("dpkg ' + wanted + '",w," ");for(i=1;i<=n;i++)want[w[i]]=1}',
    '{hit=($1 in want)}',
    '!hit{m=split($5,p,/, */);for(i=1;i<=m;i++){sub(/ .*/,"",p[i]);sub(/:.*/,"",p[i]);if(p[i] in want)hit=1}}',
    'hit{print}',
  ].join('\n');
  const format = String.raw`\${Package}\t\${Architecture}\t\${db:Status-Abbrev}\t\${Version}\t\${Provides}\n`.replaceAll('\\$', '$');
  return [
    'command -v dpkg-query >/dev/null 2>&1 || echo care-no-dpkg',
    'care_mark',
    `care_list=$(LC_ALL=C dpkg-query -W -f=${quote(format)} dpkg ${wanted} 2>/dev/null) || care_list=`,
    'care_all=$care_list',
    "set -f",
    "IFS='\n'",
    `for care_line in $care_list; do case $care_line in *'\tii \t'*|*'\thi \t'*) ;; *) care_all= ;; esac; done`,
    'if [ -n "$care_all" ]; then printf \'%s\\n\' "$care_all"',
    `else LC_ALL=C dpkg-query -W -f=${quote(format)} 2>/dev/null | LC_ALL=C awk -F '\\t' ${quote(awk)}; fi`,
  ].join('\n');
}

interface Row {
  readonly name: string;
  readonly architecture: string;
  readonly state: PackageState;
  readonly hold: boolean;
  readonly version: string;
  readonly provides: readonly string[];
}

/** Reads dpkg's three letters: wanted, state, error (dpkg-query(1), `db:Status-Abbrev`). */
function stateOf(letters: string): PackageState {
  if (letters[2] === 'R') return 'interrupted';
  switch (letters.charAt(1)) {
    case 'i':
      return 'installed';
    case 'n':
      return 'absent';
    case 'c':
      return 'config-files';
    case 'H':
    case 'U':
    case 'F':
    case 'W':
    case 't':
      return 'interrupted';
    default:
      throw new Error(`dpkg-query printed the status ${JSON.stringify(letters)}`);
  }
}

function parseRow(line: string): Row {
  const [name, architecture, letters, version, provides] = line.split('\t');
  if (name === undefined || architecture === undefined || letters === undefined || version === undefined) {
    throw new Error(`dpkg-query printed ${JSON.stringify(line)}`);
  }
  return {
    name,
    architecture,
    state: stateOf(letters),
    hold: letters.startsWith('h'),
    version,
    provides: (provides ?? '').split(/, */).map((entry) => entry.replace(/ .*/, '').replace(/:.*/, '')),
  };
}

interface PackageList {
  readonly nativeArchitecture: string;
  readonly rows: readonly Row[];
}

function parseList(output: ProbeOutput): PackageList {
  const rows = outputLines(output.sections[0]).map(parseRow);
  const dpkg = rows.find((row) => row.name === 'dpkg');
  if (dpkg === undefined || outputLines(output.head).includes('care-no-dpkg')) throw new Error('dpkg-query is not there: this host has no Debian packages');
  return { nativeArchitecture: dpkg.architecture, rows };
}

/** The row of a name: of its architecture when it names one, else native or architecture-independent. */
function rowOf(list: PackageList, key: string): Row | undefined {
  const [name, architecture] = key.split(':');
  // A package that is not installed has no architecture in dpkg's list.
  const fitting = architecture === undefined || architecture === 'native' ? [list.nativeArchitecture, 'all', ''] : [architecture];
  return list.rows.find((row) => row.name === name && (architecture === 'any' || fitting.includes(row.architecture)));
}

function packageFact(list: PackageList, key: string): PackageFact {
  const row = rowOf(list, key);
  const providedBy = list.rows.filter((other) => other.state === 'installed' && other.name !== key && other.provides.includes(key)).map((other) => other.name);
  return { state: row?.state ?? 'absent', hold: row?.hold ?? false, providedBy };
}

function isThere(fact: PackageFact): boolean {
  return fact.state === 'installed' || (fact.state !== 'interrupted' && fact.providedBy.length > 0);
}

/** State of a package by name (`chrony`, `libc6:i386`). */
export const packageState = defineQuery<string, PackageFact>({
  name: 'package',
  lasting: true,
  id: (name) => name,
  describe: (name) => `package ${name}`,
  probe: listProbe,
  parse: (keys, output) => {
    const list = parseList(output);
    return keys.map((key) => packageFact(list, key));
  },
  same: (claim, seen) => {
    // Installing a virtual package installs a provider: what was asked for is there all the same.
    if (claim.state === 'installed') return isThere(seen) && (seen.state !== 'installed' || seen.hold === claim.hold);
    // Not every removed package leaves configuration files behind.
    return claim.state === seen.state || (claim.state === 'config-files' && seen.state === 'absent');
  },
  show: (fact) => `${fact.state}${fact.hold ? ', held' : ''}${fact.providedBy.length > 0 ? `, provided by ${fact.providedBy.join(' ')}` : ''}`,
});

/** Version of an installed package; undefined when it is not installed. */
export const packageVersion = defineQuery<string, string | undefined>({
  name: 'package-version',
  lasting: true,
  id: (name) => name,
  describe: (name) => `version of package ${name}`,
  probe: listProbe,
  parse: (keys, output) => {
    const list = parseList(output);
    return keys.map((key) => {
      const row = rowOf(list, key);
      return row?.state === 'installed' || row?.state === 'interrupted' ? row.version : undefined;
    });
  },
  show: (version) => version ?? 'not installed',
});
