import { expect, test } from 'vitest';
import { decideScaling, type Action, type Membership, type ReplicaSample, type Sample } from '../../../../src/operations/postgres/scaling/decide.ts';
import { readPolicy } from '../../../../src/operations/postgres/scaling/policy.ts';

const NOW = 1_800_000_000;
const replica = (name: string, more: Partial<ReplicaSample> = {}): ReplicaSample => ({ name, streaming: true, synchronous: true, lagBytes: 0, activeConnections: 40, loadPerCpu: 0.5, ...more });
const look = (names: readonly string[], more: Partial<ReplicaSample> = {}, sample: Partial<Sample> = {}): Sample => ({ leader: 'a', replicas: names.map((n) => replica(n, more)), poolWaiting: 0, problems: [], ...sample });
const quiet: Partial<ReplicaSample> = { activeConnections: 2, loadPerCpu: 0.1 };
const busy: Partial<ReplicaSample> = { activeConnections: 90 };
const membership = (more: Partial<Membership> = {}): Membership => ({ free: ['p1', 'p2'], added: [], changedAt: undefined, synchronous: true, ...more });
const withPool = membership({ free: ['p2'], added: ['p1'] });
const addP1: Action = { type: 'add', host: 'p1' };
const none: Action = { type: 'none' };

test.each<[string, readonly Sample[], Membership, Readonly<Record<string, unknown>>, Action, string]>([
  ['between the thresholds nothing happens', [look(['b', 'c'])], membership(), {}, none, 'nothing to do'],
  ['many connections', [look(['b', 'c'], busy)], membership(), {}, addP1, 'active connections a replica: 90; more than 60'],
  ['high load', [look(['b', 'c'], { loadPerCpu: 1.5 })], membership(), {}, addP1, 'load per processor of a replica: 1.50; more than 0.80'],
  ['clients that wait', [look(['b', 'c'], {}, { poolWaiting: 7 })], membership(), {}, addP1, 'clients that wait in the poolers: 7; more than 1'],
  ['replicas that lag', [look(['b', 'c'], { lagBytes: 1e8 })], membership(), {}, addP1, 'bytes behind a replica: 100000000'],
  ['two triggers at once are one action', [look(['b', 'c'], { ...busy, loadPerCpu: 3 }, { poolWaiting: 50 })], membership(), {}, addP1, 'p1 is the next of the pool'],
  ['a mean over replicas', [{ ...look([]), replicas: [replica('b', { activeConnections: 100 }), replica('c', { activeConnections: 10 })] }], membership(), {}, none, 'active connections a replica: 55'],
  ['a replica that does not stream serves nobody', [{ ...look([]), replicas: [replica('b', { activeConnections: 90 }), replica('c', { streaming: false, activeConnections: 0 })] }], membership(), {}, addP1, 'more than 60'],
  ['a peak in one look is no load', [look(['b', 'c'], busy), look(['b', 'c']), look(['b', 'c'], busy)], membership(), {}, none, 'or not in all looks'],
  ['all looks say so', [look(['b', 'c'], busy), look(['b', 'c'], busy)], membership(), {}, addP1, '90, 90; more than 60'],
  ['the pool is empty', [look(['b', 'c'], busy)], membership({ free: [] }), {}, none, 'no free host'],
  ['there are as many as may be', [look(['b', 'c', 'd', 'e'], busy)], membership(), {}, none, '4 replicas, at most 4'],
  ['too soon after the last change', [look(['b', 'c'], busy)], membership({ changedAt: NOW - 1000 }), {}, none, 'would add a replica; cooldown of 1800 s after the last change, 800 s are left'],
  ['long after it', [look(['b', 'c'], busy)], membership({ changedAt: NOW - 1800 }), {}, addP1, ''],
  ['a cluster that is not well is left', [look(['b', 'c'], busy, { problems: ['c is stopped, not streaming'] })], membership(), {}, none, 'c is stopped, not streaming'],
  ['also when it was so in an earlier look', [look(['b', 'c'], busy, { problems: ['no leader'] }), look(['b', 'c'], busy)], membership(), {}, none, 'a cluster that is not well is not changed'],
  ['a trigger that is left out', [look(['b', 'c'], busy)], membership(), { connections: null }, none, 'nothing to do'],
  ['fewer than the least, whatever the load', [look(['b'], quiet)], membership(), {}, addP1, '1 replicas, at least 2'],

  ['no load, and one that can go', [look(['b', 'c', 'p1'], quiet)], withPool, {}, { type: 'remove', host: 'p1' }, 'p1 is the newest of the pool'],
  ['the newest goes first', [look(['b', 'c', 'p1', 'p2'], quiet)], membership({ free: [], added: ['p1', 'p2'] }), {}, { type: 'remove', host: 'p2' }, ''],
  ['one trigger that is not low keeps it', [look(['b', 'c', 'p1'], { ...quiet, loadPerCpu: 0.5 })], withPool, {}, none, 'nothing to do'],
  ['what is unknown keeps nobody', [look(['b', 'c', 'p1'], quiet, { poolWaiting: undefined })], withPool, {}, { type: 'remove', host: 'p1' }, 'clients that wait in the poolers: not known'],
  ['but when nothing is known all stay', [look(['b', 'c', 'p1'], { activeConnections: undefined, loadPerCpu: undefined, lagBytes: undefined }, { poolWaiting: undefined })], withPool, {}, none, 'nothing to do'],
  ['as few as may be', [look(['b', 'p1'], quiet)], withPool, {}, none, '2 replicas, at least 2'],
  ['hosts that are no pool hosts are never removed', [look(['b', 'c', 'd'], quiet)], membership(), {}, none, 'no replica comes from the pool'],
  ['more than the most, whatever the load', [look(['b', 'c', 'p1'], busy)], withPool, { max_replicas: 2 }, { type: 'remove', host: 'p1' }, '3 replicas, at most 2'],
  ['never the leader', [{ ...look(['a', 'b', 'c'], quiet), leader: 'p1' }], withPool, {}, none, 'p1 leads and is never removed'],
  ['the next newest when the newest leads', [{ ...look(['b', 'c', 'p1'], quiet), leader: 'p2' }], membership({ free: [], added: ['p1', 'p2'] }), {}, { type: 'remove', host: 'p1' }, 'p2 leads'],
  ['never the last synchronous standby', [{ ...look(['b', 'c'], { ...quiet, synchronous: false }), replicas: [replica('b', { ...quiet, synchronous: false }), replica('c', { ...quiet, synchronous: false }), replica('p1', quiet)] }], withPool, {}, none, 'p1 is the last synchronous standby'],
  ['which is nothing without synchronous mode', [{ ...look([]), replicas: [replica('b', { ...quiet, synchronous: false }), replica('c', { ...quiet, synchronous: false }), replica('p1', quiet)] }], { ...withPool, synchronous: false }, {}, { type: 'remove', host: 'p1' }, ''],
  ['cooldown holds removals too', [look(['b', 'c', 'p1'], quiet)], { ...withPool, changedAt: NOW - 10 }, {}, none, 'would remove a replica; cooldown'],
])('%s', (_what, samples, members, policy, action, reason) => {
  const decision = decideScaling(readPolicy(policy), samples, members, NOW);
  expect(decision.action).toEqual(action);
  expect(decision.reasons.join('\n')).toContain(reason);
});

test.each<[Readonly<Record<string, unknown>>, string]>([
  [{ min_replicas: 5 }, 'min_replicas: must not be more than max_replicas'],
  [{ load: { add: 1, remove: 1 } }, 'load: remove must be less than add'],
  [{ cool_down: 5 }, 'cool_down'],
  [{ mode: 'yes' }, 'mode'],
])('a policy that makes no sense is refused: %j', (policy, message) => {
  expect(() => readPolicy(policy)).toThrow(message);
});
