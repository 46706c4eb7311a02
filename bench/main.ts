/**
 * The benchmark: every program on the same hosts, in rounds, each run proven on the hosts. Started by scripts/bench.
 *
 *     main.ts quick|full [--json FILE] [--docs FILE] [--keep] [--lab NAME] [--only CASE,…] [--tools TOOL,…] [--rounds N]
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readProxyStats } from '../src/lab/index.ts';
import { runProgram } from '../src/lab/process.ts';
import { CASES, type Case } from './cases.ts';
import { bringUp, onHost, targetCpu, type Bed, type Way } from './hosts.ts';
import { runBench, say } from './run.ts';
import { measure } from './measure.ts';
import { writeProjects } from './projects.ts';
import { docsText, rowsOf, table, withoutFiles, type Sample } from './results.ts';
import { changesOf, Toolbox, TOOLS, type Tool } from './tools.ts';
import { versions } from './versions.ts';
import { driftScript, FIRST_CHANGES, proofScript, resetScript, WORKLOAD } from './workload.ts';

const root = resolve(import.meta.dirname, '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, docs: { type: 'string' }, keep: { type: 'boolean' }, lab: { type: 'string', default: 'bench' }, only: { type: 'string' }, tools: { type: 'string' }, rounds: { type: 'string' } },
});
const size = positionals[0] ?? 'quick';
if (size !== 'quick' && size !== 'full') throw new Error('quick or full');

const cases = CASES.filter((each) => each.sizes.includes(size) && (options.only === undefined || options.only.split(',').includes(each.name)));
const wanted = TOOLS.filter((tool) => options.tools === undefined || options.tools.split(',').includes(tool));
const hostCount = Math.max(...cases.map((each) => each.hosts));

const work = await mkdtemp(join(tmpdir(), 'care-bench-'));
await mkdir(join(work, 'state'), { recursive: true });
let bed: Bed | undefined;

function roundsOf(each: Case, tool: Tool): number {
  const rounds = each.rounds[tool] ?? 0;
  return options.rounds === undefined ? rounds : Math.min(rounds, Number(options.rounds));
}

/** Brings the hosts into the state that the case begins with. */
async function prepare(each: Case, containers: readonly string[], round: number): Promise<void> {
  if (each.kind === 'first') await Promise.all(containers.map((container) => onHost(container, resetScript())));
  if (each.kind === 'drift') await Promise.all(containers.map((container) => onHost(container, driftScript(round))));
}

/** @throws Error that names the tasks that do not hold */
async function prove(tool: Tool, containers: readonly string[]): Promise<void> {
  for (let at = 0; at < containers.length; at += 4) {
    await Promise.all(containers.slice(at, at + 4).map(async (container) => {
      const said = await onHost(container, proofScript());
      if (!said.endsWith(`held ${String(WORKLOAD.length)}`)) throw new Error(`after ${tool}, on ${container}:\n${said}`);
    }));
  }
}

async function oneRun(each: Case, tool: Tool, ways: readonly Way[], round: number, tools: Toolbox, hosts: Bed, statsPort: number | undefined): Promise<Sample> {
  const containers = hosts.containers.slice(0, each.hosts);
  if (tool !== 'connect') await prepare(each, containers, round);
  const started = await tools.start(tool, ways);
  const traffic = async (): Promise<{ turns: number; bytes: number } | undefined> => {
    if (statsPort === undefined) return undefined;
    const stats = [...(await readProxyStats(statsPort)).values()][0];
    return stats === undefined ? undefined : { turns: stats.turns, bytes: stats.bytesUp + stats.bytesDown };
  };
  const before = { cpu: await targetCpu(containers), traffic: await traffic() };
  const cost = await measure(started.command, started.environment, work, join(work, 'usage'));
  const after = { cpu: await targetCpu(containers), traffic: await traffic() };
  await tools.finish();
  const changed = changesOf(tool, cost);
  const expected = tool === 'connect' || each.kind === 'converged' ? 0 : each.kind === 'drift' ? each.hosts : FIRST_CHANGES * each.hosts;
  if (changed !== expected) throw new Error(`${tool}, ${each.name}: ${String(changed)} changes, not ${String(expected)}\n${cost.stdout.slice(-4000)}`);
  if (tool !== 'connect') await prove(tool, containers);
  return {
    case: each.name, tool, round, wallSeconds: cost.wallSeconds, cpuSeconds: cost.cpuSeconds, peakMb: cost.peakMb, targetSeconds: after.cpu - before.cpu,
    turns: after.traffic === undefined || before.traffic === undefined ? undefined : after.traffic.turns - before.traffic.turns,
    bytes: after.traffic === undefined || before.traffic === undefined ? undefined : after.traffic.bytes - before.traffic.bytes,
  };
}

async function bench(): Promise<void> {
  const tools = wanted.filter((tool) => cases.some((each) => roundsOf(each, tool) > 0));
  const hosts = await bringUp(root, options.lab, hostCount, options.keep === true, say);
  bed = hosts;
  const projects = await writeProjects(work);
  const strategies = (await runProgram('dpkg', ['-L', 'ansible-mitogen', 'python3-mitogen'], { timeoutMs: 20_000 })).stdout.split('\n').find((line) => line.endsWith('ansible_mitogen/plugins/strategy'));
  const box = new Toolbox(root, work, hosts, projects, strategies);
  say('bringing all hosts into their converged state');
  const first = await box.start('floor', hosts.near);
  const made = await measure(first.command, first.environment, work, join(work, 'usage'));
  if (made.status !== 0) throw new Error(`the floor cannot converge the hosts: ${made.stderr}`);
  await prove('floor', hosts.containers);

  const samples: Sample[] = [];
  const wire: Sample[] = [];
  const failed = new Set<string>();
  // A round that does not count warms caches, and counts bytes and turns of what is near. What runs only once is slow enough
  // to be counted and measured at the same time.
  for (const each of cases) {
    if (each.hosts > 1 || each.far) continue;
    for (const tool of tools) if (roundsOf(each, tool) > 1 && box.has(tool)) wire.push(await oneRun(each, tool, [hosts.counted], 0, box, hosts, hosts.statsPorts.counted));
  }
  const most = Math.max(...cases.flatMap((each) => tools.map((tool) => roundsOf(each, tool))));
  for (let round = 1; round <= most; round += 1) {
    for (const each of cases) {
      const ways = each.far ? [hosts.far] : hosts.near.slice(0, each.hosts);
      for (const tool of tools) {
        if (roundsOf(each, tool) < round || !box.has(tool) || failed.has(`${each.name} ${tool}`)) continue;
        const load = loadavg()[0] ?? 0;
        const counting = !each.far && each.hosts === 1 && roundsOf(each, tool) === 1;
        const sample = await oneRun(each, tool, counting ? [hosts.counted] : ways, round, box, hosts, each.far ? hosts.statsPorts.far : counting ? hosts.statsPorts.counted : undefined).catch((error: unknown) => {
          // The others' figures stand; the program that failed is left out of this case, and the benchmark has failed.
          say(`round ${String(round)}, ${each.name}: ${error instanceof Error ? error.message : String(error)}`);
          failed.add(`${each.name} ${tool}`);
          process.exitCode = 1;
        });
        if (sample === undefined) continue;
        samples.push(sample);
        say(`round ${String(round)}, ${each.name}, ${tool}: ${sample.wallSeconds.toFixed(2)} s (controller ${sample.cpuSeconds.toFixed(2)}, targets ${sample.targetSeconds.toFixed(2)} s, ${sample.peakMb.toFixed(0)} MB; load before ${load.toFixed(1)})`);
      }
    }
  }
  const rows = rowsOf(cases, samples, wire);
  const head = [`Taken ${new Date().toISOString().slice(0, 10)} with \`./scripts/bench ${withoutFiles(process.argv.slice(2)).join(' ')}\`. ${(await versions(root)).join('; ')}.`, ''];
  const text = `${head.join('\n')}\n${table(cases, rows)}`;
  process.stdout.write(`${text}\n`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(rows.map((row) => row.json), undefined, 2)}\n`);
  if (options.docs !== undefined) await writeFile(options.docs, docsText(await readFile(options.docs, 'utf8'), text));
}


async function tidy(): Promise<void> {
  await bed?.down();
  await rm(work, { recursive: true, force: true });
}

await runBench(bench, tidy);
