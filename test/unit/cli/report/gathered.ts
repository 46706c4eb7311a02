import { Collector } from '../../../../src/cli/report/collect.ts';
import type { RunReport } from '../../../../src/cli/report/model.ts';
import type { Night } from './sample.ts';

/** The report of a night. */
export function gathered(run: Night): RunReport {
  const collector = new Collector();
  for (const [at, event] of run.events) collector.event(event, at);
  return collector.report();
}
