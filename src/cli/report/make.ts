/** The reports that a run is asked for besides its output. Each is loaded only when it is asked for. */
import path from 'node:path';
import type { RunMode } from '../../run/events.ts';
import type { CliContext } from '../context.ts';
import type { RunFlags } from '../options.ts';
import type { CliReporter } from '../reporters/cli-reporter.ts';

export interface ExtraRequest {
  readonly mode: RunMode;
  readonly inventories: readonly string[];
  readonly playbooks: readonly string[];
  readonly flags: Pick<RunFlags, 'report' | 'metrics'>;
}

/** @throws Diagnostic `usage` when a file cannot be written */
export async function extraReporters(context: CliContext, request: ExtraRequest): Promise<readonly CliReporter[]> {
  const { flags } = request;
  const reporters: CliReporter[] = [];
  if (flags.report !== undefined) {
    const { htmlReporter } = await import('./html-reporter.ts');
    reporters.push(htmlReporter(path.resolve(context.cwd, flags.report)));
  }
  if (flags.metrics !== undefined) {
    const { metricsReporter } = await import('./metrics-reporter.ts');
    // Known before anything is read, so that a run that ends by bad input is counted under the same labels.
    const playbook = request.playbooks.length === 0 ? 'site.yml' : request.playbooks.map((file) => path.basename(file)).join(',');
    reporters.push(metricsReporter(path.resolve(context.cwd, flags.metrics), { inventory: request.inventories.join(','), playbook, mode: request.mode }, () => Promise.resolve(undefined)));
  }
  return reporters;
}
