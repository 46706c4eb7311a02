/** One item of one task on one host: arguments rendered, facts asked for, planned, and put on its way. */
import { z } from 'zod';
import { asForgotten, outcomeReason, type HostSession, type PendingChange } from '../host/host-session.ts';
import type { Identity } from '../host/identity.ts';
import type { Action, ActionResult, Change, Plan } from '../host/plan.ts';
import { forgetAll, type AnyQuery, type Effect } from '../host/query.ts';
import { FactsNeeded } from '../host/view.ts';
import type { Task } from '../language/playbook/model.ts';
import { copyPositions } from '../language/positions.ts';
import { schemaErrors } from '../language/schema-errors.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import type { Module, PreparedModule } from '../modules/define.ts';
import { findModule } from '../modules/registry.ts';
import { DiagnosticList, failure } from '../support/diagnostic.ts';
import type { Observation } from '../support/observation.ts';
import { maskSecrets, type Secret } from '../support/secret.ts';
import { joinScripts, type Script } from '../support/shell.ts';
import { unifiedDiff } from '../support/unified-diff.ts';
import { isMap, type Value, type ValueMap } from '../support/value.ts';
import type { KeepAs } from '../host/keep/entries.ts';
import type { FileCache } from './controller-files.ts';
import { withinOwnTimeout } from './conversation.ts';
import type { RunContext } from './context.ts';
import { allHold, UnknownValue } from './evaluate.ts';
import { seenBefore } from './evidence.ts';
import { canonicalJson, digest, doubtOf, isSecret, observedFacts, resultOf, type Mutation } from './gate.ts';
import type { ItemResult, MadeChange } from './task-result.ts';
import { OMIT } from './variables.ts';

export interface ItemContext {
  readonly ctx: RunContext;
  readonly cache: FileCache;
  readonly session: HostSession;
  readonly identity: Identity;
  readonly environment: Readonly<Record<string, string | Secret>>;
  readonly timeoutSeconds: number;
  /** The task's own `timeout`, which bounds also what brings its own time limits. */
  readonly ownTimeoutSeconds: number | undefined;
  /** Whether this task only predicts. */
  readonly predict: boolean;
  readonly noLog: boolean;
  /** Whether the task lets its differences be shown and recorded. */
  readonly diff: boolean;
  readonly unknown: ReadonlyMap<string, string>;
  /** Questions to ask along. */
  readonly alsoAsk: () => readonly AnyQuery[];
  /** Questions to ask along with an action, for afterwards; as {@link LookAhead} tells them. */
  readonly askAfter: (guarded: boolean) => readonly AnyQuery[];
  /** Notes the handlers that a change will owe: itself, or by giving the script to put before the change. */
  readonly before: () => Promise<Script | undefined>;
  /** How what it replaces is kept. */
  readonly keepAs: KeepAs;
  /** Lets changes pass the gate; undefined when the task's changes are none of it. @throws Diagnostic */
  readonly pass: ((mutations: readonly Mutation[]) => void) | undefined;
  /** Told of a change that was put on its way, and when it has been made. */
  readonly sent: (pending: PendingChange, made: MadeChange) => void;
  readonly settled: (pending: PendingChange) => void;
}

/** Enough rounds for any module: each learns at least one fact. */
const PLANNING_ROUNDS = 40;

export function withoutOmitted(value: Value): Value {
  if (Array.isArray(value)) {
    const list = value as readonly Value[];
    return list.filter((v) => v !== OMIT).map(withoutOmitted);
  }
  if (!isMap(value)) return value;
  const out: Record<string, Value> = {};
  for (const [key, item] of Object.entries(value)) if (item !== OMIT) out[key] = withoutOmitted(item);
  copyPositions(value, out);
  return out;
}

/** Modules with arguments that hold no template: the same for every host, and for every time that they are asked for. */
const preparedOnce = new WeakMap<object, { readonly by: Module; readonly prepared: PreparedModule }>();

/** A task's module with its arguments. @throws Diagnostic or DiagnosticList that points at the argument */
export function prepareTask(task: Task, scope: Scope): PreparedModule {
  const module = findModule(task.module);
  if (module === undefined) throw new Error(`module ${task.module} has vanished from the registry`);
  const rendered = renderValue(task.args, scope, task.argsSpan);
  const fixed = rendered === task.args && isMap(rendered) ? rendered : undefined;
  const known = fixed === undefined ? undefined : preparedOnce.get(fixed);
  if (known?.by === module) return known.prepared;
  const args = fixed ?? withoutOmitted(rendered);
  if (isMap(args) && fixed === undefined) copyPositions(task.args, args);
  try {
    const prepared = module.prepare(args);
    if (fixed !== undefined) preparedOnce.set(fixed, { by: module, prepared });
    return prepared;
  } catch (error) {
    if (error instanceof z.ZodError) throw schemaErrors(error, args, { what: `the arguments of ${module.name}`, schema: module.args, fallback: task.argsSpan, code: 'bad-argument' });
    throw error;
  }
}

/** What a plan has looked at; undefined when nobody wants to know. */
type Looked = Map<string, AnyQuery> | undefined;

interface Planned {
  readonly plan: Plan;
  readonly doubts: readonly string[];
  readonly observations: readonly Observation[];
  readonly looked: Looked;
}

async function makePlan(item: ItemContext, prepared: PreparedModule, task: Task, scope: Scope): Promise<Planned> {
  const files = item.cache.files(item.ctx.project, task, scope);
  item.session.dropPassing(item.identity);
  for (let round = 0; round < PLANNING_ROUNDS; round += 1) {
    const looked: Looked = item.pass === undefined ? undefined : new Map();
    const view = item.session.view(item.identity, files, item.predict, looked);
    try {
      const plan = prepared.plan(view);
      const observations = (plan.type === 'ok' || plan.type === 'failed') && !item.noLog ? prepared.observes?.(plan.values ?? {}, view) ?? [] : [];
      return { plan, doubts: view.doubts, observations, looked };
    } catch (error) {
      if (!(error instanceof FactsNeeded)) throw error;
      const wanted = [...error.queries];
      try {
        wanted.push(...prepared.queries(view));
      } catch (inner) {
        if (!(inner instanceof FactsNeeded)) throw inner;
        wanted.push(...inner.queries);
      }
      await item.session.observe(item.identity, [...wanted, ...item.alsoAsk()]);
    }
  }
  throw failure('endless-plan', `${task.module} does not stop asking for facts`, { span: task.span, detail: 'this is a defect of the module' });
}

function shownDiff(item: ItemContext, resource: string, diff: Change['diff']): string | undefined {
  if (diff === undefined || !item.diff) return undefined;
  if (item.noLog) return '(hidden by no_log)';
  return maskSecrets(unifiedDiff(diff.name ?? resource, diff.before, diff.after));
}

/** What an action is called in reports and reasons. A command line or address may be what `no_log` is for. */
function shownResource(item: ItemContext, resource: string): string {
  return item.noLog ? `${resource.split(' ')[0] ?? ''} (hidden by no_log)` : maskSecrets(resource);
}

function itemResult(status: ItemResult['status'], more: Partial<ItemResult> = {}): ItemResult {
  return { status, values: {}, msg: undefined, changes: [], facts: undefined, valuesUnknown: undefined, label: undefined, ...more };
}

/** Plans and, outside check mode, makes one item. A change may still be on its way when this returns. */
export async function runItem(item: ItemContext, task: Task, scope: Scope): Promise<ItemResult> {
  const prepared = prepareTask(task, scope);
  const planned = await makePlan(item, prepared, task, scope);
  const { observations } = planned;
  if (observations.length > 0) return { ...(await carryOut(item, prepared, planned, task, scope)), observations };
  const result = await carryOut(item, prepared, planned, task, scope);
  // What check mode would make is nobody's to see yet.
  if (prepared.observes === undefined || item.predict || item.noLog || result.status !== 'changed') return result;
  return { ...result, observations: prepared.observes(result.values, undefined) };
}

async function carryOut(item: ItemContext, prepared: PreparedModule, { plan, doubts, looked }: Planned, task: Task, scope: Scope): Promise<ItemResult> {
  if (plan.type === 'ok' || plan.type === 'changes') for (const message of plan.warnings ?? []) item.ctx.emit({ type: 'warning', host: item.session.name, message: maskSecrets(message) });
  switch (plan.type) {
    case 'ok':
      return itemResult('ok', { values: plan.values ?? {}, facts: plan.facts, msg: plan.msg });
    case 'skipped':
      return itemResult('skipped', { msg: plan.because });
    case 'unknown':
      return itemResult('unknown', { msg: plan.because, valuesUnknown: plan.because });
    case 'failed': {
      const doubt = doubts[0];
      if (item.predict && doubt !== undefined) return itemResult('unknown', { msg: `unknown ${doubt}`, valuesUnknown: `unknown ${doubt}` });
      return itemResult('failed', { values: plan.values ?? {}, msg: plan.remedy === undefined ? plan.msg : `${plan.msg}\nTo do: ${plan.remedy}` });
    }
    case 'changes':
      return { ...(await makeChanges(item, plan.changes, plan.values ?? {}, looked)), ...(item.predict ? { valuesUnknown: plan.valuesUnknown } : {}) };
    case 'action':
      return act(item, plan.action, task, scope, { guarded: isGuarded(item, prepared, task, scope), looked });
  }
}

async function makeChanges(item: ItemContext, changes: readonly Change[], values: ValueMap, looked: Looked): Promise<ItemResult> {
  const made: MadeChange[] = changes.map((c) => ({ resource: c.resource, what: item.noLog ? 'hidden by no_log' : maskSecrets(c.what), diff: shownDiff(item, c.resource, c.diff), unknown: false, seen: seenBefore(item.session.store(item.identity), c.effects) }));
  if (item.ctx.options.mode === 'verify' && !item.predict) {
    return itemResult('failed', { values, msg: `not converged: ${made.map((c) => `${c.resource}: ${c.what}`).join('; ')}` });
  }
  if (!item.predict) await item.ctx.admit();
  passChanges(item, changes, made, looked);
  for (const [i, change] of changes.entries()) {
    if (item.predict) {
      predicted(item, change.effects, change.resource);
      continue;
    }
    const before = await item.before();
    const pending: PendingChange = {
      change,
      identity: item.identity,
      environment: item.environment,
      timeoutSeconds: item.timeoutSeconds,
      before,
      keepAs: item.keepAs,
      done: () => {
        item.settled(pending);
      },
    };
    const shown = made[i];
    if (shown !== undefined) item.sent(pending, shown);
    await item.session.enqueue(pending);
  }
  return itemResult('changed', { values, changes: made });
}

/** All changes of the item before the first is made: none is left half done by a gate that shuts. */
function passChanges(item: ItemContext, changes: readonly Change[], made: readonly MadeChange[], looked: Looked): void {
  if (item.pass === undefined) return;
  const hidden = item.noLog || changes.some((c) => isSecret(c.diff));
  const store = item.session.store(item.identity);
  const [state, doubt] = [observedFacts(store, looked?.values() ?? [], hidden), doubtOf(store, looked?.values() ?? [])];
  item.pass(made.map((shown, i) => ({ resource: maskSecrets(shown.resource), what: shown.what, diff: shown.diff, unknown: false, result: resultOf(changes[i]?.diff, hidden), state, doubt })));
}

/** The same for an action, as check mode sees it: one that is known to change nothing needs no leave. */
function passAction(item: ItemContext, predicted: ItemResult, task: Task, scope: Scope, looked: Looked): void {
  if (item.pass === undefined) return;
  const store = item.session.store(item.identity);
  const [state, doubt] = [observedFacts(store, looked?.values() ?? [], item.noLog), doubtOf(store, looked?.values() ?? [])];
  // What an action makes is not known; what it is told to do is. Its name is cut short, and says nothing of its input.
  const told = item.noLog ? null : digest(maskSecrets(canonicalJson([item.identity.user, item.environment, renderValue(task.args, scope, task.argsSpan)])));
  item.pass(predicted.changes.map((shown) => ({ resource: shown.resource, what: shown.what, diff: undefined, unknown: shown.unknown, result: told, state, doubt })));
}

/** A prediction is believed in check mode only: a `check_mode: true` task of an apply must not make later tasks believe it. */
function predicted(item: ItemContext, effects: readonly Effect[], by: string): void {
  if (item.session.checkMode) item.session.believe(item.identity, effects, by);
}

function actionItem(item: ItemContext, action: Action, result: ActionResult): ItemResult {
  const change: MadeChange = { resource: shownResource(item, action.resource), what: item.noLog ? 'hidden by no_log' : maskSecrets(action.what), diff: shownDiff(item, action.resource, result.diff), unknown: false, byAction: true };
  return itemResult(result.failed === true ? 'failed' : result.changed ? 'changed' : 'ok', {
    values: result.values ?? {},
    msg: result.msg,
    facts: result.facts,
    changes: result.changed ? [change] : [],
  });
}

/** What check mode says of an action that would change something. */
function predictAction(item: ItemContext, action: Action, task: Task, scope: Scope): ItemResult {
  const resource = shownResource(item, action.resource);
  const because = `until ${resource} has been run`;
  const change: MadeChange = { resource, what: item.noLog ? 'hidden by no_log' : maskSecrets(action.what), diff: undefined, unknown: false };
  if (task.changedWhen === undefined) return itemResult('changed', { changes: [change], values: {}, valuesUnknown: because });
  const changed = saidBeforehand(item, task.changedWhen, scope);
  if (changed !== undefined) return itemResult(changed ? 'changed' : 'ok', { changes: changed ? [change] : [], valuesUnknown: because });
  try {
    const others = task.changedWhen.filter((c) => task.register === undefined || !c.variables.includes(task.register));
    if (others.length > 0 && !allHold(others, scope, item.unknown)) return itemResult('ok', { valuesUnknown: because });
  } catch (error) {
    if (!(error instanceof UnknownValue)) throw error;
  }
  return itemResult('unknown', { msg: `whether it changes anything is unknown ${because}`, valuesUnknown: because, changes: [{ ...change, unknown: true }] });
}

/** In check mode: it was run all the same, since its author says that it changes nothing. Then it casts no doubt on what is known; an apply looks anew. */
function isLook(item: ItemContext, task: Task, scope: Scope): boolean {
  return item.session.checkMode && !item.predict && task.changedWhen !== undefined && saidBeforehand(item, task.changedWhen, scope) === false;
}

/** What conditions that ask for nothing say, such as `changed_when: false`; undefined when they ask for something. */
function saidBeforehand(item: ItemContext, conditions: NonNullable<Task['changedWhen']>, scope: Scope): boolean | undefined {
  return conditions.every((c) => c.variables.length === 0) ? allHold(conditions, scope, item.unknown) : undefined;
}

async function noteDown(item: ItemContext, note: Script): Promise<void> {
  const outcome = await item.session.run(item.identity, { script: note, timeoutSeconds: 60 });
  if (outcome.state !== 'done' || outcome.status !== 0) throw failure('not-noted', 'the handlers that this may owe cannot be noted on the host', { detail: outcomeReason(outcome) });
}

/** Whether the action was decided by what is known of the host. */
function isGuarded(item: ItemContext, prepared: PreparedModule, task: Task, scope: Scope): boolean {
  try {
    return prepared.queries(item.session.view(item.identity, item.cache.files(item.ctx.project, task, scope), item.predict)).length > 0;
  } catch (error) {
    if (!(error instanceof FactsNeeded)) throw error;
    return true;
  }
}

/** An action that ends with an error, and no result, may have done a part of its work: what a rescue does next is planned on a new look. */
async function unlessCutShort<T>(item: ItemContext, action: Action, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (action.mutates) item.session.believe(item.identity, [forgetAll], action.resource);
    throw error;
  }
}

/** @param by whether something on the host decided that it is to be run, and what was looked at */
async function act(item: ItemContext, action: Action, task: Task, scope: Scope, by: { readonly guarded: boolean; readonly looked: Looked }): Promise<ItemResult> {
  if (action.mutates && (item.predict || item.pass !== undefined)) {
    const foreseen = predictAction(item, action, task, scope);
    passAction(item, foreseen, task, scope, by.looked);
    if (item.predict) {
      predicted(item, action.effects ?? [forgetAll], shownResource(item, action.resource));
      return foreseen;
    }
  }
  if (action.mutates) await item.ctx.admit();
  await item.session.flush();
  const note = action.mutates ? await item.before() : undefined;
  const timeoutSeconds = Math.min(action.timeoutSeconds ?? item.timeoutSeconds, item.ownTimeoutSeconds ?? Infinity);
  let result: ActionResult;
  let learnt = (): void => undefined;
  if (action.perform.type === 'script') {
    const { script } = action.perform;
    const request = { script: note === undefined ? script : joinScripts([note, script]), environment: { ...item.environment, ...action.perform.environment }, timeoutSeconds };
    const { outcome, learn } = await unlessCutShort(item, action, () => item.session.act(item.identity, request, action.mutates ? item.askAfter(by.guarded) : []));
    learnt = learn;
    result =
      outcome.state === 'timed-out'
        ? { changed: false, failed: true, msg: `${action.what}: timed out after ${String(timeoutSeconds)} s`, values: { rc: outcome.status, stdout: outcome.stdout.toString('utf8').trimEnd(), stderr: outcome.stderr.toString('utf8').trimEnd() } }
        : action.perform.result(outcome);
  } else {
    const converse = action.perform.converse;
    if (note !== undefined) await noteDown(item, note);
    result = await unlessCutShort(item, action, () => withinOwnTimeout(item, timeoutSeconds, action.what, (port) => converse(port)));
  }
  if (result.failed === true && item.predict && item.session.hasPredictions) {
    const because = `${action.what} fails now, and may not once the changes predicted before are made${result.msg === undefined ? '' : ` (${result.msg})`}`;
    return itemResult('unknown', { msg: because, valuesUnknown: because });
  }
  const effects = action.effects ?? (action.mutates && !isLook(item, task, scope) ? [forgetAll] : []);
  if (effects.length > 0) {
    // What an action says it has set is looked at with the next observation, not believed.
    item.session.believe(item.identity, item.session.checkMode ? effects : effects.map(asForgotten), action.resource);
  }
  learnt();
  return actionItem(item, action, result);
}

/** One text of any error, for a task's result. */
export function errorText(error: unknown): string {
  if (error instanceof DiagnosticList) return error.list.map((d) => d.format()).join('\n');
  if (error instanceof Error && 'format' in error && typeof error.format === 'function') return String((error as { format(): unknown }).format());
  return error instanceof Error ? error.message : String(error);
}
