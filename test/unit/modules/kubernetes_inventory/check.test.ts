import { describe, expect, it } from 'vitest';
import { checkInventory } from '../../../../src/modules/kubernetes_inventory/check.ts';
import { kubernetesInventory } from '../../../../src/modules/kubernetes_inventory/index.ts';
import { KubernetesInventoryArgs } from '../../../../src/modules/kubernetes_inventory/schema.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeHost } from '../fake-host.ts';
import { goldenCases } from '../golden.ts';

goldenCases(kubernetesInventory, import.meta.url);

const plane = (name: string, address: string, site = ''): { name: string; address: string; site: string } => ({ name, address, site });
const SOUND = {
  version: '1.36.4',
  control_planes: [plane('a1', '10.0.0.1', 'kochi'), plane('a2', '10.0.0.2', 'delhi'), plane('a3', '10.0.0.3', 'pune')],
  pod_network: '10.244.0.0/16', pod_network_node_prefix: 24, service_network: '10.96.0.0/16',
};
const check = (more: Readonly<Record<string, unknown>>): string => checkInventory(KubernetesInventoryArgs.parse({ ...SOUND, ...more })).join('\n');

describe('checkInventory', () => {
  it('lets a sound one be', () => {
    expect(check({ geo_ha: 'required', nodes: [plane('w1', '10.0.9.9')] })).toBe('');
    expect(check({ control_planes: [plane('a1', '10.0.0.1')], allow_single: true })).toBe('');
  });

  it('wants three control planes, or five, unless told otherwise', () => {
    expect(check({ control_planes: SOUND.control_planes.slice(0, 2) })).toContain('2 control planes (a1, a2): the loss of one');
    expect(check({ control_planes: SOUND.control_planes.slice(0, 2), allow_single: true })).toContain('an even number');
    expect(check({ control_planes: [...SOUND.control_planes, plane('a4', '10.0.0.4')] })).toContain('4 control planes (a1, a2, a3, a4): an even number');
    expect(check({ control_planes: SOUND.control_planes.slice(0, 2), allow_even: true })).toBe('');
    expect(check({ control_planes: SOUND.control_planes.slice(0, 1), allow_even: true })).toContain('1 control plane (a1): the loss of one');
    expect(check({ control_planes: SOUND.control_planes.slice(0, 2), allow_even: true, geo_ha: 'required' })).toContain('no majority');
    expect(check({ control_planes: [...SOUND.control_planes, plane('a4', '10.0.0.4')], allow_even: true })).toBe('');
    expect(check({ control_planes: [] })).toContain('the group is empty');
  });

  it('names the site that must not be lost', () => {
    const two = [plane('a1', '10.0.0.1', 'kochi'), plane('a2', '10.0.0.2', 'kochi'), plane('b1', '10.0.0.3', 'delhi')];
    expect(check({ control_planes: two, geo_ha: 'required' })).toBe('site kochi has 2 of 3 control planes (a1, a2): with it gone the others are no majority, and geo_ha is required. Take three sites, or two and a witness');
    expect(check({ control_planes: two })).toBe('');
  });

  it('refuses networks that overlap, with each other and with hosts', () => {
    expect(check({ service_network: '10.244.128.0/17' })).toContain('overlap');
    expect(check({ pod_network: '10.0.0.0/16' })).toContain('overlaps a1 (10.0.0.1), a2 (10.0.0.2), a3 (10.0.0.3)');
    expect(check({ host_networks: ['10.96.4.0/24'] })).toContain('the network of the services, 10.96.0.0/16, overlaps the network 10.96.4.0/24');
    expect(check({ host_networks: ['10.97.0.0/16'] })).toBe('');
  });

  it('counts the parts of the pod network, and the addresses of one', () => {
    expect(check({ pod_network: '10.244.0.0/23' })).toContain('has room for 2 parts of /24, and there are 3 nodes');
    expect(check({ pod_network: '10.244.0.0/25', max_pods: 10 })).toContain('no part');
    expect(check({ pod_network_node_prefix: 25, max_pods: 125 })).toBe('');
    expect(check({ pod_network_node_prefix: 25, max_pods: 126 })).toContain('has 125 addresses');
  });

  it('refuses addresses that are none, or are another host’s', () => {
    expect(check({ nodes: [plane('w1', 'w1.example.org')] })).toContain('w1 has the address "w1.example.org"');
    expect(check({ nodes: [plane('w1', '10.0.0.2')] })).toBe('a2 and w1 have one address, 10.0.0.2');
  });

  it('holds versions to the skew that Kubernetes supports', () => {
    expect(check({ version: '1.33.13' })).toContain('gets no more fixes');
    expect(check({ nodes: [{ ...plane('w1', '10.0.9.9'), version: '1.33.4' }] })).toBe('');
    expect(check({ nodes: [{ ...plane('w1', '10.0.9.9'), version: '1.32.4' }] })).toContain('more than 3 minor versions older');
    expect(check({ nodes: [{ ...plane('w1', '10.0.9.9'), version: '1.37.0' }] })).toContain('newer than the control planes');
    expect(check({ control_planes: [...SOUND.control_planes.slice(0, 2), { ...plane('a3', '10.0.0.3'), version: '1.35.4' }] })).toContain('a3 is to have 1.35.4');
  });

  it('refuses keys that the API server would not start with, without showing them', () => {
    const key = (bytes: number): Secret => new Secret(Buffer.alloc(bytes, 7).toString('base64'), { register: false });
    expect(check({ encryption_keys: [{ name: 'one', key: key(32) }, { name: 'two', key: key(32) }] })).toBe('');
    expect(check({ encryption_keys: [{ name: 'one', key: key(33) }, { name: 'one', key: key(32) }] })).toBe('the encryption key one is not 32 bytes in base64: head -c 32 /dev/urandom | base64\ntwo encryption keys are named one');
    expect(check({ encryption_keys: [] })).toContain('is empty');
  });

  it('refuses timing that etcd does not start with', () => {
    expect(check({ etcd_heartbeat_ms: 100, etcd_election_ms: 1000 })).toBe('');
    expect(check({ etcd_heartbeat_ms: 300, etcd_election_ms: 1000 })).toContain('less than five heartbeats of 300 ms');
  });

  it('refuses a host that is two things at once', () => {
    expect(check({ nodes: [plane('a1', '10.0.0.1')] })).toContain("a1 can't be control plane and worker");
    expect(check({ etcd_hosts: ['a2', 'elsewhere'] })).toContain('a2 would run two etcds');
  });
});

it('warns of a version that gets no more fixes, or soon none', () => {
  const warnings = (version: string, day: string): unknown => {
    const plan = kubernetesInventory.prepare({ ...SOUND, version }).plan(fakeHost({ base: { epoch: Date.parse(day) / 1000 } }));
    return [plan.type, 'warnings' in plan ? plan.warnings : []];
  };
  expect(warnings('1.36.4', '2026-11-26')).toEqual(['ok', []]);
  expect(warnings('1.36.4', '2027-05-29')).toEqual(['ok', ['Kubernetes 1.36.4 gets no more fixes from 2027-06-28 on, in 30 days']]);
  expect(warnings('1.34.9', '2026-11-26')).toEqual(['ok', ['Kubernetes 1.34.9 gets no more fixes since 2026-10-27']]);
  expect(warnings('1.41.0', '2029-01-01')).toEqual(['ok', []]);
});
