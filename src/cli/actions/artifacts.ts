/** What `artifacts` does: the cache of this machine, bundles of it, and what upstream has. */
import path from 'node:path';
import { cacheDirectory, cachedPath, fromCache, listCache, sizeInCache } from '../../artifacts/cache.ts';
import { buildsOf } from '../../artifacts/builds.ts';
import { importBundle } from '../../artifacts/bundle-import.ts';
import { writeBundle, type BundleItem } from '../../artifacts/bundle.ts';
import { dayOf, lifeOf, platformsOf, type Artifact } from '../../artifacts/catalogue.ts';
import { fetchAll, type Fetched } from '../../artifacts/fetch-all.ts';
import { outdated } from '../../artifacts/outdated.ts';
import { loadCatalogue } from '../../language/artifact-catalogue.ts';
import { Diagnostic, DiagnosticList, ExitStatus } from '../../support/diagnostic.ts';
import type { ArtifactsFlags, FetchFlags, OutdatedFlags, SelectionFlags } from '../commands/artifacts.ts';
import type { CliContext } from '../context.ts';
import { formatError } from '../errors.ts';
import { bytesText, fetchedText, fetchProgress, listText, outdatedText, type Listed } from '../reporters/artifacts.ts';
import { plural } from '../reporters/counts.ts';
import { namedArtifacts, selectArtifacts } from './artifact-selection.ts';
import { writeJson } from './history.ts';

function write(context: CliContext, lines: readonly string[]): void {
  for (const line of lines) context.stdout.write(`${line}\n`);
}

async function listed(directory: string, artifact: Artifact): Promise<Listed['files']> {
  const locked = await Promise.all(platformsOf(artifact).map(async (platform) => {
    const sha256 = artifact.sha256[platform] ?? '';
    return { platform, sha256, bytes: (await sizeInCache(directory, sha256)) ?? null };
  }));
  return locked;
}

export async function artifactsList(context: CliContext, names: readonly string[], flags: ArtifactsFlags): Promise<ExitStatus> {
  const catalogue = loadCatalogue(flags.inventory);
  const directory = cacheDirectory(context.environment);
  const today = dayOf(new Date());
  const rows: readonly Listed[] = await Promise.all(namedArtifacts(catalogue, names).map(async (artifact) => ({
    artifact,
    life: lifeOf(catalogue, artifact, today),
    files: await listed(directory, artifact),
    builds: (await buildsOf(directory, artifact)).map(({ platform, sha256, toolchain, module_sum }) => ({ platform, sha256, toolchain, module_sum })),
  })));
  if (flags.output === 'json') writeJson(context, { cache: directory, artifacts: rows.map(({ artifact, ...rest }) => ({ ...artifact, ...rest })) });
  else write(context, [...listText(rows), `cache: ${directory}`]);
  return ExitStatus.ok;
}

/** Aborted by Ctrl-C, so that what has come is kept and what was being built is cleaned up. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const press = (): void => { stop.abort(); };
  process.on('SIGINT', press).on('SIGTERM', press);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'interrupted; the part of a file that has come is kept, the next fetch goes on with it', cause: error });
    throw error;
  } finally {
    process.off('SIGINT', press).off('SIGTERM', press);
  }
}

function fetchedJson(result: Fetched): object {
  const { made, title: _title, ...wanting } = result;
  const common = { ...wanting, source: made?.source ?? 'url' };
  return result.status === 'failed' ? { ...common, problem: { code: result.problem.code, message: result.problem.message, detail: result.problem.detail ?? null } } : common;
}

export async function artifactsFetch(context: CliContext, names: readonly string[], flags: FetchFlags): Promise<ExitStatus> {
  const wanted = selectArtifacts(names, flags);
  const directory = cacheDirectory(context.environment);
  const progress = fetchProgress(context.stderr, context.stderr.isTTY && context.environment['TERM'] !== 'dumb');
  let results: readonly Fetched[];
  try {
    results = await interruptible(async (signal) => fetchAll(directory, wanted, { jobs: flags.jobs, signal, progress: (step) => { progress.step(step); } }));
  } finally {
    progress.close();
  }
  if (flags.output === 'json') writeJson(context, { cache: directory, files: results.map(fetchedJson) });
  else write(context, fetchedText(results));
  const failed = results.flatMap((result) => (result.status === 'failed' ? [result.problem] : []));
  for (const problem of failed) context.stderr.write(`${formatError(problem, context.paintError)}\n`);
  if (failed.length === 0) return ExitStatus.ok;
  return failed.every((problem) => problem.kind === 'bad-input') ? ExitStatus.badInput : ExitStatus.failed;
}

export async function artifactsVerify(context: CliContext, flags: Pick<ArtifactsFlags, 'output'>): Promise<ExitStatus> {
  const directory = cacheDirectory(context.environment);
  const bad: string[] = [];
  let bytes = 0;
  const digests = await listCache(directory);
  for (const sha256 of digests) {
    const file = await fromCache(directory, sha256);
    if (file === undefined) bad.push(sha256);
    else bytes += file.size;
  }
  if (flags.output === 'json') writeJson(context, { cache: directory, files: digests.length - bad.length, bytes, removed: bad });
  else {
    write(context, bad.map((sha256) => `${cachedPath(directory, sha256)}: was another file, and was removed`));
    write(context, [`${plural(digests.length - bad.length, 'sound file')}, ${bytesText(bytes)}, in ${directory}`]);
  }
  return bad.length === 0 ? ExitStatus.ok : ExitStatus.failed;
}

/** What of the selection the cache has. @throws DiagnosticList that names all that it has not */
async function itemsInCache(directory: string, names: readonly string[], flags: SelectionFlags): Promise<readonly BundleItem[]> {
  const items: BundleItem[] = [];
  const problems: Diagnostic[] = [];
  for (const wanting of selectArtifacts(names, flags)) {
    const builds = wanting.sha256 === undefined ? (await buildsOf(directory, wanting)).filter((build) => build.platform === wanting.platform) : [];
    const digests = wanting.sha256 === undefined ? builds.map((build) => build.sha256) : [wanting.sha256];
    const files = (await Promise.all(digests.map(async (sha256) => fromCache(directory, sha256)))).filter((file) => file !== undefined);
    items.push(...files.map((file) => ({ ...wanting, file })));
    if (files.length === 0) problems.push(new Diagnostic({ kind: 'failed', code: 'artifact-missing', summary: `${wanting.title}${wanting.platform === undefined ? '' : ` (${wanting.platform})`} is not in the cache ${directory}`, remedy: 'fetch it first: care-provision artifacts fetch, with the same words' }));
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw new DiagnosticList([first, ...rest]);
  return items;
}

export async function artifactsBundle(context: CliContext, file: string, names: readonly string[], flags: SelectionFlags): Promise<ExitStatus> {
  const directory = cacheDirectory(context.environment);
  const items = await itemsInCache(directory, names, flags);
  const target = path.resolve(context.cwd, file);
  const manifest = await writeBundle(directory, items, target);
  const bytes = [...new Map(manifest.artifacts.map((each) => [each.sha256, each.size])).values()].reduce((sum, size) => sum + size, 0);
  if (flags.output === 'json') writeJson(context, { bundle: target, ...manifest });
  else write(context, [...manifest.artifacts.map((each) => `  ${each.name} ${each.version} ${each.platform ?? ''}`.trimEnd()), `${target}: ${plural(manifest.artifacts.length, 'artefact')}, ${bytesText(bytes)}`]);
  return ExitStatus.ok;
}

export async function artifactsImport(context: CliContext, file: string, flags: Pick<ArtifactsFlags, 'output'>): Promise<ExitStatus> {
  const directory = cacheDirectory(context.environment);
  const { manifest, added } = await interruptible(async (signal) => importBundle(directory, path.resolve(context.cwd, file), signal));
  if (flags.output === 'json') writeJson(context, { cache: directory, artifacts: manifest.artifacts.map((each) => ({ ...each, added: added.has(each.sha256) })) });
  else write(context, [...manifest.artifacts.map((each) => `  ${each.name} ${each.version} ${each.platform ?? ''} ${added.has(each.sha256) ? 'imported' : 'was there'}`), `${plural(added.size, 'file')} imported into ${directory}`]);
  return ExitStatus.ok;
}

export async function artifactsOutdated(context: CliContext, names: readonly string[], flags: OutdatedFlags): Promise<ExitStatus> {
  const catalogue = loadCatalogue(flags.inventory);
  const results = await outdated(catalogue, namedArtifacts(catalogue, names), { today: dayOf(new Date()), offline: flags.offline === true });
  if (flags.output === 'json') writeJson(context, results.map(({ artifact, life, newest }) => ({ name: artifact.name, version: artifact.version, end_of_life: artifact.end_of_life ?? null, life, newest })));
  else write(context, outdatedText(results));
  return results.some(({ life, newest }) => life === 'ended' || (newest.type === 'known' && newest.newer)) ? ExitStatus.drift : ExitStatus.ok;
}
