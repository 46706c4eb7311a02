import { describe, expect, test } from 'vitest';
import { Collector, LIMITS } from '../../../../src/cli/report/collect.ts';
import { hostsByState, type RunReport } from '../../../../src/cli/report/model.ts';
import type { RunEvent } from '../../../../src/run/events.ts';
import { badInput, ExitStatus } from '../../../../src/support/diagnostic.ts';
import { register } from '../fakes.ts';
import { gathered } from './gathered.ts';
import { change, crowd, night, start, summary, task } from './sample.ts';

function of(...events: RunEvent[]): RunReport {
  return gathered({ events: events.map((event, i) => [i, event] as const) });
}

describe('a night', () => {
  const report = gathered(night());

  test('hosts by how they came out, those with trouble first', () => {
    expect(hostsByState(report)).toEqual({ failed: 1, unreachable: 1, unfinished: 0, unknown: 1, changed: 4, converged: 5 });
    expect(report.hosts.slice(0, 3).map((host) => host.state)).toEqual(['failed', 'unreachable', 'unknown']);
  });

  test('one change on several hosts is one entry', () => {
    const [sshd, reload] = report.changes;
    expect(sshd).toMatchObject({ resource: 'file /etc/ssh/sshd_config.d/10-care.conf', hosts: { count: 3 }, moreDiffs: 0 });
    expect(sshd?.hosts.named).toEqual(['web1.kochi.example.org', 'web2.kochi.example.org', 'web6.kochi.example.org']);
    expect(sshd?.diffs).toHaveLength(1);
    expect(reload?.hosts.count).toBe(3);
    expect(report.changes.map((group) => group.unknown)).toEqual([false, false, false, true]);
  });

  test('a host has its time, and marks for what is worth one', () => {
    const db2 = report.hosts.find((host) => host.name.startsWith('db2'));
    expect(db2?.time?.to).toBe(47);
    expect(db2?.marks.map((mark) => mark.status)).toEqual(['ok', 'failed']);
  });
});

test('the same trouble on many hosts is one entry, also when its text names the host', () => {
  const report = of(start('apply', ['a1', 'b2']), task('a1', 'r', 't', 'failed', 1, { error: 'a1: disk full' }), task('b2', 'r', 't', 'failed', 1, { error: 'b2: disk full' }), summary(3, { a1: { failed: 1 }, b2: { failed: 1 } }));
  expect(report.troubles).toMatchObject([{ status: 'failed', text: 'a1: disk full', hosts: { named: ['a1', 'b2'], count: 2 } }]);
});

test('a failure that a rescue took care of is none, the one after it is', () => {
  const report = of(start('apply', ['a']), task('a', 'r', 'first', 'failed', 1, { error: 'x' }), task('a', 'r', 'second', 'failed', 1, { error: 'y' }), summary(3, { a: { failed: 1, rescued: 1 } }));
  expect(report.troubles.map((group) => [group.task, group.status])).toEqual([['second', 'failed'], ['first', 'rescued']]);
  expect(of(start('apply', ['a']), task('a', 'r', 'first', 'failed', 1), summary(0, { a: { rescued: 1 } })).troubles.map((group) => group.status)).toEqual(['rescued']);
});

test('differing diffs of one change: some are kept, the rest counted', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e'];
  const [group] = of(start('check', hosts), ...hosts.map((host) => change(host, 'r', 't', 'file /etc/hostname', 'content', `+${host}`))).changes;
  expect(group).toMatchObject({ hosts: { count: 5 }, moreDiffs: 2 });
  expect(group?.diffs).toEqual([{ host: 'a', text: '+a' }, { host: 'b', text: '+b' }, { host: 'c', text: '+c' }]);
});

test('a run that was cut off has no outcome, its hosts are unfinished', () => {
  const report = of(start('apply', ['a', 'b']), task('a', 'r', 't', 'ok', 1));
  expect(report.status).toBeUndefined();
  expect(report.hosts.map((host) => host.state)).toEqual(['unfinished', 'unfinished']);
});

test('what ended a run before its end is told, masked', () => {
  const [secret] = register('hunter2-collect');
  const collector = new Collector();
  collector.aborted(badInput('unknown-module', `there is no module ${secret?.reveal() ?? ''}`, { remedy: 'look it up' }), ExitStatus.badInput);
  expect(collector.report()).toMatchObject({ status: 65, aborted: 'there is no module ********\nlook it up', hosts: [] });
});

test('1,000 hosts with 100 changes each stay within the bounds, and what was passed over is said', () => {
  const report = gathered(crowd(1000, 100));
  expect(report.changes).toHaveLength(LIMITS.changeGroups);
  expect(report.changes.filter((group) => group.hosts.count === 1000)).toHaveLength(50);
  expect(report.changes.every((group) => group.hosts.named.length <= LIMITS.hostsNamed)).toBe(true);
  // 50 everywhere, 50,000 of single hosts, 4,000 kept.
  expect(report.leftOut).toEqual(['46050 more changes were not kept']);
  expect(report.troubles).toMatchObject([{ hosts: { count: 20 } }]);
});
