/**
 * Ctrl-C, three times: the first finishes the task in hand and reports, the second kills what runs, the third
 * leaves at once. SIGTERM and SIGHUP are as the first, for they come from service managers and closed terminals.
 */
import { ExitStatus } from '../../support/diagnostic.ts';
import type { CliContext } from '../context.ts';

/** The part of `process` that is needed. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
}

export interface Interruption {
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /** Gives the signals back to their default action. */
  dispose(): void;
}

/**
 * @param say prints one line for the person who pressed the keys
 * @param leave ends the process at once
 */
export function interruption(source: SignalSource, say: (line: string) => void, leave: (status: ExitStatus) => void): Interruption {
  const stop = new AbortController();
  const kill = new AbortController();
  const press = (): void => {
    if (!stop.signal.aborted) {
      say('interrupted: finishing the tasks in hand, then reporting. Press Ctrl-C again to kill them.');
      stop.abort();
    } else if (!kill.signal.aborted) {
      say('interrupted again: killing what runs. Press Ctrl-C once more to leave without a report.');
      kill.abort();
    } else {
      leave(ExitStatus.interrupted);
    }
  };
  // SIGTERM repeated by an impatient supervisor must not turn into a kill: it counts once.
  const terminate = (): void => {
    if (stop.signal.aborted) return;
    say('asked to terminate: finishing the tasks in hand, then reporting.');
    stop.abort();
  };
  source.on('SIGINT', press);
  source.on('SIGTERM', terminate);
  source.on('SIGHUP', terminate);
  return {
    stop: stop.signal,
    kill: kill.signal,
    dispose() {
      source.off('SIGINT', press);
      source.off('SIGTERM', terminate);
      source.off('SIGHUP', terminate);
    },
  };
}

/** Where messages about an interruption go: the reporter, when it draws on the terminal, else stderr. */
export type Notice = (line: string) => boolean;

/** The interruption of this process. */
export function processInterruption(context: Pick<CliContext, 'stderr'>, notice: Notice = () => false): Interruption {
  return interruption(
    process,
    (line) => { if (!notice(line)) context.stderr.write(`\n${line}\n`); },
    (status) => process.exit(status),
  );
}
