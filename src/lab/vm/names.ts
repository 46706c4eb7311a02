/** Names and places of a lab of virtual machines, all made from its name, so that what a killed command left is found without its notes. Pure. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { LabPaths } from '../state.ts';

/** What belongs to running machines, and goes with a reboot of this one. Sockets need short paths (unix(7): 107 bytes). */
export const RUN_DIRECTORY = '/run/care-provision/vm';

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What the interfaces of a lab begin with: an interface name has up to 15 bytes (IFNAMSIZ), too few for the lab's own name. */
export function interfacePrefix(lab: string): string {
  return `cl-${digest(lab).slice(0, 7)}-`;
}

/** The third and fourth byte of an address, which tell sites and hosts of a lab apart. */
function place(address: string): readonly [site: number, host: number] {
  const bytes = address.split('.').map(Number);
  return [(bytes[2] ?? 0) % 4, bytes[3] ?? 0];
}

/** The bridge of the site that an address is in. */
export function bridgeName(lab: string, address: string): string {
  return `${interfacePrefix(lab)}s${place(address)[0]}`;
}

/** The tap device of the host with an address. */
export function tapName(lab: string, address: string): string {
  const [site, host] = place(address);
  return `${interfacePrefix(lab)}h${(site * 256 + host).toString(16)}`;
}

/** The first address of an address's /24: this machine, and its guests' gateway. */
export function gateway(address: string): string {
  return address.replace(/\d+$/, '1');
}

/** A host's address on the wire, in QEMU's range; the same for as long as lab and host are called the same. */
export function macAddress(lab: string, host: string): string {
  const hex = digest(`${lab}/${host}`);
  return `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}

/** The mark of a lab's firewall rules, as a comment of each. */
export function ruleComment(lab: string): string {
  return `care-provision.lab=${lab}`;
}

/** Where one virtual machine's files are. */
export interface GuestPaths {
  /** Disks, console log and seed: `.care/lab/NAME/vm/HOST`. */
  readonly directory: string;
  readonly root: string;
  readonly disk: (index: number) => string;
  readonly seed: string;
  readonly console: string;
  /** How it is started, and the hash of what it was made from. */
  readonly record: string;
  /** Sockets and process number. */
  readonly run: string;
  readonly pid: string;
  readonly qmp: string;
  readonly agent: string;
}

export function guestPaths(paths: LabPaths, lab: string, host: string): GuestPaths {
  const directory = join(paths.directory, 'vm', host);
  const run = join(RUN_DIRECTORY, lab, host);
  return {
    directory,
    root: join(directory, 'root.qcow2'),
    disk: (index) => join(directory, `disk${index + 1}.qcow2`),
    seed: join(directory, 'seed'),
    console: join(directory, 'console.log'),
    record: join(directory, 'machine.json'),
    run,
    pid: join(run, 'pid'),
    qmp: join(run, 'qmp'),
    agent: join(run, 'agent'),
  };
}
