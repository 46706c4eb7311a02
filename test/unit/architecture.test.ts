/** Rules of docs/conventions.md that a machine can hold the code to. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { ExitStatus } from '../../src/support/diagnostic.ts';

const root = join(import.meta.dirname, '..', '..');
const LONGEST_FILE = 400;

/** From top to bottom; a file may import from its own layer and those below. */
const LAYERS = ['cli', 'drills', 'operations', 'run', 'modules', 'host', 'transport', 'services', 'language', 'state', 'artifacts', 'lab', 'support'];

function typescriptFiles(directory: string): string[] {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

/** The files that a file imports, `import()` included, by path from the root. */
function importsOf(file: string, withTypes: boolean): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const { importedFiles } = ts.preProcessFile(withTypes ? text : text.replaceAll(/^(import|export) type [^;]*;/gm, ''), true, true);
  return importedFiles.filter((each) => each.fileName.startsWith('.')).map((each) => relative(root, join(root, dirname(file), each.fileName)));
}

const sources = typescriptFiles('src');
const graph = new Map(sources.map((file) => [file, importsOf(file, true)]));
/** What is left when types are gone: a cycle here makes the order of loading matter. */
const loaded = new Map(sources.map((file) => [file, importsOf(file, false)]));

function layerOf(file: string): number {
  return LAYERS.indexOf(file.split('/')[1] ?? '');
}

/** Cycles as paths, each found once from its first file. */
function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  function visit(file: string): void {
    const at = path.indexOf(file);
    if (at !== -1) {
      found.push([...path.slice(at), file].join(' → '));
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const next of edges.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  }
  for (const file of edges.keys()) visit(file);
  return found;
}

describe('layers', () => {
  test('the list here is the one of docs/conventions.md', () => {
    const text = readFileSync(join(root, 'docs', 'conventions.md'), 'utf8');
    expect([...(/`cli` > .*/.exec(text)?.[0] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1])).toEqual(LAYERS);
  });

  test('every file is in a layer', () => {
    expect(sources.filter((file) => layerOf(file) === -1)).toEqual([]);
    expect(sources.length).toBeGreaterThan(50);
  });

  test('imports point down only, and to files that exist', () => {
    const wrong = [...graph].flatMap(([file, imports]) => imports.filter((target) => layerOf(target) < layerOf(file) || !graph.has(target)).map((target) => `${file} imports ${target}`));
    expect(wrong).toEqual([]);
  });

  test('there are no import cycles', () => {
    expect(cycles(new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]]))).toEqual(['b → c → b']);
    expect(cycles(loaded)).toEqual([]);
  });
});

test(`no file is longer than ${String(LONGEST_FILE)} lines`, () => {
  const long = [...sources, ...typescriptFiles('test')]
    .map((file) => [file, readFileSync(join(root, file), 'utf8').split('\n').length] as const)
    .filter(([, lines]) => lines > LONGEST_FILE + 1);
  expect(long).toEqual([]);
});

test('changes and actions are put on their way in one file, behind the gate', () => {
  const senders = sources.filter((file) => !file.startsWith('src/host/') && /\.(enqueue|act)\(/.test(readFileSync(join(root, file), 'utf8')));
  expect(senders).toEqual(['src/run/task-item.ts']);
});

test('every module has golden tests', () => {
  const modules = readdirSync(join(root, 'src', 'modules'), { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'common').map((entry) => entry.name);
  const tests = typescriptFiles('test/unit').map((file) => readFileSync(join(root, file), 'utf8'));
  // A folder of cases of its own, or a test that is about several modules and imports this one.
  const without = modules.filter((name) => !existsSync(join(root, 'test', 'unit', 'modules', name)) && !tests.some((text) => text.includes(`src/modules/${name}/`)));
  expect(without).toEqual([]);
});

test('every exit status is documented', () => {
  const text = readFileSync(join(root, 'docs', 'exit-statuses.md'), 'utf8');
  const documented = [...text.matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  expect(documented.sort((a, b) => a - b)).toEqual(Object.values(ExitStatus).sort((a, b) => a - b));
});
