import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { chooseDrills, DRILLS, findDrill, SERVICES } from '../../../src/drills/catalogue.ts';
import { refuseUnhealthy, refuseUnmarked, refuseUnnamed } from '../../../src/drills/guard.ts';
import { changesBetween } from '../../../src/drills/postgres/monitor.ts';
import { troubleOf } from '../../../src/drills/postgres/health.ts';
import { pause, waitUntil } from '../../../src/drills/wait.ts';
import { cutOff, cutOffRouted, mend } from '../../../src/drills/partition.ts';
import { hostsOfCluster } from '../../../src/operations/postgres/cluster.ts';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { cluster, healthy } from '../operations/support.ts';

const never = new AbortController().signal;

describe('an inventory', () => {
  test('whose hosts all allow drills is taken', () => {
    expect(() => { refuseUnmarked({ hosts: hostsOfCluster(cluster()) }); }).not.toThrow();
  });

  test.each(['members', 'etcd', 'proxies', 'backups'] as const)('with one unmarked host among the %s is refused by name, as bad input', (group) => {
    const all = cluster();
    const unmarked = { ...all.members[0], name: 'other', drillsAllowed: false } as (typeof all.members)[number];
    let error: unknown;
    try {
      refuseUnmarked({ hosts: hostsOfCluster({ ...all, [group]: [...all[group], unmarked] }) });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(Diagnostic);
    expect(error).toMatchObject({ exitStatus: 65, message: 'drills are not allowed on other' });
  });
});

test('an unhealthy cluster is refused with all that is wrong', () => {
  const view = healthy();
  expect(() => { refuseUnhealthy(troubleOf(cluster(), view), 'x'); }).not.toThrow();
  const paused = { ...view, paused: true, leader: undefined, primaries: [] };
  expect(() => { refuseUnhealthy(troubleOf(cluster(), paused), 'x'); }).toThrow(expect.objectContaining({ exitStatus: 3, detail: expect.stringMatching(/no leader[\s\S]*paused/) as string }) as Error);
});

test('changes are told as sentences', () => {
  const before = healthy();
  const after = { ...before, leader: 'a2', members: before.members.map((m) => (m.name === 'a1' ? { ...m, reachable: false } : m.name === 'a2' ? { ...m, role: 'leader' as const, timeline: 2 } : m)) };
  expect(changesBetween(before, after).map((c) => `${c.kind}: ${c.what}`)).toEqual(['seen: a1 does not answer', 'seen: a2 takes writes on timeline 2', 'leader: a2 leads']);
  expect(changesBetween(before, before)).toEqual([]);
});

describe('waiting', () => {
  test('ends when nothing is missing, and says what still is when the time is over', async () => {
    let asked = 0;
    expect(await waitUntil(() => ((asked += 1) < 3 ? 'more' : undefined), 5, never)).toBeUndefined();
    expect(asked).toBe(3);
    expect(await waitUntil(() => 'all', 0.3, never)).toBe('all');
  });

  test('is ended by Ctrl-C', async () => {
    const stop = new AbortController();
    const waiting = pause(60_000, stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'interrupted' });
    await expect(waitUntil(() => 'all', 60, stop.signal)).rejects.toMatchObject({ exitStatus: 130 });
  });
});

test('a partition is a table of its own, before all other rules', () => {
  expect(cutOff(['172.30.0.11', '172.30.1.10']).text).toMatchInlineSnapshot(`
    "printf '%s\\n' 'table inet care_drill {
      chain input { type filter hook input priority -400; policy accept; ip saddr { 172.30.0.11, 172.30.1.10 } drop; }
      chain output { type filter hook output priority -400; policy accept; ip daddr { 172.30.0.11, 172.30.1.10 } drop; }
    }' | nft -f -"
  `);
  expect(mend().text).toContain('nft delete table inet care_drill');
});

test('a partition of what passes packets on also drops those, of both families and of networks', () => {
  expect(cutOffRouted(['172.30.0.11', 'fd00::1', '10.244.1.0/24']).text).toMatchInlineSnapshot(`
    "printf '%s\\n' 'table inet care_drill {
      chain prerouting { type filter hook prerouting priority -400; policy accept; ip saddr { 172.30.0.11, 10.244.1.0/24 } drop; ip6 saddr { fd00::1 } drop; }
      chain output { type filter hook output priority -400; policy accept; ip daddr { 172.30.0.11, 10.244.1.0/24 } drop; ip6 daddr { fd00::1 } drop; }
      chain forward { type filter hook forward priority -400; policy accept; ip daddr { 172.30.0.11, 10.244.1.0/24 } drop; ip6 daddr { fd00::1 } drop; }
    }' | nft -f -"
  `);
  expect(cutOffRouted(['fd00::1']).text).not.toContain('ip saddr');
});

test('drills that take the data of the whole cluster want its name', () => {
  expect(DRILLS.filter((d) => d.service === 'postgres' && d.destroys === true).map((d) => d.name)).toEqual(['postgres-pitr', 'postgres-cluster-restore']);
  const drill = findDrill('postgres-pitr');
  expect(() => { refuseUnnamed(drill, cluster(), undefined); }).toThrow(/takes the data of the whole cluster/);
  expect(() => { refuseUnnamed(drill, cluster(), 'other'); }).toThrow(/care, not other/);
  expect(() => { refuseUnnamed(drill, cluster(), 'care'); }).not.toThrow();
  expect(() => { refuseUnnamed(findDrill('postgres-switchover'), cluster(), undefined); }).not.toThrow();
});

test('words choose drills: a name, several, all of a service, all; what destroys or changes for good only by its name', () => {
  expect(chooseDrills('postgres-switchover,postgres-pitr', false).map((d) => d.name)).toEqual(['postgres-switchover', 'postgres-pitr']);
  const ofPostgres = DRILLS.filter((d) => d.service === 'postgres').map((d) => d.name);
  expect(chooseDrills('postgres', true).map((d) => d.name)).toEqual(ofPostgres);
  expect(chooseDrills('postgres', false).map((d) => d.name)).toEqual(ofPostgres.filter((name) => !['postgres-pitr', 'postgres-cluster-restore'].includes(name)));
  expect(chooseDrills('all', true)).toEqual(DRILLS.filter((d) => d.changes !== true));
  expect(() => chooseDrills('postgress', true)).toThrow(expect.objectContaining({ exitStatus: 64, remedy: expect.stringContaining('postgres') as string }) as Error);
});

test('a service whose group the inventory has not is left out by all, and refused by name', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'care-drills-'));
  try {
    const file = path.join(directory, 'hosts.yml');
    writeFileSync(file, 'all:\n  hosts:\n    a1: {}\n');
    for (const service of SERVICES) {
      expect(service.readIfThere({ inventory: [file], extraVars: {} })).toBeUndefined();
      expect(() => service.read({ inventory: [file], extraVars: {} })).toThrow(expect.objectContaining({ exitStatus: 65 }) as Error);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
