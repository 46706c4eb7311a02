/** The command line of one virtual machine. Pure. */
import type { PlacedHost } from '../spec.ts';
import { macAddress, tapName, type GuestPaths } from './names.ts';
import { FW_CFG } from './recipe.ts';
import { DEFAULT_MEMORY_MIB } from './words.ts';

export type Acceleration = 'kvm' | 'tcg';

/** Memory for translated code: QEMU's own default is a gigabyte for each guest (accel/tcg/region.c). */
const TRANSLATED_MIB = 192;
/** All that software emulation can do, but for a fifth level of page tables, which makes each walk through them longer and which no guest of this size needs. */
const EMULATED_CPU = 'max,la57=off';

function acceleration(kind: Acceleration): readonly string[] {
  return kind === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', `tcg,thread=multi,tb-size=${TRANSLATED_MIB}`, '-cpu', EMULATED_CPU];
}

/**
 * The disk's flushes are not passed on to this machine's own disk (`cache=unsafe`): a lab survives the end of its QEMU at any moment,
 * as a disk without power does, and not a power cut of this machine.
 */
function disk(file: string, id: string): readonly string[] {
  return ['-drive', `file=${comma(file)},if=none,id=${id},format=qcow2,cache=unsafe,discard=unmap`, '-device', `virtio-blk-pci,drive=${id},serial=${id}`];
}

/** Commas separate QEMU's options; one in a value is written twice (qemu(1)). */
function comma(value: string): string {
  return value.replaceAll(',', ',,');
}

/**
 * @param seed names of the files in the machine's seed directory
 * @returns arguments of qemu-system-x86_64, which goes to the background once the machine is made
 */
export function qemuArguments(lab: string, host: PlacedHost, paths: GuestPaths, kind: Acceleration, seed: readonly string[]): readonly string[] {
  return [
    '-name', `${lab}.${host.name}`,
    '-nodefaults', '-no-user-config', '-display', 'none',
    '-machine', 'pc', ...acceleration(kind), '-smp', String(host.cpus ?? 1), '-m', String(host.memoryMiB ?? DEFAULT_MEMORY_MIB),
    ...disk(paths.root, 'root'),
    ...(host.disksGiB ?? []).flatMap((_, index) => disk(paths.disk(index), `disk${index + 1}`)),
    '-netdev', `tap,id=net0,ifname=${tapName(lab, host.address)},script=no,downscript=no`, '-device', `virtio-net-pci,netdev=net0,mac=${macAddress(lab, host.name)}`,
    '-device', 'virtio-rng-pci',
    // Debian 13's kernels drive it, of Debian 12 the generic one; all have softdog.
    '-device', 'i6300esb',
    '-chardev', `file,id=console,path=${comma(paths.console)},append=on`, '-serial', 'chardev:console',
    '-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${comma(paths.agent)},server=on,wait=off`, '-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0',
    '-qmp', `unix:${comma(paths.qmp)},server=on,wait=off`,
    ...seed.flatMap((name) => ['-fw_cfg', `name=${FW_CFG}/${name},file=${comma(`${paths.seed}/${name}`)}`]),
    '-pidfile', paths.pid, '-daemonize',
  ];
}
