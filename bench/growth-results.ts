/** The tables of growth. */
import type { Cost } from './measure.ts';
import type { Tool } from './tools.ts';

export interface Point {
  readonly tool: Tool;
  readonly hosts: number;
  readonly tasks: number;
  readonly rounds: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly targetSeconds: number;
  readonly peakMb: number;
  /** Median of the ratios to the floor's time of the same round. */
  readonly ratio: number | undefined;
}

export interface Limit {
  readonly name: string;
  readonly what: string;
  readonly hosts: number;
  readonly cost: Cost;
  /** Seconds that it may take. */
  readonly limit: number | undefined;
}

/** Milliseconds of controller a host that come on top of its connection, against the same tools on one host. */
function afterHandshake(points: readonly Point[], point: Point): string {
  const at = (tool: Tool, hosts: number): number | undefined => points.find((p) => p.tool === tool && p.hosts === hosts && p.tasks === point.tasks)?.cpuSeconds;
  const [mine, connect, one, connectOne] = [point.cpuSeconds, at('connect', point.hosts), at(point.tool, 1), at('connect', 1)];
  if (point.tool === 'connect' || point.hosts === 1 || connect === undefined || one === undefined || connectOne === undefined) return '';
  return (((mine - one - (connect - connectOne)) / (point.hosts - 1)) * 1000).toFixed(1);
}

export function growthTable(points: readonly Point[]): string {
  const lines = points.map((p) => `| ${String(p.hosts)} | ${String(p.tasks)} | ${p.tool} | ${p.wallSeconds.toFixed(2)} (${String(p.rounds)}) | ${p.ratio?.toFixed(2) ?? ''} | ${p.cpuSeconds.toFixed(2)} | ${afterHandshake(points, p)} | ${p.targetSeconds.toFixed(2)} | ${p.peakMb.toFixed(0)} |`);
  return ['| hosts | tasks | tool | median s (rounds) | × floor | controller CPU s | ms a further host, after the handshake | target CPU s | peak MB |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- |', ...lines, ''].join('\n');
}

export function limitsTable(limits: readonly Limit[]): string {
  const lines = limits.map(({ what, cost, limit }) => `| ${what} | ${cost.wallSeconds.toFixed(3)} | ${limit?.toFixed(3) ?? ''} | ${cost.cpuSeconds.toFixed(3)} | ${cost.peakMb.toFixed(0)} |`);
  return ['| | median s | at most | CPU s | peak MB |', '| --- | --- | --- | --- | --- |', ...lines, ''].join('\n');
}
