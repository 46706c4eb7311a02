/** What is mounted, from /proc/self/mountinfo (proc_pid_mountinfo(5)). */
import { defineQuery } from '../define-query.ts';
import { claimHolds, outputLines } from './claims.ts';

/** Undefined fields were not claimed. */
export interface MountFact {
  readonly source: string | undefined;
  readonly fstype: string | undefined;
  /** Options of the mount and of the file system. */
  readonly options: readonly string[] | undefined;
}

function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

interface MountRow {
  readonly target: string;
  readonly fact: MountFact;
}

/** Reads mountinfo: fields, then optional fields up to a single `-`, then type, source, super options. */
export function parseMountinfo(text: string): readonly MountRow[] {
  return outputLines(Buffer.from(text)).map((line) => {
    const fields = line.split(' ');
    const dash = fields.indexOf('-', 6);
    const [target, options] = [fields[4], fields[5]];
    const [fstype, source, superOptions] = fields.slice(dash + 1);
    if (dash === -1 || target === undefined || options === undefined || fstype === undefined || source === undefined) {
      throw new Error(`mountinfo holds ${JSON.stringify(line)}`);
    }
    const all = [...options.split(','), ...(superOptions ?? '').split(',')].filter((option) => option !== '');
    return { target: unescape(target), fact: { source: unescape(source), fstype, options: [...new Set(all)] } };
  });
}

/** What is mounted on a path (the topmost, where mounts cover each other); null when nothing is. */
export const mount = defineQuery<string, MountFact | null>({
  name: 'mount',
  id: (path) => path,
  describe: (path) => `mount ${path}`,
  probe: () => 'cat /proc/self/mountinfo',
  parse: (paths, output) => {
    const rows = parseMountinfo(output.head.toString('utf8'));
    return paths.map((path) => rows.findLast((row) => row.target === path)?.fact ?? null);
  },
  same: claimHolds,
  show: (fact) => (fact === null ? 'not mounted' : `${fact.source ?? '?'} (${fact.fstype ?? '?'})`),
});
