/**
 * Workers: the same converged run over many inventory names by one process, and by 1, 2 and 4 workers. Names share four lab hosts, each with a
 * connection, a runner and a lock of its own; neighbours are on one lab host, so that a lab host is one worker's. The server of
 * CARE_DATABASE_URL, on this machine too, is what they share the run through.
 *
 *     CARE_DATABASE_URL=postgresql://… node bench/workers.ts [--names 300] [--workers 0,1,2,4] [--rounds 3] [--lab NAME] [--keep]
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp, onHost, targetCpu, type Bed, type Way } from './hosts.ts';
import { measure, median, type Cost } from './measure.ts';
import { writeProjects } from './projects.ts';
import { runBench, say } from './run.ts';
import { changesOf, Toolbox } from './tools.ts';
import { proofScript } from './workload.ts';

const root = resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({ options: { names: { type: 'string', default: '300' }, workers: { type: 'string', default: '0,1,2,4' }, rounds: { type: 'string', default: '3' }, lab: { type: 'string', default: 'bench-workers' }, keep: { type: 'boolean' } } });
const LAB_HOSTS = 4;
const MANY_LOGINS = "printf 'MaxStartups 200:30:400\\n' >/etc/ssh/sshd_config.d/10-growth.conf && systemctl reload ssh";
if ((process.env['CARE_DATABASE_URL'] ?? '') === '') throw new Error('CARE_DATABASE_URL is not set: workers share a run through a PostgreSQL server (docs/workers.md)');

const work = await mkdtemp(join(tmpdir(), 'care-workers-'));
await mkdir(join(work, 'state'), { recursive: true });
let bed: Bed | undefined;

/** So many names, neighbours on one lab host. */
function names(count: number, near: readonly Way[]): readonly Way[] {
  return Array.from({ length: count }, (_, i) => {
    const way = near[Math.floor((i * near.length) / count)];
    if (way === undefined) throw new Error('there are no hosts');
    return { ...way, name: `host-${String(i + 1).padStart(4, '0')}` };
  });
}

interface Measured extends Cost {
  readonly targetSeconds: number;
  readonly load: number;
}

async function once(hosts: Bed, box: Toolbox, ways: readonly Way[], workers: number): Promise<Measured> {
  const started = await box.start('care-provision', ways);
  const load = loadavg()[0] ?? 0;
  const before = await targetCpu(hosts.containers);
  const environment = workers === 0 ? { CARE_DATABASE_URL: '' } : {};
  const cost = await measure([...started.command, ...(workers === 0 ? [] : ['--workers', String(workers)])], { ...started.environment, ...environment }, work, join(work, 'usage'));
  if (cost.status !== 0 || changesOf('care-provision', cost) !== 0) throw new Error(`${String(workers)} workers: status ${String(cost.status)}\n${cost.stdout.slice(-3000)}\n${cost.stderr.slice(-3000)}`);
  return { ...cost, targetSeconds: (await targetCpu(hosts.containers)) - before, load };
}

await runBench(async () => {
  bed = await bringUp(root, options.lab, LAB_HOSTS, options.keep === true, say);
  const hosts = bed;
  for (const container of hosts.containers) await onHost(container, MANY_LOGINS);
  const directory = join(work, 'names');
  const box = new Toolbox(root, directory, hosts, await writeProjects(directory), undefined);
  const first = await box.start('care-provision', hosts.near);
  const made = await measure(first.command, { ...first.environment, CARE_DATABASE_URL: '' }, work, join(work, 'usage'));
  if (made.status !== 0) throw new Error(`the hosts cannot be converged: ${made.stdout.slice(-2000)}\n${made.stderr}`);
  for (const container of hosts.containers) {
    const said = await onHost(container, proofScript());
    if (!said.endsWith('held 100')) throw new Error(`on ${container}:\n${said.slice(-2000)}`);
  }
  const counts = options.workers.split(',').map(Number);
  const ways = names(Number(options.names), hosts.near);
  const all = new Map<number, Measured[]>(counts.map((count) => [count, []]));
  for (let round = 0; round < Number(options.rounds); round += 1) {
    for (const count of counts) {
      const cost = await once(hosts, box, ways, count);
      all.get(count)?.push(cost);
      say(`round ${String(round + 1)}, ${count === 0 ? 'one process' : `${String(count)} workers`}: ${cost.wallSeconds.toFixed(2)} s (controller ${cost.cpuSeconds.toFixed(2)}, targets ${cost.targetSeconds.toFixed(2)} s, largest process ${cost.peakMb.toFixed(0)} MB; load before ${cost.load.toFixed(1)})`);
    }
  }
  const rows = counts.map((count) => {
    const mine = all.get(count) ?? [];
    const of = (pick: (cost: Measured) => number): string => median(mine.map(pick)).toFixed(1);
    const walls = mine.map((cost) => cost.wallSeconds);
    return `| ${count === 0 ? 'one process, no server' : `${String(count)} workers`} | ${of((c) => c.wallSeconds)} | ${Math.min(...walls).toFixed(1)} to ${Math.max(...walls).toFixed(1)} (${String(mine.length)}) | ${of((c) => c.cpuSeconds)} | ${of((c) => c.targetSeconds)} | ${of((c) => c.peakMb)} | ${of((c) => c.load)} |`;
  });
  console.log([`${options.names} names, 100 tasks, converged, ${String(availableParallelism())} processors for controller, hosts and server`, '', '| | median s | least to most (rounds) | controllers CPU s | target CPU s | largest process MB | load before |', '| --- | --- | --- | --- | --- | --- | --- |', ...rows].join('\n'));
}, async () => {
  await bed?.down();
  await rm(work, { recursive: true, force: true });
});
