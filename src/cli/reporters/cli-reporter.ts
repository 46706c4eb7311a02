/** What the command line asks of a reporter beyond the run's own stream. */
import { Diagnostic, DiagnosticList, ExitStatus } from '../../support/diagnostic.ts';
import type { Reporter } from '../../run/events.ts';

/** A reader of the run's events that can also say how a command ended before, or without, a summary. */
export interface CliReporter extends Reporter {
  /** The run ended by an error (bad input, a lock, an interruption, a defect). Called at most once, before `close`. */
  aborted(error: unknown, status: ExitStatus): void;
}

/** The exit status that an error means. */
export function statusOf(error: unknown): ExitStatus {
  if (error instanceof Diagnostic) return error.exitStatus;
  if (error instanceof DiagnosticList) return error.list[0].exitStatus;
  return ExitStatus.internal;
}

/** All readers in order, as one. Every one is closed, also when an earlier one fails to close. */
export function combineReporters(reporters: readonly (Reporter | CliReporter)[]): CliReporter {
  return {
    event(event) {
      for (const reporter of reporters) reporter.event(event);
    },
    aborted(error, status) {
      for (const reporter of reporters) if ('aborted' in reporter) reporter.aborted(error, status);
    },
    async close() {
      const results = await Promise.allSettled(reporters.map((reporter) => reporter.close()));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}
