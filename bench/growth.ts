/**
 * Growth: 10, 100 and 1,000 tasks on one host; 1, 10, 100 and 1,000 inventory names with 100 tasks; an inventory of 10,000
 * hosts; the start of the program. Names share three lab hosts, each with a connection, a runner and a lock of its own.
 * Started by scripts/bench.
 *
 *     growth.ts [--json FILE] [--docs FILE] [--keep] [--lab NAME] [--tasks N,…] [--hosts N,…] [--tools TOOL,…] [--rounds N] [--profiles DIRECTORY]
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { growthTable, limitsTable, type Limit, type Point } from './growth-results.ts';
import { bringUp, onHost, targetCpu, type Bed, type Way } from './hosts.ts';
import { runBench, say } from './run.ts';
import { measure, median, type Cost } from './measure.ts';
import { writeProjects } from './projects.ts';
import { docsText, withoutFiles } from './results.ts';
import { changesOf, Toolbox, type Tool } from './tools.ts';
import { versions } from './versions.ts';
import { proofScript, resetScript, workload } from './workload.ts';

const root = resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({
  args: process.argv.slice(2).filter((word) => word !== 'growth'),
  options: {
    json: { type: 'string' }, docs: { type: 'string' }, keep: { type: 'boolean' }, lab: { type: 'string', default: 'bench-growth' }, tools: { type: 'string', default: 'care-provision,floor,connect' },
    tasks: { type: 'string', default: '10,100,1000' }, hosts: { type: 'string', default: '1,10,100,1000' }, rounds: { type: 'string', default: '5' }, profiles: { type: 'string' },
  },
});
const sizes = (text: string): readonly number[] => text.split(',').filter((word) => word !== '').map(Number);
const wanted = (['care-provision', 'floor', 'connect'] as const).filter((tool) => options.tools.split(',').includes(tool));
const LAB_HOSTS = 3;
const INVENTORY_HOSTS = 10_000;
const work = await mkdtemp(join(tmpdir(), 'care-growth-'));
await mkdir(join(work, 'state'), { recursive: true });
let bed: Bed | undefined;

/** Large sizes take long and vary little: they are measured less often. */
function roundsOf(size: number): number {
  const rounds = Number(options.rounds);
  return Math.max(1, size >= 1000 ? Math.min(rounds, 2) : size >= 100 ? Math.min(rounds, 3) : rounds);
}

/** sshd drops unauthenticated connections at random from the tenth on (MaxStartups): not what is measured here. */
const MANY_LOGINS = "printf 'MaxStartups 200:30:400\\n' >/etc/ssh/sshd_config.d/10-growth.conf && systemctl reload ssh";

/** So many inventory names for the lab hosts, in turn. */
function names(count: number, near: readonly Way[]): readonly Way[] {
  return Array.from({ length: count }, (_, i) => ({ ...(near[i % near.length] ?? raise('there are no hosts')), name: `host-${String(i + 1).padStart(4, '0')}` }));
}

function raise(message: string): never {
  throw new Error(message);
}

async function prove(containers: readonly string[], tasks: number): Promise<void> {
  for (const container of containers) {
    const said = await onHost(container, proofScript(workload(tasks)));
    if (!said.endsWith(`held ${String(tasks)}`)) throw new Error(`on ${container}:\n${said.slice(-2000)}`);
  }
}

interface Bench {
  readonly hosts: Bed;
  readonly box: Toolbox;
  readonly tasks: number;
}

async function once({ hosts, box, tasks }: Bench, tool: Tool, ways: readonly Way[], round: number): Promise<Cost & { readonly targetSeconds: number }> {
  const started = await box.start(tool, ways);
  const profile = options.profiles !== undefined && round === 0 && tool === 'care-provision' ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(options.profiles, `${String(ways.length)}-hosts-${String(tasks)}-tasks`)}` } : {};
  const before = await targetCpu(hosts.containers);
  const cost = await measure(started.command, { ...started.environment, ...profile }, work, join(work, 'usage'));
  const changed = changesOf(tool, cost);
  if (changed !== 0) throw new Error(`${tool}: ${String(changed)} changes on hosts that were converged`);
  return { ...cost, targetSeconds: (await targetCpu(hosts.containers)) - before };
}

/** Measures the tools in turns; the first round warms caches and does not count. */
async function point(bench: Bench, ways: readonly Way[]): Promise<readonly Point[]> {
  const { tasks } = bench;
  const size = Math.max(ways.length, tasks);
  const costs = new Map<Tool, (Cost & { targetSeconds: number })[]>(wanted.map((tool) => [tool, []]));
  for (let round = size >= 1000 && options.profiles === undefined ? 1 : 0; round <= roundsOf(size); round += 1) {
    for (const tool of wanted) {
      if (tool === 'connect' && ways.length === 1 && tasks !== 100) continue;
      const cost = await once(bench, tool, ways, round);
      if (round === 0) continue;
      costs.get(tool)?.push(cost);
      say(`${String(ways.length)} hosts, ${String(tasks)} tasks, ${tool}: ${cost.wallSeconds.toFixed(2)} s (controller ${cost.cpuSeconds.toFixed(2)}, targets ${cost.targetSeconds.toFixed(2)} s, ${cost.peakMb.toFixed(0)} MB)`);
    }
  }
  return wanted.flatMap((tool) => {
    const mine = costs.get(tool) ?? [];
    if (mine.length === 0) return [];
    const of = (pick: (cost: Cost & { targetSeconds: number }) => number): number => median(mine.map(pick));
    const floor = costs.get('floor') ?? [];
    const ratios = mine.flatMap((cost, i) => { const other = floor[i]; return other === undefined ? [] : [cost.wallSeconds / other.wallSeconds]; });
    return [{ tool, hosts: ways.length, tasks, rounds: mine.length, wallSeconds: of((c) => c.wallSeconds), cpuSeconds: of((c) => c.cpuSeconds), targetSeconds: of((c) => c.targetSeconds), peakMb: of((c) => c.peakMb), ratio: ratios.length === 0 ? undefined : median(ratios) }];
  });
}

async function converge(hosts: Bed, box: Toolbox, ways: readonly Way[]): Promise<void> {
  const first = await box.start('care-provision', ways);
  const made = await measure(first.command, first.environment, work, join(work, 'usage'));
  if (made.status !== 0) throw new Error(`the hosts cannot be converged: ${made.stdout.slice(-2000)}\n${made.stderr}`);
}

async function growth(hosts: Bed): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const tasks of sizes(options.tasks)) {
    const directory = join(work, `tasks-${String(tasks)}`);
    const box = new Toolbox(root, directory, hosts, await writeProjects(directory, workload(tasks)), undefined);
    await converge(hosts, box, hosts.near.slice(0, 1));
    await prove(hosts.containers.slice(0, 1), tasks);
    points.push(...await point({ hosts, box, tasks }, hosts.near.slice(0, 1)));
    await onHost(hosts.containers[0] ?? '', resetScript(workload(tasks)));
  }
  const counts = sizes(options.hosts);
  if (counts.length === 0) return points;
  const directory = join(work, 'names');
  const box = new Toolbox(root, directory, hosts, await writeProjects(directory), undefined);
  await converge(hosts, box, hosts.near);
  await prove(hosts.containers, 100);
  for (const count of counts) if (count > 1 || !sizes(options.tasks).includes(100)) points.push(...await point({ hosts, box, tasks: 100 }, names(count, hosts.near)));
  return points;
}

async function repeated(command: readonly string[], rounds: number): Promise<Cost> {
  const costs: Cost[] = [];
  for (let i = 0; i <= rounds; i += 1) {
    const cost = await measure(command, { NODE_COMPILE_CACHE: join(work, 'compiled'), CARE_STATE: join(work, 'state') }, work, join(work, 'usage'));
    if (cost.status !== 0) throw new Error(`${command.join(' ')}: ${cost.stderr}`);
    if (i > 0) costs.push(cost);
  }
  const of = (pick: (cost: Cost) => number): number => median(costs.map(pick));
  return { wallSeconds: of((c) => c.wallSeconds), cpuSeconds: of((c) => c.cpuSeconds), peakMb: of((c) => c.peakMb), status: 0, stdout: '', stderr: '' };
}

/** 10,000 hosts in 100 groups, each host with two variables of its own. */
function largeInventory(): string {
  const lines = ['all:', '  vars: { ntp: ntp.example.org }', '  children:'];
  for (let group = 0; group < 100; group += 1) {
    lines.push(`    hospital_${String(group)}:`, `      vars: { district: "${String(group)}" }`, '      hosts:');
    for (let host = 0; host < INVENTORY_HOSTS / 100; host += 1) lines.push(`        h${String(group)}-${String(host)}: { ansible_host: 10.${String(group)}.0.${String(host)}, rack: r${String(host % 8)} }`);
  }
  return `${lines.join('\n')}\n`;
}

async function limits(): Promise<readonly Limit[]> {
  const file = join(work, 'large.yml');
  await writeFile(file, largeInventory());
  const program = join(root, 'bin', 'care-provision');
  const list = await repeated([program, 'inventory', 'list', file], 3);
  const bare = await repeated([process.execPath, '-e', '0'], 15);
  const help = await repeated([program, '--help'], 15);
  return [
    { name: 'inventory', what: `inventory list, ${INVENTORY_HOSTS.toLocaleString('en')} hosts`, hosts: INVENTORY_HOSTS, cost: list, limit: 2 },
    { name: 'bare', what: 'node -e 0', hosts: 0, cost: bare, limit: undefined },
    { name: 'help', what: '--help', hosts: 0, cost: help, limit: bare.wallSeconds * 1.5 + 0.06 },
  ];
}

async function bench(): Promise<void> {
  const points: Point[] = [];
  if (sizes(options.tasks).length + sizes(options.hosts).length > 0) {
    bed = await bringUp(root, options.lab, LAB_HOSTS, options.keep === true, say);
    for (const container of bed.containers) await onHost(container, MANY_LOGINS);
    points.push(...await growth(bed));
  }
  const bounds = await limits();
  const text = [`Taken ${new Date().toISOString().slice(0, 10)} with \`./scripts/bench ${['growth', ...withoutFiles(process.argv.slice(2))].join(' ')}\`. ${(await versions(root)).join('; ')}.`, '', growthTable(points), limitsTable(bounds)].join('\n');
  process.stdout.write(`${text}\n`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify([...points, ...bounds].map(rowOf), undefined, 2)}\n`);
  if (options.docs !== undefined) await writeFile(options.docs, docsText(await readFile(options.docs, 'utf8'), text, 'growth'));
}

/** The rows of the other cases, with their words: `case` is `converged`, or `inventory`, `help`, `bare`. */
function rowOf(row: Point | Limit): object {
  const number = (value: number, digits = 3): number => Number(value.toFixed(digits));
  const cost = 'cost' in row ? { ...row.cost, targetSeconds: 0 } : row;
  return {
    case: 'cost' in row ? row.name : 'converged', tool: 'cost' in row ? 'care-provision' : row.tool, hosts: row.hosts, tasks: 'cost' in row ? 0 : row.tasks, rtt_ms: 0, wall_s: number(cost.wallSeconds),
    ratio_to_floor: 'cost' in row || row.ratio === undefined ? null : number(row.ratio, 2), controller_cpu_s: number(cost.cpuSeconds), target_cpu_s: number(cost.targetSeconds), peak_mb: number(cost.peakMb, 0), turns: null,
  };
}

async function tidy(): Promise<void> {
  await bed?.down();
  await rm(work, { recursive: true, force: true });
}
await runBench(bench, tidy);
