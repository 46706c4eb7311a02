import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../../../src/services/postgres/turns.ts';

test('questions go together, a transaction is alone, and none overtakes', async () => {
  const turns = new Turns();
  const lines: string[] = [];
  const work = (name: string, ms: number) => async () => {
    lines.push(`${name} begins`);
    await sleep(ms);
    lines.push(`${name} ends`);
  };
  await Promise.all([turns.shared(work('a', 10)), turns.shared(work('b', 5)), turns.alone(work('T', 5)), turns.shared(work('c', 1)), turns.alone(work('U', 1))]);
  expect(lines.slice(0, 4)).toEqual(['a begins', 'b begins', 'b ends', 'a ends']);
  expect(lines.slice(4, 6)).toEqual(['T begins', 'T ends']);
  expect(lines.indexOf('U ends')).toBe(lines.indexOf('U begins') + 1);
});

test('one that fails holds nobody up', async () => {
  const turns = new Turns();
  await expect(turns.alone(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
  await expect(turns.shared(() => Promise.reject(new Error('y')))).rejects.toThrow('y');
  expect(await turns.alone(() => Promise.resolve(1))).toBe(1);
});
