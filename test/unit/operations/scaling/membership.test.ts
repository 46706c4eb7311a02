import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadInventory } from '../../../../src/language/inventory/index.ts';
import { afterwards, readScalingInventory } from '../../../../src/operations/postgres/scaling/inventory.ts';
import { readScaling, restoreScaling, scalingFile, writeScaling } from '../../../../src/operations/postgres/scaling/membership.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'care-scaling-'));
  writeFileSync(path.join(directory, 'hosts.yml'), 'all:\n  children:\n    postgres:\n      hosts: {a: , b: , c: }\n    postgres_standby_pool:\n      hosts: {p1: , p2: }\n');
});
afterEach(() => { rmSync(directory, { recursive: true }); });

test('what is written puts hosts of the pool into the group of members, and is read back', () => {
  const file = scalingFile(directory);
  expect(readScaling(file)).toEqual({ added: [], changedAt: undefined });
  const now = new Date('2026-12-01T02:00:00.000Z');
  const one = afterwards(readScaling(file), { type: 'add', host: 'p2' }, now);
  writeScaling(file, one);
  expect(loadInventory([directory]).hostsOfGroup('postgres')).toEqual(['a', 'b', 'c', 'p2']);
  expect(readScaling(file)).toEqual({ added: ['p2'], changedAt: '2026-12-01T02:00:00.000Z' });
  const scaling = readScalingInventory({ inventory: [directory], extraVars: {} });
  expect(scaling.membership).toEqual({ free: ['p1'], added: ['p2'], changedAt: now.getTime() / 1000, synchronous: true });
  writeScaling(file, afterwards(afterwards(one, { type: 'add', host: 'p1' }, now), { type: 'remove', host: 'p2' }, now));
  expect(loadInventory([directory]).hostsOfGroup('postgres')).toEqual(['a', 'b', 'c', 'p1']);
  writeScaling(file, afterwards(readScaling(file), { type: 'remove', host: 'p1' }, now));
  expect(loadInventory([directory]).hostsOfGroup('postgres')).toEqual(['a', 'b', 'c']);
});

test('the policy comes from the inventory', () => {
  writeFileSync(path.join(directory, 'policy.yml'), 'all:\n  children:\n    postgres:\n      vars:\n        postgres_scaling_policy: {max_replicas: 3, lag_bytes: null}\n        postgres_synchronous_mode: "off"\n');
  const scaling = readScalingInventory({ inventory: [directory], extraVars: {} });
  expect(scaling.policy).toMatchObject({ mode: 'advise', max_replicas: 3, lag_bytes: null });
  expect(scaling.membership.synchronous).toBe(false);
});

test('an inventory of one file has no place for it', () => {
  expect(() => scalingFile(path.join(directory, 'hosts.yml'))).toThrow('is no directory');
});

test("a file that holds more is not ours to overwrite", () => {
  const file = scalingFile(directory);
  writeFileSync(file, 'all:\n  children:\n    postgres:\n      hosts: {p1: }\n    other:\n      hosts: {x: }\n');
  expect(() => readScaling(file)).toThrow('is not as this program writes it');
});

test('what was there is put back', () => {
  const file = scalingFile(directory);
  writeScaling(file, { added: ['p1'], changedAt: undefined });
  const before = readFileSync(file, 'utf8');
  writeScaling(file, { added: ['p1', 'p2'], changedAt: undefined });
  restoreScaling(file, before);
  expect(readFileSync(file, 'utf8')).toBe(before);
  restoreScaling(file, undefined);
  expect(readScaling(file).added).toEqual([]);
});
