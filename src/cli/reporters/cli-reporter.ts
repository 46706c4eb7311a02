/** What the command line asks of a reporter beyond the run's own stream. */
import { Diagnostic, DiagnosticList, ExitStatus } from '../../support/diagnostic.ts';
import type { Reporter } from '../../run/events.ts';

/** A reader of the run's events that can also say how a command ended before, or without, a summary. */
export interface CliReporter extends Reporter {
  /** The run ended by an error (bad input, a lock, an interruption, a defect). Called at most once, before `close`. */
  aborted(error: unknown, status: ExitStatus): void;
  /** Shows a line that is no part of the report where it garbles nothing; false when this reporter has no place for it. */
  notice?(line: string): boolean;
  /** Keeps the terminal still while a person is asked. */
  hold?<T>(work: () => Promise<T>): Promise<T>;
}

/** The exit status that an error means. */
export function statusOf(error: unknown): ExitStatus {
  if (error instanceof Diagnostic) return error.exitStatus;
  if (error instanceof DiagnosticList) return error.list[0].exitStatus;
  return ExitStatus.internal;
}

/** A reader that may or may not know the command line's side. */
type AnyReporter = Reporter & Partial<Omit<CliReporter, keyof Reporter>>;

/** All readers in order, as one. Every one is closed, also when an earlier one fails to close. */
export function combineReporters(reporters: readonly AnyReporter[]): CliReporter {
  return {
    event(event) {
      for (const reporter of reporters) reporter.event(event);
    },
    aborted(error, status) {
      for (const reporter of reporters) reporter.aborted?.(error, status);
    },
    notice: (line) => reporters.some((reporter) => reporter.notice?.(line) === true),
    async hold(work) {
      // At most one reporter draws on the terminal.
      const holder = reporters.find((reporter) => reporter.hold !== undefined);
      return holder?.hold === undefined ? work() : holder.hold(work);
    },
    async close() {
      const results = await Promise.allSettled(reporters.map((reporter) => reporter.close()));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}
