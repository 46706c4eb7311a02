import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { sha256 } from '../../host/kinds/content.ts';
import { action, ok, type ActionPort, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import { AbsolutePath } from '../arguments.ts';
import { digestOf, lookThrough, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';

export const FetchArgs = z.strictObject({
  src: AbsolutePath.describe('The file on the host'),
  dest: z.string().min(1).describe('Directory on the controller; the file goes to `DEST/HOST/SRC`. With `flat`: the file, or with a final slash its directory'),
  flat: z.boolean().default(false).describe('Leave host and directories out of the name'),
  fail_on_missing: z.boolean().default(true).describe('Fail when there is no such file; else nothing is done'),
  validate_checksum: z.literal(true, { error: 'is always on' }).default(true).describe('What arrives is always compared with what the host has'),
});
type FetchArgs = z.output<typeof FetchArgs>;

/** Where the file goes on the controller. */
export function localTarget(args: FetchArgs, host: string): string {
  if (!args.flat) return path.resolve(args.dest, host, `.${args.src}`);
  return args.dest.endsWith('/') ? path.resolve(args.dest, path.posix.basename(args.src)) : path.resolve(args.dest);
}

/** The digest of a controller file, or undefined when there is none. */
function localDigest(host: HostView, file: string): string | undefined {
  try {
    return host.localFile(file).sha256;
  } catch (error) {
    if (error instanceof Diagnostic && error.kind === 'bad-input') return undefined;
    throw error;
  }
}

/** Downloads beside the target, compares, renames. */
async function download(port: ActionPort, src: string, target: string, expected: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  const temporary = path.join(path.dirname(target), `.care-${randomBytes(6).toString('hex')}`);
  try {
    const hash = createHash('sha256');
    const stream = await port.download(src);
    stream.on('data', (chunk: Buffer) => hash.update(chunk));
    await pipeline(stream, createWriteStream(temporary, { mode: 0o600, flush: true }), { signal: port.signal });
    const got = hash.digest('hex');
    if (got !== expected) throw failure('changed-meanwhile', `${src} changed while it was fetched`, { detail: `expected sha256 ${expected}, got ${got}`, remedy: 'try again' });
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

function plan(host: HostView, args: FetchArgs): Plan {
  const target = localTarget(args, host.name);
  const there = lookThrough(host, args.src);
  if (there.exists && there.type !== 'file') throw failure('not-a-file', `${args.src} is a ${there.type}; only files are fetched`);
  const sum = digestOf(host, args.src);
  // In check mode an earlier task of the run may be about to make the file. Where it may be missing, one that may touch anything is no reason to think so.
  const made = args.fail_on_missing ? host.uncertain(sha256(args.src)) : host.touched(sha256(args.src));
  const coming = sum === null && made !== undefined;
  if (sum === null && !coming) {
    if (args.fail_on_missing) throw failure('absent', `there is no file ${args.src}`, { remedy: 'use `fail_on_missing: false` when that is fine' });
    return { type: 'ok', msg: 'the remote file does not exist, not transferring, ignored' };
  }
  if (sum !== null && localDigest(host, target) === sum) return ok({ dest: target, checksum: sum });
  return action({
    resource: `controller file ${target}`,
    what: `fetch ${args.src}`,
    mutates: true,
    effects: [],
    perform: {
      type: 'conversation',
      converse: async (port) => {
        if (sum === null) throw failure('absent', `there is no file ${args.src}`);
        await download(port, args.src, target, sum);
        return { changed: true, values: { dest: target, checksum: sum } };
      },
    },
  });
}

export const fetchModule = defineModule({
  name: 'fetch',
  summary: 'Copy a file of the host to the controller',
  description: 'A change when the controller has no such file or another one. The file is written beside its place, compared, and renamed; it is readable by its owner only.',
  args: FetchArgs,
  examples: [{ title: 'Every host’s public key', yaml: 'fetch:\n  src: /etc/ssh/ssh_host_ed25519_key.pub\n  dest: collected/' }],
  returns: { dest: 'Where the file is on the controller', checksum: 'Its sha256' },
  queries: (args) => [sha256(args.src)],
  plan: (args, host) => planning(() => plan(host, args)),
});
