/** Answers of Patroni 4.0.7 (Debian 13), recorded on a lab cluster of three. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { clusterView } from '../../../../src/operations/postgres/view.ts';
import { readCluster, readConfig, readMember } from '../../../../src/services/patroni/answers.ts';

const recorded = (name: string): string => readFileSync(join(import.meta.dirname, 'recorded', `${name}.json`), 'utf8');

describe('recorded answers', () => {
  test('of /cluster', () => {
    const cluster = readCluster(recorded('cluster-leader'));
    expect(cluster.members.map((m) => [m.name, m.role, m.state, m.timeline, m.lagBytes])).toEqual([['care-a1', 'leader', 'running', 1, undefined], ['care-a2', 'quorum', 'streaming', 1, 0], ['care-b1', 'quorum', 'streaming', 1, 0]]);
    expect([cluster.paused, cluster.scheduledSwitchover]).toEqual([false, undefined]);
  });

  test('of /patroni on the leader and on a replica', () => {
    expect(readMember(recorded('patroni-leader'))).toMatchObject({ state: 'running', primary: true, sync: undefined, timeline: 1, location: 67_110_896, failsafeActive: false, patroniVersion: '4.0.7', serverVersion: 170_012, startedAt: '2026-11-26 06:44:59.990848+00:00' });
    expect(readMember(recorded('patroni-replica'))).toMatchObject({ state: 'running', primary: false, sync: 'quorum', timeline: 1, location: 67_110_896, replicationState: 'streaming', replayPaused: false });
  });

  test('of /config', () => {
    expect(readConfig(recorded('config-leader'))).toEqual({ ttl: 20, loopWait: 5, retryTimeout: 5, maximumLagOnFailover: 1_048_576, synchronousMode: 'quorum', failsafe: true });
  });

  test('make one view', () => {
    const view = clusterView(
      [{ name: 'care-a1', answer: readMember(recorded('patroni-leader')), trouble: undefined }, { name: 'care-a2', answer: readMember(recorded('patroni-replica')), trouble: undefined }, { name: 'care-b1', answer: undefined, trouble: 'no route' }],
      readCluster(recorded('cluster-leader')), readConfig(recorded('config-leader')),
    );
    expect(view.leader).toBe('care-a1');
    expect(view.members.map((m) => [m.name, m.role, m.state, m.lagBytes, m.reachable])).toEqual([['care-a1', 'leader', 'running', undefined, true], ['care-a2', 'quorum', 'streaming', 0, true], ['care-b1', 'quorum', 'unreachable', 0, false]]);
  });
});

describe('a member that does not take writes though its role says so', () => {
  test.each(['starting', 'stopped', 'crashed', 'stopping'])('because it is %s', (state) => {
    expect(readMember(JSON.stringify({ state, role: 'primary' })).primary).toBe(false);
  });

  test('Patroni 3 calls the leader master', () => {
    expect(readMember(JSON.stringify({ state: 'running', role: 'master' })).primary).toBe(true);
  });
});

test('what is no such answer is refused', () => {
  expect(() => readCluster('<html>')).toThrow(/not JSON/);
  expect(() => readMember('{"role":"replica"}')).toThrow(/not what Patroni is known to answer/);
  expect(readCluster('{"members":[{"name":"a","role":"replica","lag":"unknown"}],"pause":true,"scheduled_switchover":{"at":"2026-11-27","from":"b"}}')).toMatchObject({ paused: true, scheduledSwitchover: '2026-11-27 from b', members: [{ lagBytes: undefined, state: 'unknown' }] });
});
