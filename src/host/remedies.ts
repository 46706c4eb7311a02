/** What to do about the failures of change scripts that every administrator meets: read from what the tools said. */

const REMEDIES: readonly { readonly pattern: RegExp; readonly remedy: (match: RegExpExecArray) => string }[] = [
  {
    // dash, busybox: `file: 9: stat: not found`; bash: `stat: command not found`; env: `‘x’: No such file or directory`.
    pattern: /(?:^|[:\s])([\w.+-]+): (?:command )?not found$/m,
    remedy: ([, tool = '']) => `install what brings ${tool} on the host (coreutils and the like are expected there), or see that it stands in the PATH of the user`,
  },
  { pattern: /no space left on device/i, remedy: () => 'make room on the host (df -h, and df -i for inodes), then run again; the target is as it was' },
  { pattern: /disk quota exceeded/i, remedy: () => 'raise the quota or make room on the host, then run again; the target is as it was' },
  { pattern: /read-only file system/i, remedy: () => 'see on the host why it is mounted read-only (findmnt; dmesg for errors of the disk), then run again' },
  { pattern: /operation not permitted/i, remedy: () => 'see whether the file is immutable (lsattr), or whether the user may do this at all (become: true)' },
  { pattern: /permission denied/i, remedy: () => 'the user that the task runs as may not do this: add become: true, or see the owner and mode of the path' },
  { pattern: /input\/output error/i, remedy: () => 'the disk reports errors: see dmesg on the host' },
  { pattern: /could not get lock|unable to acquire the dpkg frontend lock/i, remedy: () => 'another package tool is at work on the host (unattended-upgrades, an open apt): wait for it, then run again' },
];

/** The remedy for what a failed script said, if it is one of the usual ones. */
export function remedyFor(said: string): string | undefined {
  for (const { pattern, remedy } of REMEDIES) {
    const match = pattern.exec(said);
    if (match !== null) return remedy(match);
  }
  return undefined;
}

/** Leaves out the name of our own script file, which says nothing: `/run/.care-1f/s4: 22: eval: chown: not found`. */
export function withoutScriptName(said: string): string {
  return said.replaceAll(/\S*\/\.care-[0-9a-f]+\/s\d+: (?:eval: )?(?:(?:line )?\d+: )?(?:eval: )?/g, '');
}
