/** `care-provision drill` as the program runs it, and what its JSON says. */
import type { EventLine, ResultLine, SummaryLine } from '../../../src/drills/report/lines.ts';
import type { LabProject } from '../../integration/support/lab-project.ts';

type Line = SummaryLine | EventLine | ResultLine;

export interface Drilled {
  readonly status: number | null;
  readonly summary: SummaryLine;
  /** Of the first run. */
  readonly result: ResultLine | undefined;
  readonly events: readonly EventLine[];
  readonly stderr: string;
  readonly lines: readonly Line[];
}

/** @throws Error when it ends without a summary */
export async function drilled(project: LabProject, name: string, ...more: readonly string[]): Promise<Drilled> {
  const { status, stdout, stderr } = await project.start(['drill', name, ...more, '--output', 'json']).ended;
  // Sound: these are the lines that the program prints (docs/drills.md).
  const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as Line);
  const summary = lines.at(-1);
  if (summary?.type !== 'summary') throw new Error(`no summary at the end:\n${stdout}${stderr}`);
  return { status, summary, result: lines.find((line) => line.type === 'result'), events: lines.filter((line) => line.type === 'event'), stderr, lines };
}
