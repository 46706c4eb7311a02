import { expect, test } from 'vitest';
import { RUN_NAME } from '../../../src/modules/rollback/schema.ts';
import { newRunId } from '../../../src/run/run.ts';

test('runs of one second sort by when they began, whatever the random part is', () => {
  const at = (ms: number): string => newRunId(new Date(Date.UTC(2026, 10, 26, 2, 0, 4, ms)));
  const names = [0, 1, 15, 16, 255, 256, 998, 999].map(at);
  expect([...names].sort()).toEqual(names);
  for (const name of names) expect(name).toMatch(RUN_NAME);
  expect(new Set(Array.from({ length: 100 }, () => at(7))).size).toBeGreaterThan(95);
});
