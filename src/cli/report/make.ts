/** The reports that a run is asked for besides its output. Each is loaded only when it is asked for. */
import path from 'node:path';
import type { RunMode } from '../../run/events.ts';
import type { CliContext } from '../context.ts';
import type { Notifier } from '../notify/reporter.ts';
import type { RunFlags } from '../options.ts';
import type { CliReporter } from '../reporters/cli-reporter.ts';

export interface ExtraRequest {
  readonly mode: RunMode;
  readonly inventories: readonly string[];
  readonly playbooks: readonly string[];
  readonly flags: Pick<RunFlags, 'report' | 'metrics' | 'notify'>;
  /** Where a message that could not be sent is said. */
  readonly warn: (message: string) => void;
  /** Aborted when somebody wants the program to end. */
  readonly stop: AbortSignal;
}

export interface Extra {
  readonly reporters: readonly CliReporter[];
  readonly notifier: Notifier | undefined;
}

/** @throws Diagnostic `usage` when a file cannot be written */
export async function extraReporters(context: CliContext, request: ExtraRequest): Promise<Extra> {
  const { flags, warn, stop } = request;
  const reporters: CliReporter[] = [];
  let notifier: Notifier | undefined;
  if (flags.report !== undefined) {
    const { htmlReporter } = await import('./html-reporter.ts');
    reporters.push(htmlReporter(path.resolve(context.cwd, flags.report)));
  }
  if (flags.notify === true) {
    const notify = await import('../notify/reporter.ts');
    notifier = notify.notifier({ warn, stop, earlier: (report) => notify.earlierHosts(report, context.environment) });
    reporters.push(notifier);
  }
  if (flags.metrics !== undefined) {
    const { metricsReporter } = await import('./metrics-reporter.ts');
    // Known before anything is read, so that a run that ends by bad input is counted under the same labels.
    const playbook = request.playbooks.length === 0 ? 'site.yml' : request.playbooks.map((file) => path.basename(file)).join(',');
    const failed = notifier?.failed ?? Promise.resolve(undefined);
    reporters.push(metricsReporter(path.resolve(context.cwd, flags.metrics), { inventory: request.inventories.join(','), playbook, mode: request.mode }, () => failed));
  }
  return { reporters, notifier };
}
