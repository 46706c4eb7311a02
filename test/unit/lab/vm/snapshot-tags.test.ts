import { describe, expect, it } from 'vitest';
import { newestTag, nextTag, otherTags, wholeSnapshots, type TaggedSnapshot } from '../../../../src/lab/vm/snapshot-tags.ts';

const has = (...tags: readonly string[]): readonly TaggedSnapshot[] => tags.map((tag) => ({ tag, running: true }));

describe('tags of snapshots', () => {
  it('give a new snapshot a tag that no machine has', () => {
    expect(nextTag([has(), has()], 'converged')).toBe('converged_1');
    expect(nextTag([has('converged_1'), has('converged_1', 'converged_2')], 'converged')).toBe('converged_3');
    expect(nextTag([has('converged_9', 'converged_10')], 'converged')).toBe('converged_11');
    expect(nextTag([has('converged.old_7')], 'converged')).toBe('converged_1');
  });

  it('mean the newest that every machine has: a save that was cut off counts for nothing', () => {
    expect(newestTag([has('a_1', 'a_2'), has('a_1', 'a_2')], 'a')).toBe('a_2');
    expect(newestTag([has('a_1', 'a_2'), has('a_1')], 'a')).toBe('a_1');
    expect(newestTag([has('a_2'), has('a_1')], 'a')).toBeUndefined();
    expect(newestTag([has('a_10', 'a_9')], 'a')).toBe('a_10');
  });

  it('of before there were generations are the oldest', () => {
    expect(newestTag([has('a'), has('a')], 'a')).toBe('a');
    expect(newestTag([has('a', 'a_1'), has('a', 'a_1')], 'a')).toBe('a_1');
    expect(nextTag([has('a')], 'a')).toBe('a_1');
  });

  it('are told apart by name when older ones go', () => {
    expect(otherTags(has('a', 'a_1', 'b_1', 'a_2'), 'a', 'a_2')).toEqual(['a', 'a_1']);
  });

  it('are shown as the names that people gave', () => {
    expect(wholeSnapshots([[{ tag: 'a_2', running: false }, { tag: 'b_1', running: true }], has('a_2')])).toEqual([{ name: 'a', running: false }]);
    expect(wholeSnapshots([])).toEqual([]);
  });
});
