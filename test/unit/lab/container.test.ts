import { describe, expect, it } from 'vitest';
import { containerSpec, dockerCreateArguments } from '../../../src/lab/container.ts';
import { missingCapabilities, type MachineFacts } from '../../../src/lab/machine.ts';
import type { PlacedHost } from '../../../src/lab/spec.ts';

const host = (release: 'trixie' | 'bookworm'): PlacedHost => ({ name: 'h1', site: 's', release, address: '172.30.0.10' });
const spec = (release: 'trixie' | 'bookworm', machine: MachineFacts): ReturnType<typeof containerSpec> => containerSpec('lab', host(release), machine);

describe('missingCapabilities', () => {
  it('reads the bounding set', () => {
    expect(missingCapabilities('Name:\tx\nCapBnd:\t000001fffeffffff\n')).toEqual(['SYS_RESOURCE']);
    expect(missingCapabilities('CapBnd:\t000001ffffffffff\n')).toEqual([]);
    expect(missingCapabilities('CapBnd:\t000000fffffffffe\n')).toEqual(['CHOWN', 'CHECKPOINT_RESTORE']);
  });
  it('presumes nothing where it can\'t be read', () => {
    expect(missingCapabilities('')).toEqual([]);
  });
});

describe('containerSpec', () => {
  it('never gives what reaches through to the machine, nor what the machine lacks', () => {
    expect(spec('trixie', { cgroup: 2, missingCapabilities: [] }).capDrop).toEqual(['SYS_MODULE', 'SYS_RAWIO', 'SYS_TIME']);
    expect(spec('trixie', { cgroup: 2, missingCapabilities: ['SYS_RESOURCE', 'SYS_TIME'] }).capDrop).toEqual(['SYS_MODULE', 'SYS_RAWIO', 'SYS_RESOURCE', 'SYS_TIME']);
  });
  it('makes Debian 13 accept cgroup v1, and only there', () => {
    const forced = ['SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1', 'systemd.unified_cgroup_hierarchy=0'];
    expect(spec('trixie', { cgroup: 1, missingCapabilities: [] }).command).toEqual(forced);
    expect(spec('bookworm', { cgroup: 1, missingCapabilities: [] }).command).toEqual([]);
    expect(spec('trixie', { cgroup: 2, missingCapabilities: [] }).command).toEqual([]);
  });
  it('leaves systemd a tmpfs for its hierarchies with v1, and docker\'s tree with v2', () => {
    expect(spec('trixie', { cgroup: 1, missingCapabilities: [] }).tmpfs).toHaveProperty(['/sys/fs/cgroup']);
    expect(spec('trixie', { cgroup: 2, missingCapabilities: [] }).tmpfs).not.toHaveProperty(['/sys/fs/cgroup']);
  });
  it('opens the machine to a host only when that runs containers of its own', () => {
    const machine: MachineFacts = { cgroup: 2, missingCapabilities: [] };
    const nested = containerSpec('lab', { ...host('trixie'), nested: true }, machine);
    expect([spec('trixie', machine).devices, spec('trixie', machine).deviceCgroupRules, spec('trixie', machine).volumes]).toEqual([[], [], []]);
    expect(dockerCreateArguments(nested).join(' ')).toContain('--device /dev/kmsg --device-cgroup-rule a *:* rwm --volume /var/lib/containerd ');
    expect(nested.capDrop).toEqual(spec('trixie', machine).capDrop);
  });
  it('carries the labels that teardown goes by', () => {
    expect(containerSpec('lab', host('trixie'), { cgroup: 2, missingCapabilities: [] }, { more: 'x' }).labels).toEqual({
      'care-provision.lab': 'lab', 'care-provision.host': 'h1', more: 'x',
    });
  });
});

describe('dockerCreateArguments', () => {
  it('ends with the image and the arguments of init', () => {
    const args = dockerCreateArguments(spec('trixie', { cgroup: 1, missingCapabilities: [] }));
    expect(args.slice(-3)).toEqual(['care-lab:trixie', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1', 'systemd.unified_cgroup_hierarchy=0']);
    expect(args.join(' ')).toContain('--name lab.h1 --hostname h1 --network care-provision.lab --ip 172.30.0.10 ');
    expect(args.join(' ')).toContain('--cgroupns private --stop-signal SIGRTMIN+3 ');
    expect(args).not.toContain('--privileged');
  });
});
