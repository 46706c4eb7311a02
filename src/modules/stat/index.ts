import { z } from 'zod';
import { fullStat, stat, statFollow, type FullFact, type PresentPath } from '../../host/kinds/path.ts';
import { sha256 } from '../../host/kinds/content.ts';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { Value, ValueMap } from '../../support/value.ts';
import { AbsolutePath } from '../arguments.ts';
import { digestOf, lookAt, lookThrough, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';

export const StatArgs = z
  .strictObject({
    path: AbsolutePath.optional().describe('The path to look at (also written `dest` or `name`)'),
    dest: AbsolutePath.optional().describe('Same as `path`'),
    name: AbsolutePath.optional().describe('Same as `path`'),
    follow: z.boolean().default(false).describe('Look at what a link leads to'),
    get_checksum: z.boolean().default(true).describe('Compute the checksum of a regular file'),
    checksum_algorithm: z.literal('sha256', { error: 'must be sha256' }).default('sha256').describe('Always sha256'),
    get_mime: z.boolean().default(false).describe("Taken for Ansible's sake; nothing is looked up"),
    get_attributes: z.boolean().default(false).describe("Taken for Ansible's sake; nothing is looked up"),
  })
  .superRefine((args, context) => {
    if ([args.path, args.dest, args.name].filter((p) => p !== undefined).length !== 1) context.addIssue({ code: 'custom', path: ['path'], message: 'is needed, once: give `path` (or its other names `dest`, `name`)' });
  });
type StatArgs = z.output<typeof StatArgs>;

function lookedAt(args: StatArgs): string {
  const path = args.path ?? args.dest ?? args.name;
  if (path === undefined) throw new Error('the schema lets no task through that has no path');
  return path;
}

/** `rusr`, `wusr` … `xoth`, `isuid`, `isgid`, as Ansible names the mode's bits. */
export function modeBits(mode: string): ValueMap {
  const bits = Number.parseInt(mode, 8);
  const out: Record<string, boolean> = { isuid: (bits & 0o4000) !== 0, isgid: (bits & 0o2000) !== 0 };
  for (const [who, shift] of [['usr', 6], ['grp', 3], ['oth', 0]] as const) {
    for (const [what, bit] of [['r', 4], ['w', 2], ['x', 1]] as const) out[`${what}${who}`] = ((bits >> shift) & bit) !== 0;
  }
  return out;
}

/** The part of Ansible's `stat` that a change can predict. */
export function statValues(path: string, fact: PresentPath): ValueMap {
  const values: Record<string, Value> = {
    exists: true,
    path,
    isreg: fact.type === 'file',
    isdir: fact.type === 'directory',
    islnk: fact.type === 'link',
    isfifo: fact.type === 'fifo',
    issock: fact.type === 'socket',
    ischr: fact.type === 'char',
    isblk: fact.type === 'block',
  };
  if (fact.mode !== undefined) Object.assign(values, { mode: fact.mode }, modeBits(fact.mode));
  if (fact.uid !== undefined) values['uid'] = fact.uid;
  if (fact.gid !== undefined) values['gid'] = fact.gid;
  if (fact.owner !== undefined) values['pw_name'] = fact.owner;
  if (fact.group !== undefined) values['gr_name'] = fact.group;
  if (fact.size !== undefined) values['size'] = fact.size;
  if (fact.target !== undefined) values['lnk_target'] = fact.target;
  return values;
}

/** The rest, which only the host knows. */
export function timeValues(fact: Exclude<FullFact, { exists: false }>): ValueMap {
  return { inode: fact.inode, dev: fact.device, nlink: fact.links, atime: fact.atime, mtime: fact.mtime, ctime: fact.ctime };
}

/** What an earlier change of this check would make of the path without our knowing. */
function doubt(host: HostView, args: StatArgs): string | undefined {
  const path = lookedAt(args);
  return host.touched(args.follow ? statFollow(path) : stat(path));
}

function plan(host: HostView, args: StatArgs): Plan {
  const because = doubt(host, args);
  return because === undefined ? ok({ stat: values(host, args) }) : { type: 'unknown', because: `what ${lookedAt(args)} is like is unknown ${because}` };
}

function values(host: HostView, args: StatArgs): ValueMap {
  const path = lookedAt(args);
  const followed = args.follow ? lookThrough(host, path) : undefined;
  const fact = followed ?? lookAt(host, path);
  if (!fact.exists) return { exists: false };
  const real = followed?.exists === true ? followed.real : path;
  const out: Record<string, Value> = { ...statValues(path, fact) };
  // Times are left out where an earlier change of this check would alter them: better nothing than the old ones.
  if (host.uncertain(fullStat(real)) === undefined) {
    const full = host.fact(fullStat(real));
    if (full.exists) Object.assign(out, timeValues(full));
  }
  if (args.get_checksum && fact.type === 'file' && host.touched(sha256(real)) === undefined) {
    const sum = digestOf(host, path);
    if (sum !== null) out['checksum'] = sum;
  }
  return out;
}

export const statModule = defineModule({
  name: 'stat',
  summary: 'Look at a path, for `register`',
  description: `Never a change. In check mode the answer is what earlier tasks of the run would have made of the path; times and
inode are then left out. After a change that can't be foreseen so far (an archive unpacked around it) it is *unknown*. Differs from Ansible's: the checksum is sha256; readable, writeable and executable (by the
task's own user) are not told.`,
  args: StatArgs,
  examples: [{ title: 'Is it there?', yaml: 'stat:\n  path: /etc/care/licence\nregister: licence' }],
  returns: {
    stat: '`exists`; where it does: `path`, `mode`, `isreg`, `isdir`, `islnk` …, `uid`, `gid`, `pw_name`, `gr_name`, `size`, `lnk_target`, `rusr` … `xoth`, `isuid`, `isgid`, `inode`, `dev`, `nlink`, `atime`, `mtime`, `ctime`, `checksum`',
  },
  queries(args) {
    const path = lookedAt(args);
    return [args.follow ? statFollow(path) : stat(path), fullStat(path), ...(args.get_checksum ? [sha256(path)] : [])];
  },
  plan: (args, host) => planning(() => plan(host, args)),
});
