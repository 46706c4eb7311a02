/**
 * What a lab host's image holds: a plain Debian of a release with systemd and sshd, and the few
 * adaptations that a container needs to behave as bare metal does. Pure text; image.ts builds it.
 */
import { createHash } from 'node:crypto';

/** Debian releases that lab hosts can have. */
export const RELEASES = ['trixie', 'bookworm'] as const;
export type Release = (typeof RELEASES)[number];

/** Priority "important" packages that every Debian installation has and minbase lacks, systemd and sshd; no more. */
export const PACKAGES = [
  'ca-certificates', 'dbus', 'iproute2', 'iputils-ping', 'kmod', 'netbase', 'openssh-server', 'procps', 'sudo', 'systemd', 'systemd-sysv', 'tzdata',
] as const;

/** The login user (sudo without a password) and one whose sudo asks for a password. */
export const LOGIN_USER = 'care';
export const PASSWORD_USER = 'carepw';

/** Where a host finds what its lab gave it (keys, addresses); emptied at its first start. */
export const SEED_DIRECTORY = '/etc/care-lab';

export interface RecipeInput {
  readonly release: Release;
  /** deb822 sources; undefined leaves what mmdebstrap writes by itself. */
  readonly sources: string | undefined;
  /** Lines for apt.conf. */
  readonly aptSettings: readonly string[];
  /** The machine's own certificate authorities: file name and PEM text. */
  readonly certificates: readonly { readonly name: string; readonly text: string }[];
}

/**
 * Runs as process 1 before systemd. Docker binds its own files over /etc/hosts, /etc/hostname and
 * /etc/resolv.conf, where a rename fails with EBUSY: real files take their place. boot_id is the kernel's
 * and would outlive a restart: each start gets its own, as systemd-nspawn does (nspawn.c, setup_boot_id).
 * Of /proc/sys only net, which belongs to the host's network namespace, is made writable; all else there
 * is the machine's own. With cgroup v2 and no --privileged, Docker mounts the tree read-only.
 */
const INIT = `#!/bin/sh
set -eu
for file in hosts hostname resolv.conf; do
  if grep -q " /etc/$file " /proc/self/mounts; then
    cp "/etc/$file" "/run/care-lab.$file"
    umount "/etc/$file"
    [ -s "/etc/$file" ] || cat "/run/care-lab.$file" >"/etc/$file"
    rm -f "/run/care-lab.$file"
  fi
done
if [ -s /etc/hostname ]; then hostname -F /etc/hostname; fi
cp /proc/sys/kernel/random/uuid /run/care-lab.boot_id
mount --bind /run/care-lab.boot_id /proc/sys/kernel/random/boot_id
mount -o remount,bind,ro /proc/sys/kernel/random/boot_id
mkdir -p /run/care-lab.proc
mount -t proc proc /run/care-lab.proc
mount --bind /run/care-lab.proc/sys/net /proc/sys/net
umount -l /run/care-lab.proc
rmdir /run/care-lab.proc
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then mount -o remount,rw /sys/fs/cgroup || true; fi
if [ -d ${SEED_DIRECTORY}/seed ]; then
  seed=${SEED_DIRECTORY}/seed
  for user in ${LOGIN_USER} ${PASSWORD_USER}; do
    install -d -o "$user" -g "$user" -m 0700 "/home/$user/.ssh"
    install -o "$user" -g "$user" -m 0600 "$seed/authorized_keys" "/home/$user/.ssh/authorized_keys"
  done
  chpasswd <"$seed/passwords"
  install -m 0600 "$seed/ssh_host_ed25519_key" /etc/ssh/ssh_host_ed25519_key
  install -m 0644 "$seed/ssh_host_ed25519_key.pub" /etc/ssh/ssh_host_ed25519_key.pub
  rm -rf ${SEED_DIRECTORY}
fi
exec /sbin/init "$@"
`;

/** sshd reads it first, so it wins over Debian's defaults; a hardening role may still replace it. */
const SSHD = `# The lab: keys only, no root login. The host key is the lab's own.
PermitRootLogin no
PasswordAuthentication no
HostKey /etc/ssh/ssh_host_ed25519_key
`;

/** CAP_SYS_TIME would let a lab host set the machine's clock: chronyd runs without touching it (chronyd(8), -x). */
const CHRONY = `[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x
`;

/** /proc/sys is read-only but for net: systemd-sysctl sets what it can and passes over the rest. */
const SYSCTL = `[Unit]
ConditionPathIsReadWrite=
ConditionPathIsReadWrite=/proc/sys/net
`;

/** A file of an image. */
export interface ImageFile {
  readonly path: string;
  readonly mode: string;
  readonly text: string;
}

const SSHD_FILE: ImageFile = { path: '/etc/ssh/sshd_config.d/10-care-lab.conf', mode: '0644', text: SSHD };

/** What containers need and virtual machines do not. */
const CONTAINER_FILES: readonly ImageFile[] = [
  { path: '/usr/local/sbin/care-lab-init', mode: '0755', text: INIT },
  SSHD_FILE,
  { path: '/etc/systemd/system/chrony.service.d/10-care-lab.conf', mode: '0644', text: CHRONY },
  { path: '/etc/systemd/system/systemd-sysctl.service.d/10-care-lab.conf', mode: '0644', text: SYSCTL },
];

/** What the images of both beds have: sudo, and this machine's mirror, settings of apt and certificates. */
function machineFiles(input: RecipeInput): readonly ImageFile[] {
  const list: ImageFile[] = [
    { path: `/etc/sudoers.d/10-care-lab`, mode: '0440', text: `${LOGIN_USER} ALL=(ALL:ALL) NOPASSWD: ALL\n${PASSWORD_USER} ALL=(ALL:ALL) ALL\n` },
  ];
  if (input.aptSettings.length > 0) {
    list.push({ path: '/etc/apt/apt.conf.d/90care-lab', mode: '0644', text: `${input.aptSettings.join('\n')}\n` });
  }
  if (input.sources !== undefined) list.push({ path: '/etc/apt/sources.list.d/debian.sources', mode: '0644', text: input.sources });
  for (const ca of input.certificates) list.push({ path: `/usr/local/share/ca-certificates/${ca.name}`, mode: '0644', text: ca.text });
  return list;
}

/** Lines of a hook that write the files, and make the two users. */
function common(input: RecipeInput, files: readonly ImageFile[]): readonly string[] {
  const lines = ['#!/bin/sh', 'set -eu', 'root=$1'];
  if (input.sources !== undefined) lines.push('rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*');
  for (const file of [...files, ...machineFiles(input)]) {
    lines.push(`mkdir -p "$root$(dirname ${file.path})"`, `base64 -d >"$root${file.path}" <<'END'`, Buffer.from(file.text).toString('base64'), 'END', `chmod ${file.mode} "$root${file.path}"`);
  }
  lines.push(`for user in ${LOGIN_USER} ${PASSWORD_USER}; do chroot "$root" useradd --create-home --shell /bin/bash --password '*' "$user"; done`);
  return lines;
}

/** Lines that take away what each host must have of its own; /etc/machine-id stays as an empty file (machine-id(5): set at first boot). */
const IMPERSONAL: readonly string[] = [
  'chroot "$root" update-ca-certificates >/dev/null',
  'rm -f "$root"/etc/ssh/ssh_host_* "$root"/var/lib/dbus/machine-id "$root"/etc/resolv.conf "$root"/etc/hostname "$root"/etc/hosts',
  ': >"$root/etc/machine-id"',
];

/** The script that mmdebstrap runs with the new root as `$1`. Units that need kernel modules or wait for a network manager are masked. */
export function customizeHook(input: RecipeInput): string {
  return [
    ...common(input, CONTAINER_FILES),
    'for unit in systemd-modules-load.service systemd-networkd-wait-online.service systemd-firstboot.service console-getty.service getty.target; do ln -sf /dev/null "$root/etc/systemd/system/$unit"; done',
    ...IMPERSONAL,
    `mkdir -p "$root${SEED_DIRECTORY}"`,
    'chroot "$root" apt-get clean',
    '',
  ].join('\n');
}

/**
 * The same for an image of another bed: its own files and steps in place of what containers need.
 *
 * @param steps lines of POSIX sh with `$root`, run before the keys are taken away
 */
export function customizeHookWith(input: RecipeInput, files: readonly ImageFile[], steps: readonly string[]): string {
  return [...common(input, [SSHD_FILE, ...files]), ...steps, ...IMPERSONAL, 'chroot "$root" apt-get clean', ''].join('\n');
}

/** Same hash, same image: what it is built from, packages and text, without the versions of a day. */
export function recipeHash(input: RecipeInput): string {
  return createHash('sha256').update(JSON.stringify([PACKAGES, customizeHook(input), input])).digest('hex').slice(0, 16);
}

export function imageTag(release: Release): string {
  return `care-lab:${release}`;
}
