import { describe, expect, it } from 'vitest';
import { hostsFromInventory } from '../../../../src/lab/inventory-hosts.ts';
import { checkCapacity, parseDisks, parseWan } from '../../../../src/lab/vm/words.ts';
import type { HostSpec } from '../../../../src/lab/spec.ts';

describe('parseWan', () => {
  it.each([
    ['80ms/0.1%', { rttMs: 80, lossPercent: 0.1 }],
    ['80ms', { rttMs: 80, lossPercent: 0 }],
    ['0.2s/5%', { rttMs: 200, lossPercent: 5 }],
    ['30', { rttMs: 30, lossPercent: 0 }],
  ])('reads %s', (text, wan) => { expect(parseWan(text)).toEqual(wan); });
  it.each(['', 'fast', '80ms/', '80ms/0.1', '-1ms', '11s', '80ms/51%', '80ms/0.1%/x'])('refuses %j', (text) => { expect(() => parseWan(text)).toThrow('no way between sites'); });
});

describe('parseDisks', () => {
  it.each([['2x1G', [1, 1]], ['1G,4G', [1, 4]], ['3', [3]], ['1G,2x4G', [1, 4, 4]]])('reads %s', (text, sizes) => { expect(parseDisks(text)).toEqual(sizes); });
  it.each(['', '0G', '9x1G', '1025G', '1T', '1G,,1G'])('refuses %j', (text) => { expect(() => parseDisks(text)).toThrow('no extra disks'); });
});

describe('checkCapacity', () => {
  const host = (more: Partial<HostSpec> = {}): HostSpec => ({ name: 'a', site: 's', release: 'trixie', ...more });
  it('counts what QEMU takes beside the memory of its guest', () => {
    expect(() => { checkCapacity([host(), host()], { availableMiB: 2700, cpus: 1 }); }).not.toThrow();
    expect(() => { checkCapacity([host(), host()], { availableMiB: 2600, cpus: 1 }); }).toThrow('need about 2648 MiB');
  });
  it('refuses what no Debian boots in, and more CPUs than there are', () => {
    expect(() => { checkCapacity([host({ memoryMiB: 100 })], { availableMiB: 9999, cpus: 1 }); }).toThrow("can't have 100 MiB");
    expect(() => { checkCapacity([host({ cpus: 2 })], { availableMiB: 9999, cpus: 1 }); }).toThrow("can't have 2 CPUs");
  });
});

describe('an inventory', () => {
  const inventory = (own: string): string => `all:\n  hosts:\n    a: { site: kochi, ${own} }\n    b: { site: kochi }\n`;
  it('says memory, CPUs and disks of a host', () => {
    expect(hostsFromInventory(inventory('lab_memory: 2048, lab_cpus: 2, lab_disks: [1, 4]'), 'hosts.yml')).toEqual([
      { name: 'a', site: 'kochi', release: 'trixie', memoryMiB: 2048, cpus: 2, disksGiB: [1, 4] },
      { name: 'b', site: 'kochi', release: 'trixie' },
    ]);
  });
  it.each(['lab_memory: big', 'lab_cpus: 0', 'lab_disks: 2', 'lab_disks: [x]', 'lab_disks: [0]'])('is refused with %s', (own) => {
    expect(() => hostsFromInventory(inventory(own), 'hosts.yml')).toThrow();
  });
});
