/** The live lines at the foot of a terminal: which hosts are at work, on what, for how long. Pure, but for the clock given. */
import type { RunEvent } from '../../run/events.ts';
import { maskSecrets } from '../../support/secret.ts';
import { safeLine } from '../../support/terminal-text.ts';
import { duration, plural } from '../reporters/counts.ts';
import { taskName } from '../../run/task-name.ts';

const MOST_HOSTS = 6;

interface InHand {
  readonly task: string;
  readonly since: number;
}

export interface Progress {
  event(event: RunEvent, nowMs: number): void;
  /** The footer's lines for a terminal this wide; none when nothing is going on. */
  lines(nowMs: number, columns: number): string[];
}

/** Follows a run and knows what is going on now. */
export function progress(): Progress {
  const inHand = new Map<string, InHand>();
  let play = '';
  let startedMs: number | undefined;
  let hosts = 0;
  let changed = 0;
  let failed = 0;
  return {
    event(event, nowMs) {
      switch (event.type) {
        case 'start':
          startedMs = nowMs;
          hosts = event.hosts.length;
          break;
        case 'play':
          play = event.play;
          break;
        case 'task-start':
          inHand.set(event.host, { task: taskName(event), since: nowMs });
          break;
        case 'task':
          inHand.delete(event.host);
          if (event.status === 'changed') changed += 1;
          if (event.status === 'failed' || event.status === 'unreachable') failed += 1;
          break;
        case 'summary':
          startedMs = undefined;
          inHand.clear();
          break;
        case 'change':
        case 'retry':
        case 'observation':
        case 'warning':
          break;
      }
    },
    lines(nowMs, columns) {
      if (startedMs === undefined) return [];
      const fit = (text: string): string => Array.from(safeLine(maskSecrets(text))).slice(0, Math.max(10, columns - 3)).join('');
      // Those at work longest first: the one that hangs is what a person wants to see.
      const working = [...inHand].sort(([, a], [, b]) => a.since - b.since);
      const shown = working.slice(0, MOST_HOSTS).map(([host, task]) => `  ${fit(`${host}  ${task.task}  ${duration((nowMs - task.since) / 1000)}`)}`);
      const rest = working.length > MOST_HOSTS ? [`  and ${plural(working.length - MOST_HOSTS, 'more host')} at work`] : [];
      const head = fit(`${duration((nowMs - startedMs) / 1000)}  ${play === '' ? '' : `${play}  `}${String(working.length)} of ${plural(hosts, 'host')} at work, ${String(changed)} changed, ${String(failed)} failed`);
      return [head, ...shown, ...rest];
    },
  };
}
