import { z } from 'zod';
import { AbsolutePath, StringList } from '../arguments.ts';
import { attributeFields } from '../common/file-arguments.ts';

/** Options of tar and unzip that change nothing outside the destination. */
const SAFE_OPTION = /^(--strip-components=\d+|--no-same-owner|--same-owner|--no-same-permissions|--same-permissions|--preserve-permissions|-p|--wildcards|--no-wildcards|-j)$/;

export const UnarchiveArgs = z
  .strictObject({
    src: z.string().min(1).describe('The archive: a file of the controller, or of the host with `remote_src`. `.tar`, `.tar.gz`, `.tgz`, `.tar.xz`, `.txz`, `.tar.bz2`, `.tbz2`, `.tar.zst` or `.zip`'),
    dest: AbsolutePath.describe('The directory to unpack into; it must be there'),
    remote_src: z.boolean().default(false).describe('`src` is on the host'),
    copy: z.boolean().optional().describe('The opposite of `remote_src`, as older playbooks write it'),
    creates: AbsolutePath.optional().describe('A path that the archive makes: when it is there, nothing is done'),
    include: StringList.optional().describe('Members to unpack; default all'),
    exclude: StringList.optional().describe('Members to leave out (a tar archive needs GNU tar on the host for this)'),
    extra_opts: StringList.default([]).describe('Options of tar or unzip, such as `--strip-components=1`; only those that stay within the destination'),
    ...attributeFields,
  })
  .superRefine((args, context) => {
    const bad = args.extra_opts.find((o) => !SAFE_OPTION.test(o));
    if (bad !== undefined) context.addIssue({ code: 'custom', path: ['extra_opts'], message: `${bad} is not one of --strip-components=N, --no-same-owner, --same-owner, --no-same-permissions, -p, --wildcards, -j` });
    if (archiveType(args.src) === undefined) context.addIssue({ code: 'custom', path: ['src'], message: 'must end with .tar, .tar.gz, .tgz, .tar.xz, .txz, .tar.bz2, .tbz2, .tar.zst or .zip' });
    if (fromHost(args) && !args.src.startsWith('/')) context.addIssue({ code: 'custom', path: ['src'], message: 'must be an absolute path with `remote_src`' });
    if (args.include !== undefined && args.exclude !== undefined) context.addIssue({ code: 'custom', path: ['exclude'], message: 'and `include` exclude each other' });
  });
export type UnarchiveArgs = z.output<typeof UnarchiveArgs>;

export type ArchiveType = 'tar' | 'gzip' | 'xz' | 'bzip2' | 'zstd' | 'zip';

const ENDINGS: readonly (readonly [RegExp, ArchiveType])[] = [
  [/\.tar$/, 'tar'],
  [/\.(tar\.gz|tgz)$/, 'gzip'],
  [/\.(tar\.xz|txz)$/, 'xz'],
  [/\.(tar\.bz2|tbz2?)$/, 'bzip2'],
  [/\.(tar\.zst|tzst)$/, 'zstd'],
  [/\.zip$/, 'zip'],
];

/** By the file's name, as a person would tell. */
export function archiveType(name: string): ArchiveType | undefined {
  return ENDINGS.find(([ending]) => ending.test(name.toLowerCase()))?.[1];
}

/** Whether the archive is on the host already. */
export function fromHost(args: { readonly remote_src: boolean; readonly copy?: boolean | undefined }): boolean {
  return args.remote_src || args.copy === false;
}
