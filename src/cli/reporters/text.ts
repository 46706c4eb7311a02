/** The terminal reporter: lines as they come, and on a terminal a live footer below them. */
import { ExitStatus } from '../../support/diagnostic.ts';
import type { Output } from '../terminal/output.ts';
import { progress } from '../terminal/footer.ts';
import type { CliReporter } from './cli-reporter.ts';
import { emptySummary } from './json.ts';
import { textEvents, type TextOptions } from './text-events.ts';

const REDRAW_MS = 200;

export interface TextReporterOptions extends TextOptions {
  /** Draw the live footer; only for a terminal that understands cursor movement. */
  readonly live: boolean;
  readonly now?: () => number;
}

// ECMA-48: cursor up, erase to the end of the screen; DECAWM off and on keeps a long line on one row.
const UP_AND_ERASE = (rows: number): string => (rows === 0 ? '' : `\u001b[${String(rows)}A\r\u001b[0J`);
const NO_WRAP = '\u001b[?7l';
const WRAP = '\u001b[?7h';

/** Lines to `output`, plain in CI, with a live footer on a terminal. */
export function textReporter(output: Output, options: TextReporterOptions): CliReporter {
  const now = options.now ?? Date.now;
  const lines = textEvents(options);
  const state = progress();
  let drawn = 0;
  let held = 0;
  let kept: string[] = [];

  const footer = (): string => {
    if (!options.live) return '';
    // Some pseudo-terminals say that they have 0 columns.
    const columns = output.columns() ?? 0;
    const rows = state.lines(now(), columns > 0 ? columns : 80);
    drawn = rows.length;
    return rows.length === 0 ? '' : `${NO_WRAP}${rows.map((row) => options.paint('gray', row)).join('\n')}\n${WRAP}`;
  };
  const print = (text: readonly string[]): void => {
    if (held > 0) {
      kept.push(...text);
      return;
    }
    const erase = UP_AND_ERASE(drawn);
    drawn = 0;
    output.write(`${erase}${text.map((line) => `${line}\n`).join('')}${footer()}`);
  };
  const timer = options.live
    ? setInterval(() => {
        print([]);
      }, REDRAW_MS).unref()
    : undefined;

  return {
    event(event) {
      state.event(event, now());
      const text = lines(event);
      if (text.length > 0) print(text);
    },
    notice(line) {
      if (options.live) print([line]);
      return options.live;
    },
    async hold(work) {
      if (drawn > 0) output.write(UP_AND_ERASE(drawn));
      drawn = 0;
      held += 1;
      try {
        return await work();
      } finally {
        held -= 1;
        if (held === 0) {
          const text = kept;
          kept = [];
          if (text.length > 0) print(text);
        }
      }
    },
    aborted(_error, status) {
      // The error itself goes to stderr, for every format alike; here only the footer has to go.
      state.event(emptySummary('', status, new Date(now())), now());
      if (drawn > 0) print(status === ExitStatus.interrupted ? ['interrupted'] : []);
    },
    async close() {
      await Promise.resolve();
      clearInterval(timer);
      if (drawn > 0) output.write(UP_AND_ERASE(drawn));
      drawn = 0;
      output.close();
    },
  };
}
