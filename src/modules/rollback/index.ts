import { keptRun } from '../../host/kinds/kept-run.ts';
import { pendingHandlers, PENDING_DIRECTORY } from '../../host/kinds/pending-handlers.ts';
import { parentOf } from '../../host/kinds/path-key.ts';
import { statFollow } from '../../host/kinds/path.ts';
import { tree } from '../../host/kinds/tree.ts';
import { systemUnit } from '../../host/kinds/unit.ts';
import { failed, ok, type Plan, type ShellChange } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { askAll, digestOf, lookAt, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { contentMatters, standing, type Standing } from './compare.ts';
import { withHandlers } from './handlers.ts';
import { isTree, restore, restoreQueries, type Progress, type ToRestore } from './restore.ts';
import { RollbackArgs } from './schema.ts';
import { foldJournal, type KeptFile, type Things } from './things.ts';
import { restoreUnit } from './units.ts';

interface Judged extends ToRestore {
  readonly standing: Standing;
}

function judge(host: HostView, file: KeptFile, order: number, folder: string): Judged {
  const copy = file.copy === undefined ? undefined : `${folder}/${file.copy}`;
  const matters = contentMatters(file);
  const now = lookAt(host, file.path);
  const isFile = now.exists && now.type === 'file';
  const there = copy === undefined ? undefined : lookAt(host, copy);
  const kept = there?.exists !== true || copy === undefined ? undefined : { fact: file.before ?? there, digest: there.type === 'file' ? digestOf(host, copy) : null };
  const before = kept?.fact ?? file.before ?? { exists: false };
  return { file, order, copy: kept === undefined ? undefined : copy, now, before, standing: standing(file, kept, { fact: now, digest: matters && isFile ? digestOf(host, file.path) : null }) };
}

/** What has moved, with the later run that has moved it, if one is known to. */
function movedText({ file, standing: { type }, ...rest }: Judged, how: string, later: ReturnType<typeof laterRuns>): string {
  const by = later(`file ${file.path}`);
  return `${type === 'moved' && rest.now.exists ? rest.now.type : 'file'} ${file.path}: ${how}${by === undefined ? '' : ` (run ${by} has changed it: roll that one back first)`}`;
}

function laterRuns(later: readonly { readonly run: string; readonly things: readonly string[] }[]): (thing: string) => string | undefined {
  return (thing) => later.findLast((each) => each.things.includes(thing))?.run;
}

/** What was made goes first, from below; then directories come back, from above; then the rest. */
function inOrder(wanted: readonly Judged[]): readonly Judged[] {
  const removals = wanted.filter((each) => !each.before.exists).sort((a, b) => b.file.path.length - a.file.path.length);
  const trees = wanted.filter((each) => isTree(each)).sort((a, b) => a.file.path.length - b.file.path.length);
  return [...removals, ...trees, ...wanted.filter((each) => each.before.exists && !isTree(each))];
}

function restoreAll(host: HostView, wanted: readonly Judged[], things: Things): { readonly changes: readonly ShellChange[]; readonly left: readonly string[]; readonly files: readonly KeptFile[] } {
  const progress: Progress = { gone: new Set(), back: new Set(), wereAbsent: new Map(things.files.flatMap((file, i) => (file.before?.exists === false ? [[file.path, i]] : []))) };
  const changes: ShellChange[] = [];
  const left: string[] = [];
  const files: KeptFile[] = [];
  for (const each of inOrder(wanted)) {
    const restored = restore(host, each, progress);
    if ('left' in restored) left.push(restored.left);
    else if (restored.change !== undefined) {
      changes.push(restored.change);
      files.push(each.file);
    }
  }
  const units = things.units.map((unit) => restoreUnit(unit, host.fact(systemUnit(unit.name))));
  return { changes: [...units.flatMap((unit) => unit.first ?? []), ...changes, ...units.flatMap((unit) => unit.last ?? [])], left, files };
}

function ask(host: HostView, things: Things, folder: string): void {
  askAll(host, [
    ...things.files.flatMap((file) => [...restoreQueries(file, file.copy === undefined ? undefined : `${folder}/${file.copy}`), statFollow(parentOf(file.path)), ...(file.before?.exists === false && file.after.exists && file.after.type === 'directory' ? [tree({ path: file.path, view: 'children' })] : [])]),
    ...things.units.map((unit) => systemUnit(unit.name)),
    pendingHandlers(PENDING_DIRECTORY),
    pendingHandlers(`${folder}/owed`),
  ]);
}

function plan(args: RollbackArgs, host: HostView): Plan {
  const { entries, runs, later } = host.fact(keptRun({ run: args.run, directory: args.directory }));
  if (entries === undefined) return { ...ok({ kept: false, lost: [] }), type: 'ok', warnings: [`nothing is kept here of run ${args.run}${runs.length === 0 ? '' : `; what is kept is of ${runs.join(', ')}`}`] };
  const folder = `${args.directory}/${args.run}`;
  const things = foldJournal(entries);
  ask(host, things, folder);
  const judged = things.files.map((file, i) => judge(host, file, i, folder));
  const by = laterRuns(later);
  const moved = judged.flatMap((each) => (each.standing.type === 'moved' ? [movedText(each, each.standing.how, by)] : []));
  if (moved.length > 0 && args.moved === 'refuse') {
    return failed(`nothing was put back of run ${args.run}, since some of what it changed has changed since:\n${moved.join('\n')}`, 'look at these; then --moved leave puts back the rest, and --moved overwrite these as well');
  }
  const wanted = judged.filter((each) => each.standing.type === 'as-left' || (each.standing.type === 'moved' && args.moved === 'overwrite'));
  const { changes, left, files } = restoreAll(host, wanted, things);
  const { changes: all, unknown } = withHandlers(host, { changes, files, things, known: args.handlers, folder });
  const lost = judged.flatMap(({ file, standing: each }) => (each.type === 'lost' ? [`file ${file.path}: ${each.why}`] : []));
  const warnings = [
    ...(args.moved === 'leave' ? moved.map((each) => `left as it is: ${each}`) : []),
    ...lost.map((each) => `not put back: ${each}`),
    ...left,
    ...unknown.map((name) => `handler ${name} is in none of the playbooks and did nothing to a unit: it is not run`),
    ...things.outOfReach.map((each) => `out of reach of a rollback: ${each}`),
  ];
  const values = { kept: true, moved, lost, out_of_reach: things.outOfReach };
  const [first, ...rest] = all;
  return first === undefined ? { type: 'ok', values, msg: 'nothing of it is left to be put back', warnings } : { type: 'changes', changes: [first, ...rest], values, warnings };
}

export const rollbackModule = defineModule({
  name: 'rollback',
  summary: 'Put back the files and units that an earlier run has changed on the host',
  description: `
What the command \`care-provision rollback\` does on each host (docs/rollback.md): from what the host has kept of the run it
restores content, owner, mode and links of files, removes what the run made, and enables, starts and stops units as they were. Packages,
accounts, data and what commands did are out of reach, and named in warnings.
`.trim(),
  args: RollbackArgs,
  examples: [{ title: 'Undo a run', yaml: 'rollback:\n  run: 20261126-020004-9f3a1c' }],
  returns: { kept: 'Whether the host has anything of the run', moved: 'What has changed since', lost: 'What cannot be put back, since it was not kept or its copy is missing or damaged', out_of_reach: 'Changes that are not put back' },
  queries: (args) => [keptRun({ run: args.run, directory: args.directory })],
  plan: (args, host) => planning(() => plan(args, host)),
});

