/** What a person writes of virtual machines on the command line and in an inventory, read and bounded. Pure. */
import { badInput } from '../../support/diagnostic.ts';
import type { HostSpec } from '../spec.ts';

/** The way between two sites. */
export interface Wan {
  /** There and back, in milliseconds: each direction has half of it. */
  readonly rttMs: number;
  /** Of the packets in each direction, in per cent. */
  readonly lossPercent: number;
}

const MOST_RTT_MS = 10_000;
const MOST_LOSS = 50;

/**
 * `80ms/0.1%`: round trip, then loss; the loss may be left out.
 *
 * @throws Diagnostic `lab-wan`
 */
export function parseWan(text: string): Wan {
  const match = /^(\d+(?:\.\d+)?)(ms|s)?(?:\/(\d+(?:\.\d+)?)%)?$/.exec(text);
  const rttMs = Number(match?.[1]) * (match?.[2] === 's' ? 1000 : 1);
  const lossPercent = Number(match?.[3] ?? 0);
  if (match === null || rttMs > MOST_RTT_MS || lossPercent > MOST_LOSS) {
    throw badInput('lab-wan', `${JSON.stringify(text)} is no way between sites`, { detail: `a round-trip time up to 10s and a loss up to ${MOST_LOSS}%, such as 80ms/0.1%` });
  }
  return { rttMs, lossPercent };
}

const MOST_DISKS = 8;
const MOST_GIB = 1024;

/**
 * `2x1G` or `1G,2G` or `1G,2x4G`: the sizes of extra disks in GiB, in their order.
 *
 * @throws Diagnostic `lab-disks`
 */
export function parseDisks(text: string): readonly number[] {
  const sizes = text.split(',').flatMap((word) => {
    const match = /^(?:(\d{1,2})x)?(\d{1,4})G?$/.exec(word.trim());
    return match === null ? [Number.NaN] : Array.from({ length: Number(match[1] ?? 1) }, () => Number(match[2]));
  });
  return checkDisks(sizes, text);
}

/** @throws Diagnostic `lab-disks` */
export function checkDisks(sizes: readonly number[], written: string): readonly number[] {
  if (sizes.length > MOST_DISKS || sizes.some((size) => !Number.isInteger(size) || size < 1 || size > MOST_GIB)) {
    throw badInput('lab-disks', `${JSON.stringify(written)} are no extra disks`, { detail: `up to ${MOST_DISKS} of 1 to ${MOST_GIB} GiB, such as 2x1G or 1G,4G` });
  }
  return sizes;
}

/** Memory of a machine when nobody says otherwise, and the least a Debian with its roles boots in, in MiB. */
export const DEFAULT_MEMORY_MIB = 1024;
const LEAST_MEMORY_MIB = 384;
/** What QEMU takes beside the guest's memory: translated code in software emulation, buffers. */
const OVERHEAD_MIB = 300;

/** What this machine has to give. */
export interface Capacity {
  readonly availableMiB: number;
  readonly cpus: number;
}

/**
 * Refuses machines that this one could not carry: it would begin to kill processes.
 *
 * @param hosts those that do not run yet
 * @throws Diagnostic `lab-memory`, `lab-cpus`
 */
export function checkCapacity(hosts: readonly HostSpec[], capacity: Capacity): void {
  let sum = 0;
  for (const host of hosts) {
    const memory = host.memoryMiB ?? DEFAULT_MEMORY_MIB;
    const cpus = host.cpus ?? 1;
    if (!Number.isInteger(memory) || memory < LEAST_MEMORY_MIB) throw badInput('lab-memory', `host ${host.name} can't have ${memory} MiB of memory`, { detail: `the least is ${LEAST_MEMORY_MIB}` });
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > capacity.cpus) throw badInput('lab-cpus', `host ${host.name} can't have ${cpus} CPUs`, { detail: `this machine has ${capacity.cpus}` });
    sum += memory + OVERHEAD_MIB;
  }
  if (sum > capacity.availableMiB) {
    throw badInput('lab-memory', `the lab's machines need about ${sum} MiB of memory, and this machine has ${capacity.availableMiB} to spare`, {
      remedy: 'fewer hosts (--hosts), or less memory for each (--memory, lab_memory)',
    });
  }
}
