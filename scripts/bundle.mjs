/**
 * Bundles the program into dist/: one file to start, chunks that are loaded when a command needs them (the
 * Kubernetes and PostgreSQL clients are large), and the delay proxy, which runs as a process of its own.
 * The new dist/ takes the old one's place whole.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const fresh = `${root}dist.${process.pid}.tmp`;

// CommonJS inside the bundle expects these; an ES module has none (nodejs.org, "Differences between ES modules and CommonJS").
const banner = [
  "import { createRequire as careCreateRequire } from 'node:module';",
  "import { fileURLToPath as careFileURLToPath } from 'node:url';",
  'const require = careCreateRequire(import.meta.url);',
  'const __filename = careFileURLToPath(import.meta.url);',
  "const __dirname = careFileURLToPath(new URL('.', import.meta.url));",
].join('\n');

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
 * What only costs time at each start: parts that are not used, and dozens of small files for what the commands share.
 * The commands that work on playbooks share nearly all, so their actions are one part of the program.
 */
const lean = {
  name: 'lean',
  setup(bundling) {
    bundling.onResolve({ filter: /^\.\.\/actions\/\w+\.ts$/ }, ({ kind, path }) => (kind === 'dynamic-import' && !/lab|completion|drill|db/.test(path) ? { path: 'actions', namespace: 'care' } : undefined));
    bundling.onLoad({ filter: /^actions$/, namespace: 'care' }, () => ({
      contents: ['run', 'adhoc', 'validate', 'inventory', 'history', 'doc', 'trust', 'secrets'].map((name) => `export * from './${name}.ts';`).join('\n'),
      resolveDir: `${root}src/cli/actions`,
    }));
    for (const [end, contents] of spared) {
      bundling.onLoad({ filter: new RegExp(`[/\\\\]node_modules[/\\\\]${end.replaceAll('.', '\\.').replaceAll('/', '[/\\\\]')}$`) }, ({ path }) => ({ contents, resolveDir: dirname(path) }));
    }
  },
};

const begun = Date.now();
try {
  await mkdir(fresh, { recursive: true });
  const result = await build({
    absWorkingDir: root,
    entryPoints: { 'care-provision': 'src/cli/main.ts', 'delay-proxy-main': 'src/lab/delay-proxy-main.ts' },
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.22',
    outExtension: { '.js': '.mjs' },
    // Flat, so that what stands beside the program (delay-proxy-main.mjs) stands beside each chunk too.
    chunkNames: '[name]-[hash]',
    // Names are kept as they are: messages show some.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: 'linked',
    plugins: [lean],
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: banner },
    // Optional native parts: asked for in try/catch, and never built (npm ci --ignore-scripts).
    external: ['cpu-features', '*.node', 'pg-native'],
    metafile: true,
  });
  const size = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  await writeFile(`${fresh}/package.json`, '{ "type": "module" }\n');
  await rm(`${root}dist`, { recursive: true, force: true });
  await rename(fresh, `${root}dist`);
  if (process.env.CARE_QUIET !== '1') console.log(`dist/: ${Object.keys(result.metafile.outputs).length} files, ${Math.round(size / 1024)} KiB, in ${Date.now() - begun} ms`);
} catch (error) {
  // esbuild has printed what is wrong with the sources.
  if (!(error instanceof Error && 'errors' in error)) console.error(error);
  process.exitCode = 1;
} finally {
  await rm(fresh, { recursive: true, force: true });
}
