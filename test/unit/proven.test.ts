/** docs/proven.md: every fact has a bed, and the tests and drills that it names are there. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DRILLS } from '../../src/drills/catalogue.ts';

const root = path.join(import.meta.dirname, '..', '..');
const rows = readFileSync(path.join(root, 'docs', 'proven.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| fact |') && !line.startsWith('| --- |'))
  .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));

describe('docs/proven.md', () => {
  it.each(rows.map(([fact = '', bed = '', by = ''], i) => ({ fact, bed, by, cells: rows[i]?.length })))('$fact', ({ bed, by, cells }) => {
    expect(cells).toBe(3);
    expect(['container', 'VM', 'program', 'none']).toContain(bed);
    if (bed !== 'none') expect(by).not.toBe('');
    const named = [...by.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
    const paths = named.filter((name) => name.includes('/'));
    expect(paths.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
    const drills = named.flatMap((name) => (name.includes('/') ? [] : name.replace(/^care-provision drill ?/, '').split(' '))).filter((name) => /^[a-z]+-[a-z-]+$/.test(name) && name.includes('-') && /^(postgres|minio|vault|kubernetes)-/.test(name));
    expect(drills.filter((name) => !DRILLS.some((drill) => drill.name === name))).toEqual([]);
  });
});
