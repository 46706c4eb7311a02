import { describe, expect, test } from 'vitest';
import { compareRuns } from '../../../src/state/compare-runs.ts';
import { compareInputs, recurrences } from '../../../src/state/recurrence.ts';
import type { ChangeRow, Revision, RunDetails, Sighting } from '../../../src/state/store.ts';
import { change, none, runStart } from '../../support/store-contract.ts';

const roles = (commit: string | null, dirty: boolean | null = false): Revision[] => [{ of: 'roles', path: 'roles', commit, branch: 'main', dirty }];

function sighting(run: string, day: number, mode: 'apply' | 'check', more: Partial<ChangeRow> = {}, of: Partial<Sighting> = {}): Sighting {
  return { run, startedAt: `2026-01-0${String(day)}T02:00:00Z`, mode, inventory: 'inv', controller: 'ctl', user: 'ops', revisions: roles('c1'), change: { ...change, ...more }, ...of };
}

describe('what keeps coming back', () => {
  test('mended, found by a check, mended again, found again: three times, not mended', () => {
    const seen = { modified: '2026-01-02T13:00:00Z', owner: 'www-data' };
    const [found, ...others] = recurrences([
      sighting('r1', 1, 'apply', { diff: '-x\n+y' }),
      sighting('c2', 3, 'check', { seen }),
      sighting('r3', 4, 'apply', { at: '2026-01-04T02:00:07Z' }),
      sighting('r3', 4, 'apply', { what: 'mode 0600 → 0644' }),
      sighting('c4', 5, 'check'),
    ]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ host: 'a', resource: 'file /etc/x', since: '2026-01-01T02:00:00Z', last: '2026-01-05T02:00:00Z', times: 3, mended: false });
    expect(found?.episodes).toMatchObject([
      { foundBy: 'r1', repair: { run: 'r1', what: ['create'], diffs: ['-x\n+y'] }, inputs: null, seen: null },
      { foundBy: 'c2', runs: ['c2', 'r3'], foundAt: '2026-01-03T02:00:00Z', repair: { run: 'r3', at: '2026-01-04T02:00:07Z', what: ['create', 'mode 0600 → 0644'] }, inputs: 'same', seen },
      { foundBy: 'c4', runs: ['c4'], repair: null, what: ['create'] },
    ]);
    expect(found?.writers).toHaveLength(1);
  });

  test('checks that see the same until somebody mends it are one time; so is what was changed once', () => {
    expect(recurrences([sighting('c1', 1, 'check'), sighting('c2', 2, 'check'), sighting('r3', 3, 'apply')])).toEqual([]);
    expect(recurrences([sighting('r1', 1, 'apply'), sighting('r2', 2, 'apply', { host: 'b' })])).toEqual([]);
    expect(recurrences([sighting('r1', 1, 'apply'), sighting('r2', 2, 'apply')], 3)).toEqual([]);
  });

  test('two tasks, or two controllers, that undo each other are both named', () => {
    const [found] = recurrences([sighting('r1', 1, 'apply'), sighting('r2', 2, 'apply', { role: 'web', task: 'other' }), sighting('r3', 3, 'apply', {}, { controller: 'second', inventory: 'inv2' })]);
    expect(found?.writers.map((w) => [w.role, w.task, w.controller, w.inventory])).toEqual([['base', 't', 'ctl', 'inv'], ['web', 'other', 'ctl', 'inv'], ['base', 't', 'second', 'inv2']]);
  });

  test('the most frequent first', () => {
    const twice = [1, 2].map((day) => sighting(`r${String(day)}`, day, 'apply'));
    const thrice = [1, 2, 3].map((day) => sighting(`s${String(day)}`, day, 'apply', { host: 'b' }));
    expect(recurrences([...twice, ...thrice]).map((r) => [r.host, r.times])).toEqual([['b', 3], ['a', 2]]);
  });

  test('whether the inputs were the same', () => {
    expect(compareInputs(roles('c1'), roles('c1'))).toBe('same');
    expect(compareInputs(roles('c1'), roles('c2'))).toBe('changed');
    expect(compareInputs(roles('c1'), roles('c1', true))).toBe('unknown');
    expect(compareInputs(roles(null), roles('c1'))).toBe('unknown');
    expect(compareInputs([], [])).toBe('unknown');
    expect(compareInputs([...roles('c1'), { of: 'inventory', path: 'i', commit: null, branch: null, dirty: null }], roles('c2'))).toBe('changed');
  });
});

describe('two runs side by side', () => {
  function run(id: string, more: Partial<RunDetails>): RunDetails {
    const { hosts: _hosts, ...start } = runStart(id, '1');
    return { ...start, endedAt: null, status: 0, seconds: 1, hostCount: 1, total: none, hosts: { a: none }, roles: {}, slowest: [], observations: [], tasks: [], changes: [], warnings: [], ...more };
  }
  const failed = { type: 'task', host: 'a', play: 'p', role: '', task: 't', module: 'file', status: 'failed', seconds: 0, item: null, place: '', handler: false, message: 'no', at: null } as const;

  test('the same run differs in nothing', () => {
    const one = run('x', { changes: [change, change], tasks: [failed] });
    expect(compareRuns(one, { ...one, id: 'y' })).toEqual({ a: 'x', b: 'y', differences: [], hosts: { onlyA: [], onlyB: [], different: [] }, changes: { onlyA: [], onlyB: [], different: [], same: 2 }, trouble: { onlyA: [], onlyB: [] } });
  });

  test('changes by where they are: only in one, or not alike; hosts, trouble and what the runs were given', () => {
    const a = run('x', { changes: [change, { ...change, resource: 'file /b' }, { ...change, host: 'c' }], hosts: { a: none, gone: none }, tasks: [failed], revisions: roles('0123456789abcdef') });
    const b = run('y', { changes: [{ ...change, host: 'c' }, { ...change, resource: 'file /b', what: 'mode' }, { ...change, resource: 'file /new' }], hosts: { a: { ...none, ok: 1 }, fresh: null }, status: 3, revisions: roles('0123456789abcdef', true) });
    const found = compareRuns(a, b);
    expect(found.changes).toMatchObject({ onlyA: [{ resource: 'file /etc/x' }], onlyB: [{ resource: 'file /new' }], different: [{ a: { what: 'create' }, b: { what: 'mode' } }], same: 1 });
    expect(found.hosts).toMatchObject({ onlyA: ['gone'], onlyB: ['fresh'], different: [{ host: 'a' }] });
    expect(found.trouble).toMatchObject({ onlyA: [failed], onlyB: [] });
    expect(found.differences).toEqual([{ what: 'revisions', a: 'roles 0123456789ab', b: 'roles 0123456789ab with uncommitted changes' }, { what: 'status', a: '0', b: '3' }]);
  });
});
