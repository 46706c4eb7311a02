/** What care-disk-encryption takes for a disk that may be written to, with stand-ins for the tools that look at disks; the drill has real ones. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  for (const name of ['bin', 'conf', 'run', 'dev/mapper', 'sys/block/data/slaves', 'place']) mkdirSync(inside(name), { recursive: true });
  writeFileSync(inside('disk'), Buffer.alloc(2 * 1_048_576));
  // A blank disk.
  tool('lsblk', 'case "$*" in *"--output TYPE"*) echo disk ;; *"--output RO"*) echo " 0" ;; *) echo "vdb disk" ;; esac');
  tool('findmnt', 'exit 1');
  tool('wipefs', ':');
  tool('blkid', ':');
  const text = PROGRAM.replace(/^PATH=.*$/m, `PATH='${inside('bin')}:/usr/bin:/bin'`).replace('[ -b "$device" ]', '[ -e "$device" ]')
    // What the program writes beside a backup.
    .replace(/^case \$command in$/m, 'case $command in\n  sum) backup_sum "$2" ;;');
  writeFileSync(inside('program'), text);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
function run([shell, ...words]: readonly [string, ...string[]], command: readonly string[], input: string): Ran {
  const env = { CARE_DISK_CONF: inside('conf'), CARE_DISK_RUN: inside('run'), CARE_DISK_DEV: inside('dev'), CARE_DISK_SYS: inside('sys') };
  return spawnSync(shell, [...words, inside('program'), ...command], { input, encoding: 'utf8', timeout: 20_000, env });
}
/** A mapping named data, which lies on `below`. */
function open(below: string): void {
  writeFileSync(inside('dev', 'mapper', 'data'), '');
  writeFileSync(inside('sys', 'block', 'data', 'slaves', below), '');
}
/** A LUKS header of ours; `type` is what the open mapping shows for a file system. */
function ours(subsystem: string, type = ''): void {
  tool('blkid', `case "$*" in *"TYPE"*mapper*) echo ${type} ;; *TYPE*) echo crypto_LUKS ;; *LABEL*) echo care-data ;; esac`);
  tool('cryptsetup', `case "$*" in luksDump*) printf 'Label:\\tcare-data\\nSubsystem:\\t%s\\n' ${subsystem} ;; *) echo "$@" >>'${inside('calls')}'; cat >/dev/null ;; esac`);
}

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('look, %s', (_name, shell) => {
  const look = (input = `${KEY}\n\n`, unlock = 'apply'): Ran => run(shell, ['look', 'data', inside('disk'), inside('place'), unlock, ''], input);

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

  test('a mapping of the name that lies on another disk is refused, whether the disk is blank or ours', () => {
    open('vdc');
    for (const make of [(): void => undefined, (): void => { ours('care-provision', 'ext4'); }]) {
      make();
      expect(look()).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('does not lie on') as string });
    }
  });

  test('a disk that had a volume of ours and shows no header is not blank', () => {
    writeFileSync(inside('conf', 'data.header.sum'), 'x\n');
    expect(look()).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('restore it from the backup') as string });
  });

  test.each([['care-provision', 'ext4', 'ready'], ['care-provision', '', 'open'], ['care-provision-new', 'ext4', 'open']])('an open volume, finished by %s, that shows "%s" is %s', (subsystem, type, state) => {
    open('disk');
    ours(subsystem, type);
    expect(JSON.parse(look().stdout)).toMatchObject({ state });
  });

  test('readers of backups that change call for another backup', () => {
    ours('care-provision', 'ext4');
    writeFileSync(inside('conf', 'recipients'), 'age1a\n');
    const sum = run(shell, ['sum', 'data', inside('disk')], '').stdout;
    writeFileSync(inside('conf', 'data.header.sum'), sum);
    expect(JSON.parse(look().stdout)).toMatchObject({ backup: true });
    writeFileSync(inside('conf', 'recipients'), 'age1b\n');
    expect(JSON.parse(look().stdout)).toMatchObject({ backup: false });
  });

  test('what opens it at boot is not as declared', () => {
    expect(JSON.parse(look(undefined, 'credential').stdout)).toMatchObject({ credential: false });
    writeFileSync(inside('conf', 'data.cred'), 'x');
    expect(JSON.parse(look(undefined, 'apply').stdout)).toMatchObject({ credential: false });
  });
});

describe.each([['dash', ['dash']], ['busybox', ['busybox', 'sh']]] as const)('make, %s', (_name, shell) => {
  const make = (): Ran => run(shell, ['make', 'data', inside('disk'), inside('place'), 'ext4'], `${KEY}\n\n`);
  const calls = (): string => (existsSync(inside('calls')) ? readFileSync(inside('calls'), 'utf8') : '');
  beforeEach(() => {
    for (const name of ['mkfs.ext4', 'mkfs.xfs', 'sync']) tool(name, `echo ${name} >>'${inside('calls')}'`);
    for (const name of ['udevadm', 'mountpoint', 'chattr']) tool(name, ':');
  });

  test('makes a file system while the header says that there is none yet, and then says so no more', () => {
    open('disk');
    ours('care-provision-new');
    expect(make()).toMatchObject({ status: 0, stderr: '' });
    expect(calls()).toBe(`mkfs.ext4\nsync\nconfig --label care-data --subsystem care-provision ${inside('disk')}\n`);
  });

  test('makes none where one has been, whatever can be read now', () => {
    open('disk');
    ours('care-provision');
    tool('blkid', 'case "$*" in *mapper*) exit 8 ;; *TYPE*) echo crypto_LUKS ;; *LABEL*) echo care-data ;; esac');
    expect(make()).toMatchObject({ status: 1, stderr: expect.stringContaining('has had a file system') as string });
    expect(calls()).not.toContain('mkfs');
  });

  test('touches neither disk nor mapping when the mapping is another disk’s', () => {
    open('vdc');
    expect(make()).toMatchObject({ status: 1, stderr: expect.stringContaining('does not lie on') as string });
    expect(calls()).toBe('');
  });
});
