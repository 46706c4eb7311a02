/** What the shares of a run add up to. Pure. */
import { ExitStatus } from '../../support/diagnostic.ts';
import { noCounts } from '../counts.ts';
import type { Counts } from '../events.ts';
import type { Summary } from './share-reporter.ts';

/** The first of these that a share has ended with is the run's (docs/exit-statuses.md). */
const ORDER: readonly ExitStatus[] = [ExitStatus.failed, ExitStatus.unreachable, ExitStatus.locked, ExitStatus.interrupted, ExitStatus.drift];
const SLOWEST = 10;

function added(all: readonly Counts[]): Counts {
  const sum = noCounts();
  for (const counts of all) for (const name of Object.keys(sum) as (keyof Counts)[]) sum[name] += counts[name];
  return sum;
}

export interface Sum {
  readonly status: ExitStatus;
  readonly total: Counts;
  readonly hosts: Readonly<Record<string, Counts>>;
  readonly unfinished: readonly string[];
  readonly roles: Readonly<Record<string, Counts>>;
  readonly slowest: Summary['slowest'];
}

/** @param missing hosts of shares that nobody got through with */
export function addUp(parts: readonly Summary[], missing: readonly string[]): Sum {
  const roles = new Set(parts.flatMap((part) => Object.keys(part.roles)));
  const status = missing.length > 0 ? ExitStatus.failed : ORDER.find((each) => parts.some((part) => part.status === each)) ?? ExitStatus.ok;
  return {
    status,
    total: added(parts.map((part) => part.total)),
    hosts: Object.fromEntries([...parts.flatMap((part) => Object.entries(part.hosts)), ...missing.map((host) => [host, noCounts()] as const)]),
    unfinished: [...parts.flatMap((part) => part.unfinished ?? []), ...missing],
    roles: Object.fromEntries([...roles].map((role) => [role, added(parts.flatMap((part) => part.roles[role] ?? []))])),
    slowest: parts.flatMap((part) => part.slowest).sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST),
  };
}
