/**
 * What a virtual machine's disk holds: the Debian of the lab's containers with a kernel and a boot loader of its own, so that a
 * kernel upgrade is one. Pure text; image.ts builds it.
 */
import { createHash } from 'node:crypto';
import { customizeHookWith, LOGIN_USER, PACKAGES, PASSWORD_USER, type ImageFile, type RecipeInput } from '../image-recipe.ts';

/** The cloud kernel is the smaller one; it has dm-crypt, WireGuard, netem and softdog. qemu-guest-agent is the way in for `lab exec`. */
export const VM_PACKAGES = [...PACKAGES, 'e2fsprogs', 'grub2-common', 'grub-pc-bin', 'initramfs-tools', 'linux-image-cloud-amd64', 'qemu-guest-agent', 'udev', 'zstd'] as const;

/** Label of the root file system: fstab and the boot loader find it by this. */
export const ROOT_LABEL = 'care-root';
/** Where the first partition begins, in sectors of 512 bytes: before it are the boot record and GRUB's core. */
export const FIRST_SECTOR = 2048;
/** Size of the root disk, in GiB; files are sparse, so this is the most it may grow to. */
export const ROOT_GIB = 20;
/** Where QEMU shows the lab's files to a guest (Linux: drivers/firmware/qemu_fw_cfg.c), and under which prefix. */
export const FW_CFG = 'opt/care-lab';
const BY_NAME = `/sys/firmware/qemu_fw_cfg/by_name/${FW_CFG}`;

/**
 * Runs early at each boot. Keys, name and addresses are taken once, at the first boot, and are the host's own from then on: roles
 * may change them. The delay between sites is the lab's, so it is taken at each boot.
 */
const SEED = `#!/bin/sh
set -eu
modprobe qemu_fw_cfg
file() { cat "${BY_NAME}/$1/raw"; }
if ! [ -e /var/lib/care-lab/seeded ]; then
  umask 077
  file hostname >/etc/hostname
  file hosts >/etc/hosts
  file resolv.conf >/etc/resolv.conf
  file network >/etc/systemd/network/10-care-lab.network
  chmod 0644 /etc/hostname /etc/hosts /etc/resolv.conf /etc/systemd/network/10-care-lab.network
  hostname -F /etc/hostname
  for user in ${LOGIN_USER} ${PASSWORD_USER}; do
    install -d -o "$user" -g "$user" -m 0700 "/home/$user/.ssh"
    file authorized_keys >"/home/$user/.ssh/authorized_keys"
    chown "$user:$user" "/home/$user/.ssh/authorized_keys"
  done
  file passwords | chpasswd
  file ssh_host_ed25519_key >/etc/ssh/ssh_host_ed25519_key
  file ssh_host_ed25519_key.pub >/etc/ssh/ssh_host_ed25519_key.pub
  chmod 0644 /etc/ssh/ssh_host_ed25519_key.pub
  install -d -m 0755 /var/lib/care-lab
  : >/var/lib/care-lab/seeded
  sync
fi
install -d -m 0755 /run/care-lab
file wan >/run/care-lab/wan
`;

const SEED_UNIT = `[Unit]
Description=What the lab gave this host: keys, name, addresses
DefaultDependencies=no
After=systemd-remount-fs.service systemd-udevd.service
Before=sysinit.target network-pre.target systemd-networkd.service ssh.service
Wants=network-pre.target
RequiresMountsFor=/var /etc /home

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/care-lab-seed

[Install]
WantedBy=sysinit.target
`;

const WAN_UNIT = `[Unit]
Description=Delay and loss towards the lab's other sites
After=care-lab-seed.service systemd-networkd.service sys-subsystem-net-devices-eth0.device
Requires=care-lab-seed.service
Wants=sys-subsystem-net-devices-eth0.device
Before=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /run/care-lab/wan

[Install]
WantedBy=multi-user.target
`;

/** Kept short, so that software emulation unpacks it quickly: what the disk and the file system need. */
const INITRAMFS_MODULES = 'virtio_pci\nvirtio_blk\next4\n';

const GRUB_DEFAULTS = `GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=ttyS0,115200n8 net.ifnames=0"
GRUB_TERMINAL=console
`;

/**
 * Until update-grub has run on the host for the first time (it cannot in a chroot without disks): boots what the symbolic links of
 * Debian's kernel packages lead to, which is the newest.
 */
const FIRST_GRUB = `set timeout=0
search --no-floppy --label ${ROOT_LABEL} --set=root
linux /vmlinuz root=LABEL=${ROOT_LABEL} ro console=ttyS0,115200n8 net.ifnames=0
initrd /initrd.img
boot
`;

/** What a disk needs to boot by itself. */
export const BOOT_FILES: readonly ImageFile[] = [
  { path: '/etc/fstab', mode: '0644', text: `LABEL=${ROOT_LABEL} / ext4 errors=remount-ro 0 1\n` },
  { path: '/etc/initramfs-tools/conf.d/care-lab', mode: '0644', text: 'MODULES=list\n' },
  { path: '/etc/initramfs-tools/modules', mode: '0644', text: INITRAMFS_MODULES },
  { path: '/etc/default/grub', mode: '0644', text: GRUB_DEFAULTS },
  { path: '/boot/grub/grub.cfg', mode: '0644', text: FIRST_GRUB },
  { path: '/etc/default/locale', mode: '0644', text: 'LANG=C.UTF-8\n' },
];

const FILES: readonly ImageFile[] = [
  { path: '/usr/local/sbin/care-lab-seed', mode: '0755', text: SEED },
  { path: '/etc/systemd/system/care-lab-seed.service', mode: '0644', text: SEED_UNIT },
  { path: '/etc/systemd/system/care-lab-wan.service', mode: '0644', text: WAN_UNIT },
  ...BOOT_FILES,
];

/** Modules of GRUB that reach /boot/grub by themselves; grub.cfg loads others from there. */
const GRUB_CORE = 'biosdisk part_msdos ext2 normal linux configfile search search_label search_fs_uuid echo test ls';

/** Lines that make an initial file system and GRUB's core, with the new root as `$root`. */
export const BOOT_STEPS: readonly string[] = [
  'ln -sf /dev/null "$root/etc/systemd/system/systemd-firstboot.service"',
  'chroot "$root" update-initramfs -u -k all >/dev/null',
  'mkdir -p "$root/boot/grub/i386-pc"',
  'cp "$root"/usr/lib/grub/i386-pc/*.mod "$root"/usr/lib/grub/i386-pc/*.lst "$root/boot/grub/i386-pc/"',
  `chroot "$root" grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub' -o /boot/grub/i386-pc/core.img ${GRUB_CORE}`,
];

const STEPS: readonly string[] = [
  'for unit in care-lab-seed.service care-lab-wan.service systemd-networkd.service; do chroot "$root" systemctl enable "$unit" 2>/dev/null; done',
  ...BOOT_STEPS,
];

/** The script that mmdebstrap runs with the new root as `$1`. */
export function vmHook(input: RecipeInput): string {
  return customizeHookWith(input, FILES, STEPS);
}

/** Same hash, same image. */
export function vmRecipeHash(input: RecipeInput): string {
  return createHash('sha256').update(JSON.stringify([VM_PACKAGES, ROOT_GIB, FIRST_SECTOR, vmHook(input), input])).digest('hex').slice(0, 16);
}
