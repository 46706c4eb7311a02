import { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { mount } from '../../host/kinds/mount.ts';
import { madeDirectory } from '../../host/kinds/path-effects.ts';
import { stat } from '../../host/kinds/path.ts';
import { converge, failed, type Change, type Plan } from '../../host/plan.ts';
import { forgetTree, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { rawScript, sh, type Script } from '../../support/shell.ts';
import { AbsolutePath } from '../arguments.ts';
import { after, joinLines, putText, splitLines, textOf } from '../common/edit-text.ts';
import { lookAt, pathQueries, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { editFstab, type FstabEntry } from './fstab.ts';

const Field = z.string().min(1).refine((text) => !/[\n\0]/.test(text), 'must be one line');

export const MountArgs = z
  .strictObject({
    path: AbsolutePath.describe('Where it is mounted'),
    src: Field.optional().describe('Device, `UUID=…`, network path, or the directory of a bind mount'),
    fstype: z.string().regex(/^[A-Za-z0-9._-]+$/).optional().describe('File system type'),
    opts: Field.default('defaults').describe('Mount options'),
    boot: z.boolean().default(true).describe('Mounted at boot; false adds `noauto`'),
    dump: z.int().min(0).max(2).default(0).describe('Field of fstab(5)'),
    passno: z.int().min(0).max(9).default(0).describe('Field of fstab(5): order of fsck'),
    fstab: AbsolutePath.default('/etc/fstab').describe('The table'),
    state: z
      .enum(['mounted', 'present', 'unmounted', 'absent', 'remounted'])
      .describe('`mounted`: in fstab and mounted; `present`: in fstab only; `unmounted`: not mounted, fstab left alone; `absent`: neither; `remounted`: mounted again, always a change'),
    backup: z.boolean().default(false).describe('Keep a copy of the old table'),
  })
  .refine((args) => !['mounted', 'present'].includes(args.state) || (args.src !== undefined && args.fstype !== undefined), { message: 'src and fstype are needed' });
type MountArgs = z.output<typeof MountArgs>;

function entryOf(args: MountArgs): FstabEntry {
  const opts = args.boot || args.opts.split(',').includes('noauto') ? args.opts : `${args.opts},noauto`;
  return { src: args.src ?? '', path: args.path, fstype: args.fstype ?? '', opts, dump: args.dump, passno: args.passno };
}

/** systemd makes units from fstab; without this it would unmount what it still knows from the old table. */
const RELOAD = rawScript('if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi');

function tableChange(args: MountArgs, host: HostView): Change | undefined {
  const lines = splitLines(textOf(host, args.fstab) ?? '');
  const wanted = editFstab(lines, args.path, args.state === 'absent' ? undefined : entryOf(args));
  if (joinLines(wanted) === joinLines(lines)) return undefined;
  const change = putText(host, { path: args.fstab, text: joinLines(wanted), attributes: {}, backup: args.backup });
  return change === undefined ? undefined : after(change, RELOAD, [forgetUnits]);
}

const forgetUnits: Effect = { type: 'forget-kinds', kinds: ['unit'] };

function mountChange(args: MountArgs, what: string, script: Script, mounted: boolean): Change {
  const query = mount(args.path);
  const fact = mounted ? query.is({ source: undefined, fstype: undefined, options: undefined }) : query.is(null);
  // What lies below a mount point is other files before and after.
  return { resource: `mount ${args.path}`, what, script, effects: [forgetTree(args.path), forgetUnits, fact] };
}

function plan(args: MountArgs, host: HostView): Plan {
  const now = host.fact(mount(args.path));
  const unmount = sh`umount -- ${args.path}`;
  if (args.state === 'unmounted') return converge(now === null ? [] : [mountChange(args, 'unmount', unmount, false)]);
  if (args.state === 'remounted') return now === null ? failed(`nothing is mounted on ${args.path}`) : converge([mountChange(args, 'remount', sh`mount -o remount -- ${args.path}`, true)]);
  const table = tableChange(args, host);
  if (args.state === 'absent') return converge([...(now === null ? [] : [mountChange(args, 'unmount', unmount, false)]), ...(table === undefined ? [] : [table])]);
  const changes: Change[] = table === undefined ? [] : [table];
  if (args.state === 'mounted') {
    const own = lookAt(host, args.path);
    if (own.exists && own.type !== 'directory' && now === null && args.fstype !== 'none') return failed(`${args.path} is a ${own.type}, not a directory`);
    if (now === null) {
      if (!own.exists) changes.push(directoryChange(args.path));
      changes.push(mountChange(args, `mount ${args.src ?? ''}`, sh`mount ${tableOption(args)} -- ${args.path}`, true));
    } else if (table !== undefined) changes.push(mountChange(args, 'mount as the table now says', remountScript(args), true));
  }
  return converge(changes);
}

function tableOption(args: MountArgs): readonly string[] {
  return args.fstab === '/etc/fstab' ? [] : ['-T', args.fstab];
}

function directoryChange(path: string): Change {
  return { resource: `directory ${path}`, what: 'create, mode 0755', script: sh`mkdir -p -m 0755 -- ${path}`, effects: madeDirectory(path, { mode: '0755', owner: 'root', group: 'root' }) };
}

/** Options can be changed in place; another source or type takes an unmount, which a busy file system refuses. */
function remountScript(args: MountArgs): Script {
  const table = tableOption(args);
  return sh`mount ${table} -o remount -- ${args.path} 2>/dev/null || { umount -- ${args.path} && mount ${table} -- ${args.path}; }`;
}

export const mountModule = defineModule({
  name: 'mount',
  summary: 'Keep a file system in fstab, and mounted',
  description: 'The mount point is made when it is missing; `absent` leaves the directory where it is.',
  args: MountArgs,
  examples: [{ title: 'A data disk', yaml: 'mount:\n  path: /srv/data\n  src: UUID=0a3407de-014b-458b-b5c1-848e92a327a3\n  fstype: xfs\n  opts: noatime\n  state: mounted' }],
  queries: (args) => [mount(args.path), stat(args.path), ...pathQueries(args.fstab), content(args.fstab)],
  plan: (args, host) => planning(() => plan(args, host)),
});
