import { createHash } from 'node:crypto';
import { content, sha256 } from '../../host/kinds/content.ts';
import { baseName, joinPath } from '../../host/kinds/path-key.ts';
import { newAttributes, wroteFile } from '../../host/kinds/path-effects.ts';
import { stat, statFollow } from '../../host/kinds/path.ts';
import { forgetAbove } from '../../host/kinds/tree.ts';
import { converge, ok, type Plan } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { attach, attachFile, sh, type Script } from '../../support/shell.ts';
import { contentOf, digestOf, lookThrough, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { fromHost, UnarchiveArgs } from './schema.ts';
import { unarchiveScript } from './script.ts';

interface Archive {
  readonly sha256: string;
  readonly operand: Script;
}

function archiveOf(host: HostView, args: UnarchiveArgs): Archive {
  if (!fromHost(args)) {
    const file = host.localFile(args.src);
    return { sha256: file.sha256, operand: sh`${attachFile(file.path, file.size, file.sha256)}` };
  }
  const sum = digestOf(host, args.src);
  if (sum === null) throw failure('absent', `there is no archive ${args.src} on the host`);
  return { sha256: sum, operand: sh`${args.src}` };
}

/** The note in the destination that says what was unpacked there, and how. */
function markerPath(args: UnarchiveArgs): string {
  const name = createHash('sha256').update(JSON.stringify([baseName(args.src), args.include ?? []])).digest('hex').slice(0, 12);
  return joinPath(args.dest, `.unarchived-${name}`);
}

function markerText(args: UnarchiveArgs, archive: Archive): string {
  const how = { owner: args.owner, group: args.group, mode: args.mode, include: args.include, exclude: args.exclude, extra_opts: args.extra_opts };
  return `${archive.sha256} ${createHash('sha256').update(JSON.stringify(how)).digest('hex')} ${baseName(args.src)}\n`;
}

function plan(host: HostView, args: UnarchiveArgs): Plan {
  if (args.creates !== undefined && lookThrough(host, args.creates).exists) return ok({ dest: args.dest });
  const dest = lookThrough(host, args.dest);
  if (!dest.exists) throw failure('no-directory', `the directory ${args.dest} does not exist`, { remedy: 'make it first with `file: { state: directory }`' });
  if (dest.type !== 'directory') throw failure('no-directory', `${args.dest} is a ${dest.type}, not a directory`);
  const archive = archiveOf(host, args);
  const marker = markerPath(args);
  const text = Buffer.from(markerText(args, archive));
  if (args.creates === undefined) {
    const present = contentOf(host, marker);
    if (Buffer.isBuffer(present) && present.equals(text)) return ok({ dest: args.dest });
  }
  const noted = args.creates === undefined;
  const note = noted ? sh`care_put ${attach(text)} ${marker} 0644 '' ''` : sh``;
  return converge(
    [
      {
        resource: `directory ${args.dest}/**`,
        what: `unpack ${baseName(args.src)}, sha256 ${archive.sha256.slice(0, 12)}…`,
        script: unarchiveScript(args, archive.operand, note),
        effects: [
          forgetTree(args.dest),
          ...forgetAbove(args.dest, true),
          ...(noted ? wroteFile(marker, { attributes: newAttributes(host.user, '0644', dest), bytes: text, appeared: true }) : []),
        ],
      },
    ],
    { dest: args.dest },
  );
}

export const unarchive = defineModule({
  name: 'unarchive',
  summary: 'Unpack an archive into a directory of the host',
  description: `Unpacked beside its place first, then moved in file by file: a broken archive changes nothing, and no file is ever there
half. What is in the directory and not in the archive stays.

Idempotent by \`creates\`; without it by a note \`.unarchived-…\` in the directory that holds the archive's sha256 and the
options, so a new archive of the same name is unpacked again, but a file removed by hand is not missed (use \`creates\` for that).
Needs \`tar\` (and \`xz\`, \`bzip2\`, \`zstd\` as the archive does) or \`unzip\` on the host.`,
  args: UnarchiveArgs,
  examples: [{ title: 'A release of the role', yaml: 'unarchive:\n  src: site-1.2.tar.gz\n  dest: /srv/www\n  owner: www-data\n  extra_opts: --strip-components=1' }],
  returns: { dest: 'The directory' },
  queries(args) {
    const creates = args.creates === undefined ? [content(markerPath(args))] : [statFollow(args.creates)];
    return [statFollow(args.dest), stat(args.dest), ...creates, ...(fromHost(args) ? [sha256(args.src)] : [])];
  },
  plan: (args, host) => planning(() => plan(host, args)),
});
