/**
 * A saved plan carried out: refused before anything is changed when it does not fit any more, and held to at the gate, change
 * by change, since a host may move between the look and the change.
 */
import { badInput, Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { packageVersion } from '../../support/package-root.ts';
import { loadProject } from '../load.ts';
import { takeLocks } from '../locks.ts';
import type { RunOptions } from '../options.ts';
import { runLoaded } from '../run.ts';
import { taskName } from '../task-name.ts';
import { compareHosts, movedText } from './compare.ts';
import { isNamed, PlanGate } from './enforce.ts';
import type { SavedPlan } from './format.ts';
import { changedInputs, InputGuard, movedInputs, newInputs, type MovedInput } from './inputs.ts';
import { isWhole, predict, type Prediction } from './make.ts';

export interface PlanRequest {
  readonly plan: SavedPlan;
  /** The file's name, for messages. */
  readonly file: string;
  /** Tasks of which the plan could not tell, and that may change what they like: `task`, or `role : task`. */
  readonly accepted: readonly string[];
  readonly moreInputs: readonly string[];
  /** Only says whether the plan still fits. */
  readonly checkOnly: boolean;
}

/** The options of a run with what the plan says in their place. */
export function optionsOf(plan: SavedPlan, given: RunOptions): RunOptions {
  return { ...given, inventory: plan.inventory, playbooks: plan.playbooks, limit: plan.limit ?? undefined, tags: plan.tags, skipTags: plan.skip_tags, startAtTask: plan.start_at_task ?? undefined };
}

const ANEW = 'look at what has changed, then make another plan: care-provision check … --out FILE';

function inputsMoved(file: string, moved: readonly MovedInput[]): Diagnostic {
  return badInput('stale-plan', `${file}: the inventory, playbooks or roles are not those that the plan was made with`, { detail: moved.map(({ name, how }) => `${how}: ${name}`).join('\n'), remedy: ANEW });
}

/** @throws Diagnostic `plan-has-unknowns` that names the tasks */
function checkUnknowns({ plan, file, accepted }: PlanRequest): void {
  const open = Object.entries(plan.hosts).flatMap(([host, { changes, unknown }]) =>
    [
      ...unknown.map((task) => ({ host, title: taskName(task), task, because: task.because })),
      ...changes.filter((change) => change.unknown).map((task) => ({ host, title: taskName(task), task, because: `whether ${task.resource} changes cannot be told` })),
    ].filter(({ task }) => !isNamed(accepted, task)),
  );
  if (open.length === 0) return;
  throw badInput('plan-has-unknowns', `${file}: check mode could not tell what some tasks do, so applying the plan may do more than it says`, {
    detail: [...new Set(open.map(({ host, title, because }) => `[${host}] ${title}: ${because}`))].join('\n'),
    remedy: `make and apply the plan in steps (--tags), or name the tasks: ${[...new Set(open.map(({ title }) => `--accept-unknown ${JSON.stringify(title)}`))].join(' ')}`,
  });
}

/** What can be told without a host. @throws Diagnostic `other-version`, `other-variables`, `stale-plan`, `plan-has-unknowns` */
function checkPlan(request: PlanRequest, options: RunOptions): void {
  const { plan, file } = request;
  if (plan.version !== packageVersion()) throw badInput('other-version', `${file} was made by care-provision ${plan.version}, and this is ${packageVersion()}, which may do things another way`, { remedy: ANEW });
  const given = Object.keys(options.extraVars).sort();
  if (given.join(' ') !== plan.extra_vars.join(' ')) {
    const words = (names: readonly string[]): string => (names.length === 0 ? 'without --extra-vars' : `with --extra-vars for ${names.join(', ')}`);
    throw badInput('other-variables', `${file} was made ${words(plan.extra_vars)}, and is to be applied ${words(given)}`, { remedy: 'give the same --extra-vars: their values are not in the plan, since they may be secret' });
  }
  const moved = movedInputs(plan.inputs);
  if (moved.length > 0) throw inputsMoved(file, moved);
  checkUnknowns(request);
}

/** @throws Diagnostic when not every host could be looked at */
function checkWhole(file: string, prediction: Prediction): void {
  if (isWhole(prediction)) return;
  const { trouble } = prediction.recorder;
  if (prediction.status === ExitStatus.interrupted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'interrupted while looking whether the plan still fits: nothing was changed' });
  throw new Diagnostic({
    kind: trouble.every((t) => t.status === 'unreachable') ? 'unreachable' : 'failed',
    code: 'plan-not-compared',
    summary: `${file}: whether it still fits cannot be told of every host, so nothing was changed`,
    detail: trouble.map((t) => `[${t.host}] ${t.status}: ${t.task}: ${t.error}`).join('\n'),
    remedy: 'mend what is shown above, or make a plan for the other hosts (--limit)',
  });
}

/** @throws Diagnostic `stale-plan` that names what has moved */
function checkFits({ plan, file }: PlanRequest, prediction: Prediction): void {
  // The files that the look has read, not those that were there before it.
  const inputs = [...new Map([...movedInputs(plan.inputs), ...prediction.moved, ...changedInputs(plan.inputs, prediction.inputs), ...newInputs(plan.inputs, prediction.inputs)].map((moved) => [moved.name, moved])).values()];
  if (inputs.length > 0) throw inputsMoved(file, inputs);
  const now = prediction.recorder.hosts();
  const moved = compareHosts(plan.hosts, now);
  if (moved.length > 0 && Object.values(now).every((host) => host.changes.length === 0)) {
    throw badInput('stale-plan', `${file}: nothing is left to be done of it, it looks as if it had been applied already`, { detail: movedText(moved), remedy: 'care-provision history tells by whom' });
  }
  if (moved.length > 0) throw badInput('stale-plan', `${file}: hosts are not as they were when the plan was made, so nothing was changed`, { detail: movedText(moved), remedy: ANEW });
}

/**
 * @param given options of the run; what the plan says of inventory, playbooks, limit and tags takes the place of theirs
 * @returns as a run of apply, or with `checkOnly` of check
 * @throws Diagnostic `stale-plan` and others that say why nothing was changed
 */
export async function applyPlan(given: RunOptions, request: PlanRequest): Promise<ExitStatus> {
  const { plan } = request;
  const options = optionsOf(plan, given);
  checkPlan(request, options);
  if (request.checkOnly) {
    const prediction = await predict(options, request.moreInputs);
    checkWhole(request.file, prediction);
    checkFits(request, prediction);
    return prediction.status;
  }
  // From the look to the last change nobody else may work on the inventory.
  const held = await takeLocks(options, `apply ${request.file}`);
  try {
    const { begun: _begun, ...looking } = options;
    const prediction = await predict({ ...looking, prompt: undefined, reporter: { event: () => undefined, close: () => Promise.resolve() } }, request.moreInputs);
    checkWhole(request.file, prediction);
    checkFits(request, prediction);
    const guard = new InputGuard(plan.inputs, (moved) => inputsMoved(request.file, moved));
    const applying: RunOptions = { ...options, mode: 'apply', held, gate: new PlanGate(plan, request.accepted), onInput: guard.check };
    const loaded = loadProject(applying);
    // Inventory and variables were read anew just now: once more, and after the reading.
    const moved = movedInputs(plan.inputs);
    if (moved.length > 0) throw inputsMoved(request.file, moved);
    return await runLoaded(loaded, applying);
  } finally {
    await held.release();
  }
}
