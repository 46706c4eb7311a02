/** Every inventory of the corpus against what the real `ansible-inventory` 2.14 said of it (golden data). */
import { describe, expect, it } from 'vitest';
import { cases, golden, ours } from './cases.ts';


describe('the corpus reads as ansible-inventory reads it', () => {
  const all = cases();
  it('is not empty', () => {
    expect(all.length).toBeGreaterThanOrEqual(25);
  });

  it.each(all.map((which) => [which.name, which] as const))('%s', (name, which) => {
    const before = process.cwd();
    process.chdir(which.directory);
    try {
      expect(ours(which)).toEqual(golden(name));
    } finally {
      process.chdir(before);
    }
  });
});
