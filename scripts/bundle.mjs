/**
 * Bundles the program into dist/: the whole of it in one file (program.js), what starts that (care-provision.cjs, from
 * start.cjs), and the delay proxy, which runs as a process of its own. What a command does not need is not evaluated (the
 * Kubernetes and PostgreSQL clients are large). The new dist/ takes the old one's place whole.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const fresh = `${root}dist.${process.pid}.tmp`;

/** Stand around the program, on its first line: start.cjs calls it as Node calls a CommonJS module. */
const wrapping = ['(function (exports, require, module, __filename, __dirname) { const careUrl = require("node:url").pathToFileURL(__filename).href;', '})'];

/** Parts of packages that are loaded with them and never used here: by the end of their path, what stands for them. */
const spared = [
  // Only the parser is used, not the compiler and its source maps.
  ['handlebars/lib/index.js', "const { parse } = require('../dist/cjs/handlebars/compiler/base.js'); module.exports = { create: () => ({ parse }) };"],
  // For node-ssh's directory transfers: what it does, without its check of Node's version.
  ['make-dir/index.js', "module.exports = (path) => require('node:fs/promises').mkdir(path, { recursive: true });"],
  // Agents for HTTP through SSH; they load Node's http and https.
  ['ssh2/lib/http-agents.js', 'module.exports = {};'],
  // Messages in 50 languages.
  ['zod/v4/locales/index.js', "export { default as en } from './en.js';"],
];

/**
 * Parts of Node that most runs never use, and that packages load with themselves: by the end of the package's path, text and
 * what stands for it. A text that is not found is an error: the package has changed.
 */
const deferred = [
  ['ssh2/lib/agent.js', [[/const \{ execFile, spawn \} = require\('child_process'\);/, 'const execFile = (...words) => require("child_process").execFile(...words), spawn = (...words) => require("child_process").spawn(...words);']]],
  ['ssh2/lib/client.js', [[/const \{ lookup: dnsLookup \} = require\('dns'\);/, 'const dnsLookup = (...words) => require("dns").lookup(...words);']]],
  // WebAssembly for ChaCha20-Poly1305, 5 MB and 2 ms, made for every start: now when such a cipher is made. Then it must be
  // there at once, so it is compiled on the spot (6 KB), by the hook that Emscripten has for that.
  ['ssh2/lib/protocol/crypto.js', [
    [/class (ChaChaPoly(?:C|Dec)ipherNative) \{\s+constructor\(config\) \{/g, 'class $1 {\n  constructor(config) {\n    withPoly1305();'],
    [/init: \(\(\) => \{[^]*?POLY1305_WASM_MODULE = await require\('\.\/crypto\/poly1305\.js'\)\(\);([^]*?)\} catch \(ex\)[^]*?\}\)\(\),/, 'init: Promise.resolve(),'],
    [/let POLY1305_WASM_MODULE;/, `let POLY1305_WASM_MODULE;
      function withPoly1305() {
        if (POLY1305_WASM_MODULE !== undefined) return;
        const { make, wasm } = require('./crypto/poly1305.js');
        const module = { instantiateWasm(imports, receive) { const instance = new WebAssembly.Instance(new WebAssembly.Module(wasm), imports); receive(instance); return instance.exports; } };
        make(module);
        POLY1305_RESULT_MALLOC = module._malloc(16);
        poly1305_auth = module.cwrap('poly1305_auth', null, ['number', 'array', 'number', 'array', 'number', 'array']);
        POLY1305_WASM_MODULE = module;
      }`],
  ]],
  ['ssh2/lib/protocol/crypto/poly1305.js', [
    [/[^]*="data:application\/octet-stream;base64,([\w+/=]{1000,})"[^]*/, (text, wasm) => text.replace('module.exports = createPoly1305;', () => `module.exports = { make: createPoly1305, wasm: Buffer.from('${wasm}', 'base64') };`)],
  ]],
  // Nothing is compressed unless a host accepts nothing else.
  ['ssh2/lib/protocol/zlib.js', [
    [/\b(DEFLATE|INFLATE|ZlibHandle|Z_[A-Z_]+)\b(?!,)/g, '(zlib().$1)'],
    [/const \{\s+createInflate,[^]*?createInflate\(\)\._handle\.constructor;/, 'let loaded; const zlib = () => { if (loaded === undefined) { const { constants, createInflate } = require("zlib"); loaded = { ...constants, ZlibHandle: createInflate()._handle.constructor }; } return loaded; };'],
  ]],
];

/** @throws Error that names the package whose text is another than expected */
async function withoutEagerParts(path, replacements) {
  let text = await readFile(path, 'utf8');
  for (const [what, by] of replacements) {
    if (text.search(what) === -1) throw new Error(`${path} has changed: ${what.source} is not in it (scripts/bundle.mjs, deferred)`);
    text = text.replace(what, by);
  }
  return text;
}

/**
 * The registry of modules as the program has it: each is loaded, and its schema built, when somebody asks for it. A run uses
 * a dozen of eighty; building all took a tenth of a second.
 *
 * @returns the text in place of src/modules/registry.ts, with the same exports
 */
async function lazyRegistry() {
  const path = `${root}src/modules/registry.ts`;
  const text = await readFile(path, 'utf8');
  const { modules } = await import(path);
  const places = new Map();
  for (const [, names, from] of text.matchAll(/^import \{ ([^}]+) \} from '(\.\/[^']+\/index\.ts)';$/gm)) {
    const folder = await import(`${root}src/modules/${from}`);
    for (const name of names.split(', ')) places.set(folder[name], `require('${from}').${name}`);
  }
  const from = text.indexOf('/** Modules by name');
  const to = text.indexOf('/** Ansible', from);
  const unplaced = [...modules].filter(([, module]) => !places.has(module)).map(([name]) => name);
  if (from === -1 || to === -1 || unplaced.length > 0) {
    // Slower, and right all the same.
    console.error(`src/modules/registry.ts is not of the usual form${unplaced.length === 0 ? '' : ` (${unplaced.join(', ')})`}: all modules are loaded at each start`);
    return text;
  }
  return [
    'const makers = {', ...[...modules].map(([name, module]) => `  ${name}: () => ${places.get(module)},`), '};',
    'class Modules extends Map {',
    '  get(name) {',
    '    const known = super.get(name);',
    '    if (known !== undefined || !super.has(name)) return known;',
    '    const made = makers[name]();',
    '    this.set(name, made);',
    '    return made;',
    '  }',
    '  *entries() { for (const name of this.keys()) yield [name, this.get(name)]; }',
    '  *values() { for (const name of this.keys()) yield this.get(name); }',
    '  forEach(visit, self) { for (const [name, module] of this.entries()) visit.call(self, module, name, this); }',
    '  [Symbol.iterator]() { return this.entries(); }',
    '}',
    'export const modules = new Modules(Object.keys(makers).map((name) => [name, undefined]));',
    text.slice(to),
  ].join('\n');
}

/**
 * What only costs time at each start: parts that are not used, and dozens of small files for what the commands share.
 * The commands that work on playbooks share nearly all, so their actions are one part of the program.
 */
const lean = {
  name: 'lean',
  setup(bundling) {
    bundling.onResolve({ filter: /^\.\.\/actions\/\w+\.ts$/ }, ({ kind, path }) => (kind === 'dynamic-import' && !/lab|completion|drill|db|artifact|vault/.test(path) ? { path: 'actions', namespace: 'care' } : undefined));
    bundling.onLoad({ filter: /[/\\]src[/\\]modules[/\\]registry\.ts$/ }, async () => ({ contents: await lazyRegistry(), loader: 'ts', resolveDir: `${root}src/modules` }));
    bundling.onLoad({ filter: /^actions$/, namespace: 'care' }, () => ({
      contents: ['run', 'adhoc', 'rollback', 'worker', 'validate', 'inventory', 'history', 'drift', 'doc', 'trust', 'secrets'].map((name) => `export * from './${name}.ts';`).join('\n'),
      resolveDir: `${root}src/cli/actions`,
    }));
    // Parts of Node that are loaded with their first use: most runs over SSH start no process and pack nothing.
    bundling.onResolve({ filter: /^node:(child_process|zlib)$/ }, ({ path }) => ({ path, namespace: 'care-deferred' }));
    bundling.onLoad({ filter: /./, namespace: 'care-deferred' }, async ({ path }) => ({
      contents: Object.keys(await import(path)).filter((name) => name !== 'default').map((name) => `Object.defineProperty(exports, ${JSON.stringify(name)}, { enumerable: true, get: () => require(${JSON.stringify(path.replace('node:', ''))}).${name} });`).join('\n'),
    }));
    const inPackages = (end) => new RegExp(`[/\\\\]node_modules[/\\\\]${end.replaceAll('.', '\\.').replaceAll('/', '[/\\\\]')}$`);
    for (const [end, contents] of spared) bundling.onLoad({ filter: inPackages(end) }, ({ path }) => ({ contents, resolveDir: dirname(path) }));
    for (const [end, replacements] of deferred) {
      bundling.onLoad({ filter: inPackages(end) }, async ({ path }) => ({ contents: await withoutEagerParts(path, replacements), resolveDir: dirname(path) }));
    }
  },
};

const begun = Date.now();
try {
  await mkdir(fresh, { recursive: true });
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node22.22',
    // Names are kept as they are: messages show some.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: 'linked',
    plugins: [lean],
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
  };
  const results = await Promise.all([
    build({
      ...common,
      entryPoints: { program: 'src/cli/main.ts' },
      outfile: `${fresh}/program.js`,
      // One file: what a command needs is evaluated when it is asked for, and V8's code cache spares the rest its compilation.
      format: 'cjs',
      banner: { js: wrapping[0] },
      footer: { js: wrapping[1] },
      define: { 'import.meta.url': 'careUrl', 'import.meta.dirname': '__dirname' },
      // start.cjs reads it as one byte a character.
      charset: 'ascii',
      // import() of Node's own parts becomes require(): a script has no loader of modules.
      supported: { 'dynamic-import': false },
      // Optional native parts: asked for in try/catch, and never built (npm ci --ignore-scripts).
      external: ['cpu-features', '*.node', 'pg-native'],
    }),
    build({ ...common, entryPoints: ['src/lab/delay-proxy-main.ts'], outfile: `${fresh}/delay-proxy-main.mjs`, format: 'esm' }),
  ]);
  const program = await readFile(`${fresh}/program.js`);
  const start = await readFile(`${root}scripts/start.cjs`, 'utf8');
  await writeFile(`${fresh}/care-provision.cjs`, start.replace('@BUILD@', createHash('sha256').update(program).digest('hex').slice(0, 16)));
  const outputs = results.flatMap((result) => Object.values(result.metafile.outputs));
  const size = outputs.reduce((sum, output) => sum + output.bytes, 0);
  await rm(`${root}dist`, { recursive: true, force: true });
  await rename(fresh, `${root}dist`);
  if (process.env.CARE_QUIET !== '1') console.log(`dist/: ${outputs.length + 1} files, ${Math.round(size / 1024)} KiB, in ${Date.now() - begun} ms`);
} catch (error) {
  // esbuild has printed what is wrong with the sources.
  if (!(error instanceof Error && 'errors' in error)) console.error(error);
  process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}
