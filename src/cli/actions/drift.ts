/** `drift`: what keeps coming back. */
import { recurrences } from '../../state/recurrence.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import type { DriftFlags } from '../commands/drift.ts';
import type { CliContext } from '../context.ts';
import { driftText } from '../reporters/drift.ts';
import { withStore, writeJson } from './history.ts';

const DAY_MS = 86_400_000;

/** @returns 2 when something keeps coming back, else 0 */
export async function driftAction(context: CliContext, flags: DriftFlags, now: () => number = Date.now): Promise<ExitStatus> {
  const since = new Date(now() - flags.days * DAY_MS).toISOString();
  const sightings = await withStore(context, (store) => store.sightings({ since, ...(flags.inventory === undefined ? {} : { inventory: flags.inventory }), ...(flags.host === undefined ? {} : { host: flags.host }) }));
  const found = recurrences(sightings, flags.times);
  if (flags.output === 'json') writeJson(context, found);
  else context.stdout.write(driftText(found, flags.days, flags.diff === true));
  return found.length === 0 ? ExitStatus.ok : ExitStatus.drift;
}
