/** `drill list`: the catalogue. */
import { DRILLS } from '../../drills/catalogue.ts';
import { targetLine } from '../../drills/report/lines.ts';
import { milliseconds, wrap } from '../../drills/report/text.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import type { CliContext } from '../context.ts';

export function drillListAction(context: CliContext, flags: { readonly json?: boolean }): ExitStatus {
  if (flags.json === true) {
    const list = DRILLS.map((d) => ({ service: d.service, name: d.name, summary: d.summary, proves: d.proves, target: { ...targetLine(d.target), source: d.target.source }, touches: d.touches, needs_power: d.needsPower === true, destroys: d.destroys === true, changes: d.changes === true }));
    context.stdout.write(`${JSON.stringify(list, undefined, 2)}\n`);
    return ExitStatus.ok;
  }
  for (const { name, summary, proves, target } of DRILLS) {
    const gap = target.gapMs === undefined ? '' : `gap at most ${milliseconds(target.gapMs)}, `;
    context.stdout.write(`${context.paint('bold', name)}\n  ${wrap(`${summary}.`, 76, '  ')}\n  ${wrap(proves, 76, '  ')}\n  ${context.paint('gray', wrap(`target: ${gap}nothing lost, back within ${milliseconds(target.backMs)} (${target.source})`, 76, '  '))}\n\n`);
  }
  context.stdout.write('care-provision drill NAME INVENTORY runs one; docs/drills.md says more.\n');
  return ExitStatus.ok;
}
