/**
 * Reads a profile of Node's (--cpu-prof): where its time went, by source file and by function.
 *
 *     profile.mjs FILE.cpuprofile [LINES]
 *
 * Functions of the bundle are named by their sources, through its source map. Times are the functions' own, in milliseconds.
 */
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

const [file, shown = '30'] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(file, 'utf8'));
const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
const own = new Map();
profile.samples.forEach((id, i) => own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[i + 1] ?? 0) / 1000));

const maps = new Map();
function mapOf(path) {
  if (!maps.has(path)) {
    let map;
    try {
      map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')));
    } catch {
      // Node's own files, and what is run from its sources, have no map.
    }
    maps.set(path, map);
  }
  return maps.get(path);
}

function place({ functionName, url, lineNumber, columnNumber }) {
  if (!url.startsWith('file:')) return { name: functionName === '' ? '(anonymous)' : functionName, source: url === '' ? '(engine)' : url };
  const path = fileURLToPath(url);
  const entry = mapOf(path)?.findEntry(lineNumber, columnNumber);
  const source = (entry?.originalSource ?? path).replace(/^.*\/node_modules\//, '').replace(/^(\.\.\/)+/, '');
  return { name: functionName === '' ? `(anonymous):${(entry?.originalLine ?? lineNumber) + 1}` : functionName, source };
}

const bySource = new Map();
const byFunction = new Map();
let total = 0;
for (const [id, time] of own) {
  const { name, source } = place(nodes.get(id).callFrame);
  if (name === '(idle)' || name === '(program)') {
    byFunction.set(name, (byFunction.get(name) ?? 0) + time);
    continue;
  }
  total += time;
  const shortened = source.startsWith('src/') || source.startsWith('node:') || source.startsWith('(') ? source : source.split('/').slice(0, source.startsWith('@') ? 2 : 1).join('/');
  bySource.set(shortened, (bySource.get(shortened) ?? 0) + time);
  byFunction.set(`${name} ${source}`, (byFunction.get(`${name} ${source}`) ?? 0) + time);
}
const print = (title, map) => {
  console.log(`\n${title}`);
  for (const [name, time] of [...map].toSorted((a, b) => b[1] - a[1]).slice(0, Number(shown))) console.log(`${time.toFixed(1).padStart(9)} ms  ${name}`);
};
console.log(`${total.toFixed(0)} ms at work`);
print('by source', bySource);
print('by function', byFunction);
