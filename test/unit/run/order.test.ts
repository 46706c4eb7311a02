import { describe, expect, it } from 'vitest';
import { serialBatches } from '../../../src/run/play-run.ts';
import { Rendezvous } from '../../../src/run/rendezvous.ts';
import { ReportQueue } from '../../../src/run/report-queue.ts';
import { selected } from '../../../src/run/tags.ts';

describe('serial', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  it.each([
    [[], [10]],
    [[3], [3, 3, 3, 1]],
    [['30%'], [3, 3, 3, 1]],
    [[1, '50%'], [1, 5, 4]],
    [['1%'], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
  ])('%j gives batches of %j', (serial, sizes) => {
    expect(serialBatches(hosts, serial).map((b) => b.length)).toEqual(sizes);
  });
});

describe('rendezvous', () => {
  it('releases the earliest position when everybody waits', async () => {
    const meet = new Rendezvous(['a', 'b', 'c']);
    const log: string[] = [];
    const late = meet.arrive('a', [2]).then((t) => log.push(`a ${t.join(',')}`));
    const early = meet.arrive('b', [1]).then((t) => log.push(`b ${t.join(',')}`));
    const third = meet.arrive('c', [1]).then((t) => log.push(`c ${t.join(',')}`));
    await Promise.all([early, third]);
    expect(log).toEqual(['b b,c', 'c b,c']);
    const again = meet.arrive('b', [2]);
    meet.leave('c');
    await Promise.all([late, again]);
    expect(log).toEqual(['b b,c', 'c b,c', 'a a,b']);
  });

  it('does not wait for one who has left', async () => {
    const meet = new Rendezvous(['a', 'b']);
    const a = meet.arrive('a', [0]);
    meet.leave('b');
    expect(await a).toEqual(['a']);
  });
});

it('reports in order, also when an earlier report is held back or dropped', () => {
  const queue = new ReportQueue();
  const log: string[] = [];
  const [first, second, third] = [queue.open(), queue.open(), queue.open()];
  third.ready(() => log.push('third'));
  first.ready(() => log.push('first'));
  expect(log).toEqual(['first']);
  second.drop();
  expect(log).toEqual(['first', 'third']);
});

describe('tags', () => {
  it.each([
    [[], [], [], true],
    [['x'], ['x'], [], true],
    [['x'], ['y'], [], false],
    [['x'], [], ['x'], false],
    [['always'], ['y'], [], true],
    [['always'], [], ['always'], false],
    [['never'], [], [], false],
    [['never', 'debug'], ['debug'], [], true],
    [[], ['untagged'], [], true],
    [['x'], ['tagged'], [], true],
    [[], ['tagged'], [], false],
  ])('own %j, --tags %j, --skip-tags %j: %s', (own, tags, skipTags, expected) => {
    expect(selected(own, { tags, skipTags })).toBe(expected);
  });
});
