/** Who hears of a drill while it goes on: a person at the terminal, or a program that reads JSON Lines. */
import type { DrillInfo } from '../../drills/drill.ts';
import type { DrillEvent } from '../../drills/record.ts';
import { eventLine, resultLine, summaryLine, type EventLine, type ResultLine, type SummaryLine } from '../../drills/report/lines.ts';
import { recapText, runsText } from '../../drills/report/text.ts';
import type { DrillResult } from '../../drills/result.ts';
import { maskSecrets } from '../../support/secret.ts';
import { safeLine, safeLines } from '../../support/terminal-text.ts';
import type { Paint } from '../terminal/colour.ts';
import type { Output } from '../terminal/output.ts';
import { errorLines, type ErrorLine } from './json.ts';

export interface DrillReporter {
  begin(drill: DrillInfo, run: number, runs: number): void;
  event(drill: DrillInfo, run: number, event: DrillEvent): void;
  result(run: number, result: DrillResult): void;
  /** The end, whatever it was. `error`: what ended it early. */
  summary(ending: Ending): void;
  close(): void;
}

export interface Ending {
  /** The name asked for: a drill's, or `all`. */
  readonly name: string;
  readonly drills: readonly DrillInfo[];
  readonly results: readonly DrillResult[];
  readonly wanted: number;
  readonly status: number;
  readonly error: unknown;
}

type Line = EventLine | ResultLine | SummaryLine | ErrorLine;

/** Words that programs match on stay as they are; texts may hold what hosts have said. */
const IDENTIFIERS: ReadonlySet<string> = new Set(['type', 'drill', 'kind', 'code', 'gap_kind', 'started_at']);

export function drillJson(output: Output): DrillReporter {
  const put = (line: Line): void => {
    output.write(`${JSON.stringify(line, (key, value: unknown) => (typeof value === 'string' && !IDENTIFIERS.has(key) ? maskSecrets(value) : value))}\n`);
  };
  return {
    begin: () => undefined,
    event: (drill, run, event) => { put(eventLine(drill.name, run, event)); },
    result: (run, result) => { put(resultLine(run, result)); },
    summary({ name, drills, results, wanted, status, error }) {
      if (error !== undefined) for (const line of errorLines(error)) put(line);
      const [only] = drills;
      put(summaryLine(name, drills.length === 1 ? only?.target : undefined, results, status, wanted));
    },
    close: () => { output.close(); },
  };
}

export function drillText(output: Output, paint: Paint): DrillReporter {
  return {
    begin(drill, run, runs) {
      output.write(`${paint('bold', drill.name)}${runs > 1 ? ` (run ${String(run)} of ${String(runs)})` : ''}: ${safeLine(drill.summary)}\n`);
    },
    event(_drill, _run, event) {
      const time = `${(event.atMs / 1000).toFixed(1)} s`.padStart(9);
      const what = safeLine(event.what);
      output.write(`${paint('gray', time)}  ${event.kind === 'break' || event.kind === 'trouble' ? paint('red', what) : event.kind === 'heal' ? paint('green', what) : what}\n`);
    },
    result(_run, result) {
      const [first = '', ...rest] = safeLines(recapText(result)).split('\n');
      output.write(`\n${paint(result.met ? 'green' : 'red', first)}\n${rest.join('\n')}\n\n`);
    },
    summary({ drills, results }) {
      for (const drill of drills) {
        const own = results.filter((r) => r.drill === drill.name);
        if (own.length > 1 || (own.length > 0 && drills.length > 1)) output.write(`${safeLines(runsText(drill.name, own))}\n`);
      }
    },
    close: () => { output.close(); },
  };
}

/** Several readers of one drill. */
export function drillReaders(readers: readonly DrillReporter[]): DrillReporter {
  return {
    begin: (...words) => { for (const r of readers) r.begin(...words); },
    event: (...words) => { for (const r of readers) r.event(...words); },
    result: (...words) => { for (const r of readers) r.result(...words); },
    summary: (ending) => { for (const r of readers) r.summary(ending); },
    close: () => { for (const r of readers) r.close(); },
  };
}
