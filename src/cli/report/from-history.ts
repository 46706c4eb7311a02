/** A recorded run as the events that it once made, as far as the history keeps them. Pure. */
import type { RunEvent, TaskStatus } from '../../run/events.ts';
import type { RunDetails, TaskRow } from '../../state/store.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import { plural } from '../reporters/counts.ts';
import { Collector } from './collect.ts';
import type { RunReport } from './model.ts';

const STATUSES: readonly TaskStatus[] = ['ok', 'changed', 'failed', 'skipped', 'unreachable', 'unknown', 'ignored', 'rescued'];
const EXIT_STATUSES: readonly ExitStatus[] = Object.values(ExitStatus);

/** An event, and when it was, ISO 8601; undefined where that was not kept. */
type Recorded = readonly [RunEvent, string | undefined];

function taskEvent(row: TaskRow): Recorded {
  const { host, play, role, task, module, seconds, item, place, handler, message, at } = row;
  return [
    {
      type: 'task', host, play, role, task, module, seconds, at: place, handler,
      status: STATUSES.find((status) => status === row.status) ?? 'unknown',
      ...(item === null ? {} : { item }), ...(message === null ? {} : { msg: message }),
    },
    at ?? undefined,
  ];
}

/** The events of a run in the history; without those that it does not keep. */
function recordedEvents(run: RunDetails): readonly Recorded[] {
  const { mode, inventory, playbook, version, controller, user, origin, arguments: words, revisions } = run;
  return [
    [{ type: 'start', run: run.id, time: run.startedAt, mode, inventory, playbook, version, controller, user, arguments: words, revisions, hosts: Object.keys(run.hosts), ...(origin === null ? {} : { origin }) }, run.startedAt],
    ...run.tasks.map(taskEvent),
    ...run.changes.map(({ host, role, task, resource, what, handler, unknown, diff, seen, delegatedTo, at }): Recorded => [
      { type: 'change', host, role, task, resource, what, handler, ...(unknown ? { unknown } : {}), ...(diff === null ? {} : { diff }), ...(seen === null ? {} : { seen }), ...(delegatedTo === null ? {} : { delegated_to: delegatedTo }) },
      at ?? undefined,
    ]),
    ...run.observations.flatMap(({ observation, hosts }) => hosts.map((host): Recorded => [{ type: 'observation', host, ...observation }, undefined])),
    ...run.warnings.map(({ host, message, at }): Recorded => [{ type: 'warning', message, ...(host === null ? {} : { host }) }, at ?? undefined]),
    ...(run.endedAt === null || run.seconds === null
      ? []
      : [[
          {
            type: 'summary', run: run.id, time: run.endedAt, seconds: run.seconds, total: run.total, roles: run.roles, slowest: run.slowest,
            status: EXIT_STATUSES.find((status) => status === run.status) ?? ExitStatus.internal,
            hosts: Object.fromEntries(Object.entries(run.hosts).flatMap(([host, counts]) => (counts === null ? [] : [[host, counts]]))),
          },
          run.endedAt,
        ] as const]),
  ];
}

/** The report of a recorded run. Its timeline has what changed or failed only: of other tasks the history keeps no times. */
export function recordedReport(run: RunDetails): RunReport {
  const collector = new Collector();
  const start = Date.parse(run.startedAt);
  for (const [event, at] of recordedEvents(run)) collector.event(event, at === undefined ? undefined : (Date.parse(at) - start) / 1000);
  const report = collector.report();
  const unnamed = run.observations.reduce((sum, one) => sum + one.hostCount - one.hosts.length, 0);
  return { ...report, recorded: true, leftOut: [...report.leftOut, ...(unnamed === 0 ? [] : [`${plural(unnamed, 'more host')} of certificates, backups and versions ${unnamed === 1 ? 'was' : 'were'} not kept`])] };
}
