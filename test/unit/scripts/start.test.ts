/** The start of the bundled program: the cache of its code is made, used, made anew when it does not fit, and never trusted blindly. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';

const folder = mkdtempSync(path.join(tmpdir(), 'care-start-'));
const cache = path.join(folder, 'cache');
const start = path.join(folder, 'start.cjs');
writeFileSync(start, readFileSync(path.join(import.meta.dirname, '../../../scripts/start.cjs'), 'utf8').replace('@BUILD@', '0123456789abcdef'));
writeFileSync(path.join(folder, 'program.js'), "(function (exports, require, module, __filename, __dirname) { const late = () => require('node:path').basename(__filename); console.log(late(), process.argv.slice(2).join(' '));\n})");
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });
beforeEach(() => { rmSync(cache, { recursive: true, force: true }); });

function run(command: string, directory: string | null = cache): string {
  const { NODE_COMPILE_CACHE: _, ...environment } = process.env;
  const ran = spawnSync(process.execPath, [start, command], { encoding: 'utf8', env: { ...environment, ...(directory === null ? {} : { NODE_COMPILE_CACHE: directory }) } });
  return `${String(ran.status)} ${ran.stdout}${ran.stderr}`;
}
/** Generations in the cache of a command. */
const kept = (command: string): readonly string[] => readdirSync(cache).filter((name) => name.includes(`-${command}.`)).map((name) => name.slice(name.lastIndexOf('.') + 1));
const fileOf = (command: string): string => path.join(cache, readdirSync(cache).find((name) => name.includes(`-${command}.`)) ?? '');

it('keeps the code of each command, anew three times, then as it is', () => {
  const seen = [1, 2, 3, 4].map(() => {
    expect(run('apply')).toBe('0 program.js apply\n');
    return kept('apply').join();
  });
  expect(seen).toEqual(['1', '2', '3', '3']);
  run('check');
  expect([kept('apply'), kept('check')]).toEqual([['3'], ['1']]);
});

it('makes anew what does not fit', () => {
  for (let i = 0; i < 3; i += 1) run('apply');
  writeFileSync(fileOf('apply'), 'nonsense');
  expect(run('apply')).toBe('0 program.js apply\n');
  expect(kept('apply')).toEqual(['1']);
});

it.each([0.2, 0.5, 0.95])('makes anew what a disk has altered, at %d of it, and does not run it', (part) => {
  for (let i = 0; i < 3; i += 1) run('apply');
  const file = fileOf('apply');
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length * part);
  writeFileSync(file, bytes.fill(0, at, at + 40).fill(0xff, at + 40, at + 44));
  expect(run('apply')).toBe('0 program.js apply\n');
  expect(kept('apply')).toEqual(['1']);
});

it('does not take what others could have written', () => {
  for (let i = 0; i < 3; i += 1) run('apply');
  chmodSync(fileOf('apply'), 0o666);
  run('apply');
  expect(kept('apply')).toContain('1');
});

it('starts without a cache, and with one that cannot be written', () => {
  expect(run('apply', null)).toBe('0 program.js apply\n');
  mkdirSync(cache);
  writeFileSync(path.join(cache, 'file'), '');
  expect(run('apply', path.join(cache, 'file', 'below'))).toBe('0 program.js apply\n');
});
