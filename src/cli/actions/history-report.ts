/** `history report`: the page of a run that was made before. */
import path from 'node:path';
import { ExitStatus } from '../../support/diagnostic.ts';
import type { CliContext } from '../context.ts';
import { recordedReport } from '../report/from-history.ts';
import { runHtml } from '../report/html.ts';
import { wholeFile } from '../terminal/whole-file.ts';
import { runOf, withStore } from './history.ts';

/** @throws Diagnostic `unknown-run`, or when the file cannot be written */
export async function historyReportAction(context: CliContext, id: string, file: string): Promise<ExitStatus> {
  const target = path.resolve(context.cwd, file);
  const out = wholeFile(target, '<file>', 0o600);
  const run = await withStore(context, (store) => runOf(store, id));
  out.write(runHtml(recordedReport(run), Date.parse(run.endedAt ?? run.startedAt)));
  context.stdout.write(`${target}\n`);
  return ExitStatus.ok;
}
