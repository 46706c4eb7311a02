/** Since when a member's processes run, and since when their packages are installed. Reads only. */
import { z } from 'zod';
import { defineQuery } from '../../host/define-query.ts';
import type { ProbeOutput } from '../../host/query.ts';
import { quote } from '../../support/shell.ts';

export interface PatroniProcessKey {
  readonly unit: string;
  readonly dataDir: string;
  readonly packages: readonly string[];
}

/** All times in seconds since the epoch, by the host's clock. */
export interface PatroniProcess {
  /** When the unit's process was started; undefined when it does not run. */
  readonly patroni: number | undefined;
  /** When PostgreSQL was started; undefined when there is no postmaster.pid. */
  readonly postgres: number | undefined;
  /** When each package's files were last unpacked. */
  readonly unpacked: readonly { readonly name: string; readonly version: string; readonly time: number }[];
}

/**
 * dpkg writes `info/NAME[:ARCH].list` at every unpacking, with the same version too. The third line of postmaster.pid is the
 * start time (PostgreSQL's src/include/utils/pidfile.h, LOCK_FILE_LINE_START_TIME).
 */
function probeOne(key: PatroniProcessKey): string {
  return `case $(systemctl show -p MainPID --value ${quote(key.unit)} 2>/dev/null) in
  ''|0) ;;
  *) systemctl show -p ExecMainStartTimestamp --value --timestamp=unix ${quote(key.unit)} | tr -d @ ;;
esac
care_mark
sed -n 3p ${quote(`${key.dataDir}/postmaster.pid`)} 2>/dev/null
care_mark
for care_name in ${key.packages.map(quote).join(' ')}; do
  for care_list in /var/lib/dpkg/info/"$care_name".list /var/lib/dpkg/info/"$care_name":*.list; do
    [ ! -e "$care_list" ] || printf '%s %s %s\\n' "$care_name" "$(stat -c %Y -- "$care_list")" "$(dpkg-query -W -f '\${Version}' "$care_name" 2>/dev/null)"
  done
done
care_mark`;
}

const Line = z.tuple([z.string(), z.coerce.number(), z.string()]).transform(([name, time, version]) => ({ name, time, version }));

function seconds(text: string): number | undefined {
  return /^\d+$/.test(text.trim()) ? Number(text.trim()) : undefined;
}

function parse(keys: readonly PatroniProcessKey[], output: ProbeOutput): readonly PatroniProcess[] {
  const sections = [output.head, ...output.sections].map((s) => s.toString('utf8'));
  return keys.map((_, i) => ({
    patroni: seconds(sections[i * 3] ?? ''),
    postgres: seconds(sections[i * 3 + 1] ?? ''),
    unpacked: (sections[i * 3 + 2] ?? '').split('\n').filter((line) => line !== '').map((line) => Line.parse(line.split(' '))),
  }));
}

export const patroniProcess = defineQuery<PatroniProcessKey, PatroniProcess>({
  name: 'patroni-process',
  id: (key) => [key.unit, key.dataDir, ...key.packages].join(' '),
  describe: (key) => `processes of ${key.unit}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  volatile: true,
});
