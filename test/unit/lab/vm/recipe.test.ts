import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { RecipeInput } from '../../../../src/lab/image-recipe.ts';
import { bootRecord } from '../../../../src/lab/vm/boot-record.ts';
import { guestPaths } from '../../../../src/lab/vm/names.ts';
import { qemuArguments } from '../../../../src/lab/vm/qemu-arguments.ts';
import { vmHook, vmRecipeHash } from '../../../../src/lab/vm/recipe.ts';
import { nameservers, vmSeed, wanScript, type SeedInput } from '../../../../src/lab/vm/seed.ts';
import { labPaths } from '../../../../src/lab/state.ts';

const input: RecipeInput = { release: 'trixie', sources: 'Types: deb\n', aptSettings: ['Acquire::Check-Date "false";'], certificates: [] };

describe('the image', () => {
  it('is made by shell without a syntax error, as is what runs at each boot', () => {
    const hook = vmHook(input);
    expect(() => execFileSync('sh', ['-n'], { input: hook })).not.toThrow();
    const encoded = /care-lab-seed" <<'END'\n([^\n]+)\nEND/.exec(hook)?.[1] ?? '';
    const seed = Buffer.from(encoded, 'base64').toString('utf8');
    expect(seed).toContain('modprobe qemu_fw_cfg');
    expect(() => execFileSync('sh', ['-n'], { input: seed })).not.toThrow();
  });
  it('is another one with another recipe', () => {
    expect(vmRecipeHash({ ...input, release: 'bookworm' })).not.toBe(vmRecipeHash(input));
    expect(vmRecipeHash({ ...input })).toBe(vmRecipeHash(input));
  });
  it('has a boot record with GRUB’s code and one active Linux partition to the end of the disk', () => {
    const record = bootRecord(Buffer.alloc(512, 0xaa), 2048, 4096);
    expect(record.length).toBe(512);
    expect(new Set(record.subarray(0, 440))).toEqual(new Set([0xaa]));
    expect([record[446], record[450], record.readUInt32LE(454), record.readUInt32LE(458)]).toEqual([0x80, 0x83, 2048, 2048]);
    expect(record.subarray(462, 510).every((byte) => byte === 0)).toBe(true);
    expect(record.subarray(510).toString('hex')).toBe('55aa');
  });
});

const host = { name: 'a1', site: 'kochi', release: 'trixie' as const, address: '172.30.9.10', disksGiB: [1, 2] };
const seedInput: SeedInput = {
  lab: 'lab',
  network: '172.30.8.0/22',
  host,
  hosts: [host, { ...host, name: 'b1', address: '172.30.8.10' }],
  keys: [{ name: 'passwords', text: 'carepw:x\n' }],
  nameservers: ['192.0.2.53'],
  wan: { rttMs: 80, lossPercent: 0.1 },
};

describe('the seed', () => {
  it('gives a host its name, its neighbours and its place in the network', () => {
    const text = (name: string): string | undefined => vmSeed(seedInput).find((file) => file.name === name)?.text;
    expect(text('passwords')).toBe('carepw:x\n');
    expect(text('hostname')).toBe('a1\n');
    expect(text('hosts')).toBe('127.0.0.1 localhost\n172.30.9.10 a1\n172.30.8.10 b1\n');
    expect(text('resolv.conf')).toBe('nameserver 192.0.2.53\n');
    expect(text('network')).toMatch(/Address=172\.30\.9\.10\/24\nGateway=172\.30\.9\.1\n/);
  });
  it('delays half a round trip towards other sites only', () => {
    const script = wanScript('lab', { network: '172.30.8.0/22', address: '172.30.9.10', wan: seedInput.wan });
    expect(() => execFileSync('sh', ['-n'], { input: script })).not.toThrow();
    expect(script).toContain('delay 40ms loss 0.1%');
    expect(script).toMatch(/prio 2 u32 match ip dst 172\.30\.9\.0\/24 flowid 1:1\n.*prio 3 u32 match ip dst 172\.30\.8\.0\/22 flowid 1:4/);
  });
  it('takes a delay away that is no longer wanted', () => {
    expect(wanScript('lab', { network: '172.30.8.0/22', address: '172.30.9.10', wan: undefined })).toMatch(/qdisc del[^\n]*\n$/);
  });
  it('has only name servers that a guest reaches', () => {
    expect(nameservers('# x\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n search example\nnameserver ::1\n')).toEqual(['192.0.2.1']);
  });
});

describe('QEMU’s arguments', () => {
  const paths = guestPaths(labPaths('/srv/a,b', 'lab'), 'lab', 'a1');
  const args = qemuArguments('lab', host, paths, 'tcg', ['passwords', 'wan']);
  const all = args.join(' ');
  it('name the machine’s own files, with commas as QEMU wants them', () => {
    expect(all).toContain('file=/srv/a,,b/.care/lab/lab/vm/a1/root.qcow2,if=none');
    expect(args.filter((word) => word.startsWith('virtio-blk-pci')).map((word) => /serial=(\w+)/.exec(word)?.[1])).toEqual(['root', 'disk1', 'disk2']);
    expect(args.slice(args.indexOf('-pidfile'), -1)).toEqual(['-pidfile', '/run/care-provision/vm/lab/a1/pid']);
  });
  it('hold no secret, only the names of files', () => {
    expect(all).toContain('name=opt/care-lab/passwords,file=/srv/a,,b/.care/lab/lab/vm/a1/seed/passwords');
    expect(all).not.toContain('carepw');
  });
  it('bound memory, processors and translated code', () => {
    expect(all).toMatch(/tb-size=\d+/);
    expect(all).toContain('-smp 1 -m 1024');
    expect(qemuArguments('lab', { ...host, memoryMiB: 2048, cpus: 2 }, paths, 'kvm', []).join(' ')).toMatch(/-accel kvm -cpu host -smp 2 -m 2048/);
  });
});
