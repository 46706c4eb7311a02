/**
 * What a Vagrant box of the lab holds: the virtual machines' Debian, without the lab's own ways in and with what Vagrant expects of a
 * base box (https://developer.hashicorp.com/vagrant/docs/boxes/base). Pure text; box.ts builds it.
 */
import { createHash } from 'node:crypto';
import { customizeHookWith, type ImageFile, type RecipeInput, type Release } from '../image-recipe.ts';
import { BOOT_FILES, BOOT_STEPS, FIRST_SECTOR, ROOT_GIB, VM_PACKAGES } from './recipe.ts';

/** systemd-resolved asks the name servers that DHCP names: those of Vagrant's own network. */
export const BOX_PACKAGES = [...VM_PACKAGES, 'systemd-resolved'] as const;

/** The login of Vagrant, and the key that every base box lets in: `vagrant up` puts one of its own in its place (keys/vagrant.pub of Vagrant). */
const VAGRANT_USER = 'vagrant';
const INSECURE_KEY =
  'ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key';

/** What each host must have of its own, made at its first boot: the image has neither (image-recipe.ts, IMPERSONAL). */
const FIRST_BOOT = `#!/bin/sh
set -eu
[ -s /etc/hosts ] || printf '127.0.0.1 localhost\\n::1 localhost ip6-localhost ip6-loopback\\n' >/etc/hosts
chmod 0644 /etc/hosts
rm -f /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub
ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
install -d -m 0755 /var/lib/care-box
: >/var/lib/care-box/first-boot
sync
`;

const FIRST_BOOT_UNIT = `[Unit]
Description=What this host has of its own: its SSH host key
ConditionPathExists=!/var/lib/care-box/first-boot
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/care-box-first-boot

[Install]
WantedBy=multi-user.target
`;

/** The first interface is Vagrant's own network; the others are given their settings by Vagrant (systemd-networkd is active, so by files of its kind). */
const NETWORK = `[Match]
Name=eth0

[Network]
DHCP=ipv4
IPv6AcceptRA=no

[DHCPv4]
ClientIdentifier=mac
`;

const FILES: readonly ImageFile[] = [
  { path: '/usr/local/sbin/care-box-first-boot', mode: '0755', text: FIRST_BOOT },
  { path: '/etc/systemd/system/care-box-first-boot.service', mode: '0644', text: FIRST_BOOT_UNIT },
  { path: '/etc/systemd/network/10-vagrant-management.network', mode: '0644', text: NETWORK },
  { path: '/etc/sudoers.d/10-vagrant', mode: '0440', text: `${VAGRANT_USER} ALL=(ALL:ALL) NOPASSWD: ALL\n` },
  ...BOOT_FILES,
];

const STEPS: readonly string[] = [
  'for unit in care-box-first-boot.service systemd-networkd.service systemd-resolved.service; do chroot "$root" systemctl enable "$unit" 2>/dev/null; done',
  `chroot "$root" useradd --create-home --shell /bin/bash --password '*' ${VAGRANT_USER}`,
  `chroot "$root" install -d -o ${VAGRANT_USER} -g ${VAGRANT_USER} -m 0700 /home/${VAGRANT_USER}/.ssh`,
  `printf '%s\\n' '${INSECURE_KEY}' >"$root/home/${VAGRANT_USER}/.ssh/authorized_keys"`,
  `chroot "$root" chown ${VAGRANT_USER}:${VAGRANT_USER} /home/${VAGRANT_USER}/.ssh/authorized_keys`,
  `chmod 0600 "$root/home/${VAGRANT_USER}/.ssh/authorized_keys"`,
  ...BOOT_STEPS,
];

/** The script that mmdebstrap runs with the new root as `$1`. */
export function boxHook(input: RecipeInput): string {
  return customizeHookWith(input, FILES, STEPS);
}

/** Same hash, same box. */
export function boxRecipeHash(input: RecipeInput): string {
  return createHash('sha256').update(JSON.stringify([BOX_PACKAGES, ROOT_GIB, FIRST_SECTOR, boxHook(input), input, BOX_METADATA])).digest('hex').slice(0, 16);
}

/** metadata.json of the box: how vagrant-libvirt reads it (its documentation, "Box Format", version 1). The size is in GiB. */
export const BOX_METADATA = { provider: 'libvirt', format: 'qcow2', virtual_size: ROOT_GIB } as const;

/** What `config.vm.box` is called. */
export function boxName(release: Release): string {
  return `care-provision/${release}`;
}

/**
 * The version of a box made at a time: numbers with dots, later ones greater, as Vagrant compares them (RubyGems' rules).
 *
 * @returns such as `20261126.201500`, in UTC
 */
export function boxVersion(now: Date): string {
  const [date = '', time = ''] = now.toISOString().split('T');
  return `${date.replaceAll('-', '')}.${time.slice(0, 8).replaceAll(':', '')}`;
}

export interface Catalogue {
  readonly release: Release;
  readonly version: string;
  readonly recipe: string;
  /** `file:` address of the box. */
  readonly url: string;
  /** SHA-256 of the box, in hex. */
  readonly checksum: string;
}

/** Says of which recipe a box is, for {@link isOfRecipe}. */
function description(release: Release, recipe: string): string {
  return `Debian ${release} of the lab, recipe ${recipe}`;
}

/** Text of the catalogue that `config.vm.box_url` names ("Box Versioning" of Vagrant's documentation): by it `vagrant box update` finds a newer box. */
export function catalogueText(input: Catalogue): string {
  const provider = { name: BOX_METADATA.provider, url: input.url, checksum_type: 'sha256', checksum: input.checksum };
  return `${JSON.stringify({ name: boxName(input.release), description: description(input.release, input.recipe), versions: [{ version: input.version, providers: [provider] }] }, undefined, 2)}\n`;
}

/** Whether a catalogue is of a box of this recipe. @param text undefined when there is none */
export function isOfRecipe(text: string | undefined, release: Release, recipe: string): boolean {
  return text?.includes(JSON.stringify(description(release, recipe))) ?? false;
}
