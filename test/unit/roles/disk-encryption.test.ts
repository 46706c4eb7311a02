/** What care-disk-encryption takes for a disk that may be written to, with stand-ins for the tools that look at disks; the drill has real ones. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const PROGRAM = readFileSync(path.join(import.meta.dirname, '../../../roles/disk_encryption/files/care-disk-encryption'), 'utf8');
const KEY = 'k'.repeat(32);
let directory = '';
const inside = (...parts: readonly string[]): string => path.join(directory, ...parts);

function tool(name: string, text: string): void {
  writeFileSync(inside('bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(inside('bin', name), 0o755);
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care disk-'));
  for (const name of ['bin', 'conf', 'run', 'dev', 'place']) mkdirSync(inside(name));
  writeFileSync(inside('disk'), Buffer.alloc(2 * 1_048_576));
  // A blank disk.
  tool('lsblk', 'case "$*" in *"--output TYPE"*) echo disk ;; *"--output RO"*) echo " 0" ;; *) echo "vdb disk" ;; esac');
  tool('findmnt', 'exit 1');
  tool('wipefs', ':');
  tool('blkid', ':');
  const text = PROGRAM.replace(/^PATH=.*$/m, `PATH='${inside('bin')}:/usr/bin:/bin'`).replace('[ -b "$device" ]', '[ -e "$device" ]');
  writeFileSync(inside('program'), text);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('look, %s', (_name, [shell, ...words]) => {
  const look = (input = `${KEY}\n\n`, unlock = 'apply'): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
    spawnSync(shell, [...words, inside('program'), 'look', 'data', inside('disk'), inside('place'), unlock, ''], {
      input, encoding: 'utf8', timeout: 20_000, env: { CARE_DISK_CONF: inside('conf'), CARE_DISK_RUN: inside('run'), CARE_DISK_DEV: inside('dev') },
    });

  test('a blank disk may be written to', () => {
    const seen = look();
    expect([seen.status, seen.stderr]).toEqual([0, '']);
    expect(JSON.parse(seen.stdout)).toEqual({ state: 'blank', key: false, former: false, tang: true, credential: true, backup: false });
  });

  test.each([
    ['a signature', 'wipefs', 'echo xfs', 'holds xfs'],
    ['signatures of RAID and a table', 'wipefs', 'echo linux_raid_member; echo gpt', 'holds gpt linux_raid_member'],
    ['partitions', 'lsblk', 'case "$*" in *"--output TYPE"*) echo disk ;; *"--output RO"*) echo 0 ;; *) echo "vdb disk"; echo "vdb1 part" ;; esac', 'is in use, below vdb1 part'],
    ['a write protection', 'lsblk', 'case "$*" in *"--output TYPE"*) echo disk ;; *) echo 1 ;; esac', 'is read-only'],
    ['a logical volume', 'lsblk', 'echo lvm', 'is a lvm'],
    ['a mount', 'findmnt', 'echo /srv', 'is mounted on /srv'],
    ['somebody else’s LUKS', 'blkid', 'case "$*" in *TYPE*) echo crypto_LUKS ;; *LABEL*) echo root ;; esac', "a LUKS volume named 'root', not care-data"],
  ])('a disk with %s is refused, by name and reason', (_what, name, text, reason) => {
    tool(name, text);
    const seen = look();
    expect([seen.status, seen.stdout]).toEqual([1, '']);
    expect(seen.stderr).toContain(reason);
    expect(seen.stderr).toContain(inside('disk'));
  });

  test('bytes that no tool knows are data, too', () => {
    const bytes = Buffer.alloc(2 * 1_048_576);
    bytes[1_048_575] = 1;
    writeFileSync(inside('disk'), bytes);
    expect(look()).toMatchObject({ status: 1, stderr: expect.stringContaining('no known signature') as string });
  });

  test('a directory that would hide what is in it is refused', () => {
    writeFileSync(inside('place', 'records'), 'x');
    expect(look()).toMatchObject({ status: 1, stderr: expect.stringContaining('is not empty') as string });
  });

  test('a key that is short is refused before the disk is looked at, and is not shown', () => {
    const seen = look('hunter2hunter2\n\n');
    expect(seen.status).toBe(1);
    expect(seen.stderr).toContain('less than 32 characters');
    expect(seen.stderr).not.toContain('hunter2');
  });

  test('a disk of ours that no key opens is refused; one that the former key opens is told of', () => {
    tool('blkid', 'case "$*" in *TYPE*) echo crypto_LUKS ;; *LABEL*) echo care-data ;; esac');
    tool('cryptsetup', `case "$*" in *--test-passphrase*) [ "$(cat)" = ${'f'.repeat(32)} ] ;; luksDump*) echo header ;; esac`);
    expect(look()).toMatchObject({ status: 1, stderr: expect.stringContaining('neither disk_encryption_key nor') as string });
    const seen = look(`${KEY}\n${'f'.repeat(32)}\n`);
    expect([seen.status, seen.stderr]).toEqual([0, '']);
    expect(JSON.parse(seen.stdout)).toMatchObject({ state: 'closed', key: false, former: true, backup: false });
  });

  test('what opens it at boot is not as declared', () => {
    expect(JSON.parse(look(undefined, 'credential').stdout)).toMatchObject({ credential: false });
    writeFileSync(inside('conf', 'data.cred'), 'x');
    expect(JSON.parse(look(undefined, 'apply').stdout)).toMatchObject({ credential: false });
  });
});
