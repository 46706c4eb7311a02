import { expect, test } from 'vitest';
import { ObservedGroups } from '../../../src/run/observed.ts';
import type { Observation } from '../../../src/support/observation.ts';

const seen = (groups: ObservedGroups, host: string, observation: Observation): void => {
  groups.add({ type: 'observation', host, ...observation });
};

test('the same on several hosts is one entry, each host once; what is wrong comes first, then versions, then what ends first', () => {
  const groups = new ObservedGroups();
  for (const host of ['a', 'b', 'a']) seen(groups, host, { subject: 'certificate', name: '/late.crt', time: '2028-01-01T00:00:00.000Z' });
  seen(groups, 'a', { subject: 'certificate', name: '/soon.crt', time: '2027-01-01T00:00:00.000Z' });
  seen(groups, 'a', { subject: 'version', name: 'debian', version: '13' });
  seen(groups, 'b', { subject: 'backup', name: 'care, repo1, full', state: 'absent' });
  expect(groups.kept().map(({ observation, hosts, hostCount }) => [observation.name, hosts, hostCount])).toEqual([
    ['care, repo1, full', ['b'], 1],
    ['debian', ['a'], 1],
    ['/soon.crt', ['a'], 1],
    ['/late.crt', ['a', 'b'], 2],
  ]);
});

test('1,000 hosts with certificates of their own leave the 200 that end first', () => {
  const groups = new ObservedGroups();
  for (let i = 0; i < 1000; i += 1) {
    seen(groups, `h${String(i)}`, { subject: 'certificate', name: '/x.crt', time: new Date(Date.UTC(2027, 0, 1 + ((i * 7) % 1000))).toISOString() });
    seen(groups, `h${String(i)}`, { subject: 'version', name: 'debian', version: '13' });
  }
  const kept = groups.kept();
  expect(kept).toHaveLength(200);
  expect(kept[0]).toMatchObject({ hostCount: 1000 });
  expect(kept[0]?.hosts).toHaveLength(50);
  expect(kept.at(-1)?.observation.time).toBe(new Date(Date.UTC(2027, 0, 199)).toISOString());
});
