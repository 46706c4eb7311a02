/** Two runs side by side. Pure. */
import type { ChangeRow, RecordedCounts, RunDetails, TaskRow } from './store.ts';

/** Something about the runs themselves that is not the same. */
export interface Difference {
  readonly what: string;
  readonly a: string;
  readonly b: string;
}

export interface RunComparison {
  readonly a: string;
  readonly b: string;
  readonly differences: readonly Difference[];
  readonly hosts: { readonly onlyA: readonly string[]; readonly onlyB: readonly string[]; /** Hosts whose counts are not the same. */ readonly different: readonly { readonly host: string; readonly a: RecordedCounts | null; readonly b: RecordedCounts | null }[] };
  readonly changes: { readonly onlyA: readonly ChangeRow[]; readonly onlyB: readonly ChangeRow[]; /** The same thing, and something else done to it. */ readonly different: readonly { readonly a: ChangeRow; readonly b: ChangeRow }[]; /** How many are the same. */ readonly same: number };
  /** Failures, doubts and what was not reached. */
  readonly trouble: { readonly onlyA: readonly TaskRow[]; readonly onlyB: readonly TaskRow[] };
}

function revisions(run: RunDetails): string {
  return run.revisions.map((r) => `${r.of} ${r.commit === null ? 'unknown' : r.commit.slice(0, 12)}${r.dirty === true ? ' with uncommitted changes' : ''}`).join(', ');
}

function about(a: RunDetails, b: RunDetails): Difference[] {
  const rows: readonly (readonly [string, (run: RunDetails) => string])[] = [
    ['mode', (run) => run.mode],
    ['inventory', (run) => run.inventory],
    ['playbook', (run) => run.playbook],
    ['arguments', (run) => run.arguments.join(' ')],
    ['revisions', revisions],
    ['version', (run) => run.version],
    ['user', (run) => run.user],
    ['controller', (run) => run.controller],
    ['status', (run) => (run.status === null ? 'not finished' : String(run.status))],
  ];
  return rows.flatMap(([what, of]) => (of(a) === of(b) ? [] : [{ what, a: of(a), b: of(b) }]));
}

/** What is in one list and not in the other, each as often as it is there more often. */
function split<T>(a: readonly T[], b: readonly T[], key: (item: T) => string): { readonly onlyA: T[]; readonly onlyB: T[]; readonly same: number } {
  const left = new Map<string, T[]>();
  for (const item of a) left.set(key(item), [...(left.get(key(item)) ?? []), item]);
  const onlyB: T[] = [];
  let same = 0;
  for (const item of b) {
    if (left.get(key(item))?.shift() === undefined) onlyB.push(item);
    else same += 1;
  }
  return { onlyA: [...left.values()].flat(), onlyB, same };
}

const thing = (c: ChangeRow): string => JSON.stringify([c.host, c.role, c.task, c.resource]);
const text = (c: ChangeRow): string => JSON.stringify([thing(c), c.what, c.unknown, c.diff]);
const trouble = (run: RunDetails): TaskRow[] => run.tasks.filter((task) => task.status !== 'changed');
const ending = (t: TaskRow): string => JSON.stringify([t.host, t.role, t.task, t.item, t.status]);

/** @param a the run that is looked at first, mostly the earlier one */
export function compareRuns(a: RunDetails, b: RunDetails): RunComparison {
  const changes = split(a.changes, b.changes, text);
  const rest = new Map(changes.onlyB.map((c) => [thing(c), c]));
  const different = changes.onlyA.flatMap((c) => {
    const other = rest.get(thing(c));
    rest.delete(thing(c));
    return other === undefined ? [] : [{ a: c, b: other }];
  });
  const paired = new Set(different.flatMap((pair) => [pair.a, pair.b]));
  const { onlyA, onlyB } = split(trouble(a), trouble(b), ending);
  return {
    a: a.id,
    b: b.id,
    differences: about(a, b),
    hosts: {
      onlyA: Object.keys(a.hosts).filter((host) => !(host in b.hosts)),
      onlyB: Object.keys(b.hosts).filter((host) => !(host in a.hosts)),
      different: Object.keys(a.hosts).flatMap((host) => {
        const left = a.hosts[host] ?? null;
        const right = b.hosts[host] ?? null;
        return host in b.hosts && JSON.stringify(left) !== JSON.stringify(right) ? [{ host, a: left, b: right }] : [];
      }),
    },
    changes: { onlyA: changes.onlyA.filter((c) => !paired.has(c)), onlyB: changes.onlyB.filter((c) => !paired.has(c)), different, same: changes.same },
    trouble: { onlyA, onlyB },
  };
}
