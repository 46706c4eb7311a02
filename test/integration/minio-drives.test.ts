/** What role minio says of drives that are none, by its own program, on a host whose drives are file systems in memory. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labExec, type Lab } from '../../src/lab/index.ts';
import { onHost } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';

const PROGRAM = readFileSync(path.join(import.meta.dirname, '..', '..', 'roles', 'minio', 'files', 'drives.sh'), 'utf8');
const ROOT = '/srv/care-drives';

let lab: Lab;

/** Exit status and words of `drives.sh check`. */
async function checked(host: string, ...ranges: readonly string[]): Promise<readonly [number, string]> {
  const { status, stdout } = await labExec(lab, host, ['sh', '-s', '--', 'check', `${ROOT}/drive`, 'xfs,tmpfs', ...ranges], { input: Buffer.from(PROGRAM) });
  return [status, stdout.trim()];
}

const mounted = (host: string, ...drives: readonly (readonly [number, string])[]): Promise<string> =>
  onHost(lab, host, drives.map(([n, size]) => `mkdir -p ${ROOT}/drive${String(n)}; mount -t tmpfs -o size=${size} drive${String(n)} ${ROOT}/drive${String(n)}`).join('; '));

describe.each(['test-trixie', 'test-bookworm'])('%s', (host) => {
  const away = (): Promise<string> => onHost(lab, host, `for d in ${ROOT}/drive*; do umount "$d" 2>/dev/null || true; done; rm -rf ${ROOT}`);
  beforeAll(async () => { lab = await sharedLab(); await away(); });
  afterAll(away);

  it('refuses a drive that is not there, is on the root file system, no mount point, of another kind, another drive once more, or of another size', async () => {
    expect(await checked(host, '1-2')).toEqual([1, `${ROOT}/drive1 is not there: mount a drive of its own there (module mount, or /etc/fstab with nofail)`]);
    await onHost(lab, host, `mkdir -p ${ROOT}/drive1`);
    expect(await checked(host, '1-1')).toEqual([1, `${ROOT}/drive1 is on the root file system: mount a drive of its own there`]);
    await mounted(host, [1, '64m'], [2, '32m']);
    expect(await checked(host, '1-2')).toEqual([1, expect.stringMatching(/^drives 1-2 are of different sizes \(32768 and 65536 KiB\): the room above the smallest would be lost; give all the same$/) as string]);
    expect(await checked(host, '1-1', '2-2')).toEqual([0, '']);
    await onHost(lab, host, `mkdir -p ${ROOT}/drive3; mount --bind ${ROOT}/drive1 ${ROOT}/drive3`);
    expect(await checked(host, '1-1', '3-3')).toEqual([1, `${ROOT}/drive3 is on the same file system as another drive: each needs one of its own`]);
    await onHost(lab, host, `umount ${ROOT}/drive3; mount -t ramfs other ${ROOT}/drive3`);
    expect(await checked(host, '1-1', '3-3')).toEqual([1, `${ROOT}/drive3 is ramfs, not one of xfs,tmpfs: make it anew, or allow it with minio_filesystems`]);
  });

  it('takes drives that differ by less than a twentieth', async () => {
    await away();
    await mounted(host, [1, '64m'], [2, '63m'], [3, '62m'], [4, '64m']);
    expect(await checked(host, '1-4')).toEqual([0, '']);
  });
});
