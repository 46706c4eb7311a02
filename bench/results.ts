/** From samples to rows, and from rows to text. */
import type { Case } from './cases.ts';
import { FAR_MS } from './hosts.ts';
import { median } from './measure.ts';
import { TOOLS, type Tool } from './tools.ts';
import { WORKLOAD } from './workload.ts';

export interface Sample {
  readonly case: string;
  readonly tool: Tool;
  readonly round: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly targetSeconds: number;
  readonly peakMb: number;
  readonly turns: number | undefined;
  readonly bytes: number | undefined;
}

export interface Row {
  readonly name: string;
  readonly json: {
    readonly case: Case['kind'];
    readonly tool: Tool;
    readonly hosts: number;
    readonly tasks: number;
    readonly rtt_ms: number;
    readonly wall_s: number;
    /** Median over rounds of this tool's time by the floor's time of the same round. */
    readonly ratio_to_floor: number | null;
    readonly controller_cpu_s: number;
    readonly target_cpu_s: number;
    readonly peak_mb: number;
    /** Changes of direction on the wire; null where several hosts are. */
    readonly turns: number | null;
  };
  readonly rounds: number;
  readonly least: number;
  readonly most: number;
  readonly bytes: number | undefined;
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function rowOf(each: Case, tool: Tool, samples: readonly Sample[], wire: readonly Sample[]): Row | undefined {
  const mine = samples.filter((s) => s.case === each.name && s.tool === tool);
  if (mine.length === 0) return undefined;
  const ratios = mine.flatMap((s) => {
    const floor = samples.find((f) => f.case === each.name && f.tool === 'floor' && f.round === s.round);
    return floor === undefined ? [] : [s.wallSeconds / floor.wallSeconds];
  });
  const counted = [...mine, ...wire.filter((s) => s.case === each.name && s.tool === tool)].filter((s) => s.turns !== undefined);
  const turns = counted.flatMap((s) => (s.turns === undefined ? [] : [s.turns]));
  const bytes = counted.flatMap((s) => (s.bytes === undefined ? [] : [s.bytes]));
  const walls = mine.map((s) => s.wallSeconds);
  return {
    name: each.name,
    json: {
      case: each.kind, tool, hosts: each.hosts, tasks: WORKLOAD.length, rtt_ms: each.far ? FAR_MS : 0,
      wall_s: rounded(median(walls), 3),
      ratio_to_floor: ratios.length === 0 ? null : rounded(median(ratios), 2),
      controller_cpu_s: rounded(median(mine.map((s) => s.cpuSeconds)), 3),
      target_cpu_s: rounded(median(mine.map((s) => s.targetSeconds)), 3),
      peak_mb: rounded(median(mine.map((s) => s.peakMb)), 0),
      turns: turns.length === 0 ? null : median(turns),
    },
    rounds: mine.length,
    least: Math.min(...walls),
    most: Math.max(...walls),
    bytes: bytes.length === 0 ? undefined : median(bytes),
  };
}

export function rowsOf(cases: readonly Case[], samples: readonly Sample[], wire: readonly Sample[]): readonly Row[] {
  return cases.flatMap((each) => TOOLS.flatMap((tool) => rowOf(each, tool, samples, wire) ?? []));
}

function title(each: Case): string {
  const what = { converged: 'converged', drift: 'one drift', first: 'first run, 90 changes' }[each.kind];
  return `${what}, ${String(each.hosts)} host${each.hosts === 1 ? '' : 's'}${each.far ? `, ${String(FAR_MS)} ms round trip` : ''}`;
}

/** A Markdown table for each case. */
export function table(cases: readonly Case[], rows: readonly Row[]): string {
  const parts = cases.map((each) => {
    const mine = rows.filter((row) => row.name === each.name);
    const lines = mine.map(({ json, rounds, least, most, bytes }) =>
      `| ${json.tool} | ${json.wall_s.toFixed(2)} | ${least.toFixed(2)} to ${most.toFixed(2)} (${String(rounds)}) | ${json.ratio_to_floor?.toFixed(2) ?? ''} | ${json.controller_cpu_s.toFixed(2)} | ${json.target_cpu_s.toFixed(2)} | ${json.peak_mb.toFixed(0)} | ${json.turns === null ? '' : String(json.turns)} | ${bytes === undefined ? '' : (bytes / 1000).toFixed(0)} |`);
    return [`**${title(each)}**`, '', '| tool | median s | least to most (rounds) | × floor | controller CPU s | target CPU s | peak MB | turns | KB on the wire |', '| --- | --- | --- | --- | --- | --- | --- | --- | --- |', ...lines, ''].join('\n');
  });
  return parts.join('\n');
}

/** The page with its results, or those of `growth`, replaced. @throws Error when it has no place for them */
export function docsText(page: string, results: string, what: 'results' | 'growth' = 'results'): string {
  const begin = `<!-- ${what}: written by scripts/bench --docs -->`;
  const end = `<!-- end of ${what} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`the page has no lines ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${results}\n${page.slice(to)}`;
}

/** The words of a command without `--docs FILE` and `--json FILE`: what others need to run it again. */
export function withoutFiles(words: readonly string[]): readonly string[] {
  return words.filter((word, i) => !/^--(docs|json)(=|$)/.test(word) && !/^--(docs|json)$/.test(words[i - 1] ?? ''));
}
