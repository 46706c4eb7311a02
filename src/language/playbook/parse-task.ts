/** Task lists: each entry is a task, a block, an import (resolved here) or an include (resolved when reached). */
import path from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { formatPlace, type SourceFile, type Span } from '../../support/source.ts';
import { isList, isMap, typeName, type Value, type ValueMap } from '../../support/value.ts';
import { compileCondition } from '../expression/index.ts';
import { copyEntryPosition, keySpanOf, setEntrySpan } from '../positions.ts';
import { hasTemplate } from '../template/index.ts';
import { BLOCK_KEYWORDS, HANDLER_KEYWORDS, REPLACED_KEYWORDS, TASK_KEYWORDS } from './keywords.ts';
import type { Attributes, Block, Include, LoopControl, RoleUse, Task, TaskNode } from './model.ts';
import { inheritAttributes, readConditions, readItems, readMap, readNames, readNumber, readText, spanAt, spanOfContainer } from './parse-attributes.ts';
import type { Project } from './project.ts';

/** What the language must know of modules, which live in a layer above. */
export interface ModuleCatalogue {
  readonly names: readonly string[];
  /** The plain name for a plain or fully qualified one; undefined when unknown. */
  resolve(name: string): { readonly name: string; readonly freeForm: string | undefined } | undefined;
}

export interface ParseContext {
  readonly project: Project;
  readonly modules: ModuleCatalogue;
  /** Files being parsed, outermost first, to refuse circles. */
  readonly chain: readonly string[];
  /** Gives the nodes of a role, for import_role and include_role. */
  readonly enterRole: (use: EnteredRole) => { readonly nodes: readonly TaskNode[]; readonly handlers: readonly Task[]; readonly role: RoleUse };
}

export interface EnteredRole {
  readonly name: string;
  readonly params: ValueMap;
  readonly tasksFrom: string | undefined;
  /** include_role with tasks_from: what the role requires is not run for a part of it. */
  readonly part: boolean;
  readonly attributes: Attributes;
  readonly span: Span;
  readonly chain: readonly string[];
}

export interface ParsedTasks {
  readonly nodes: readonly TaskNode[];
  /** Handlers that imported roles bring along. */
  readonly handlers: readonly Task[];
}

const INCLUDE_WORDS = new Set(['import_tasks', 'include_tasks', 'import_role', 'include_role']);
const NO_LOOP: LoopControl = { loopVar: 'item', indexVar: undefined, label: undefined, pause: 0, extended: false };

function nodeId(span: Span): string {
  return formatPlace(span);
}

/** Parses a list of tasks. @throws Diagnostic with the place of the first mistake */
export function parseTaskList(list: readonly Value[], outer: Attributes, context: ParseContext, asHandlers = false): ParsedTasks {
  const nodes: TaskNode[] = [];
  const handlers: Task[] = [];
  list.forEach((entry, i) => {
    const span = spanAt(list, i);
    if (!isMap(entry)) throw badInput('task-not-a-map', `a task must be a map, not ${typeName(entry)}`, { span });
    if (Object.hasOwn(entry, 'block')) {
      if (asHandlers) throw badInput('block-as-handler', 'a handler cannot be a block', { span, remedy: 'use several handlers that listen to one name' });
      nodes.push(parseBlock(entry, outer, context, handlers));
      return;
    }
    const word = Object.keys(entry).map((k) => k.replace(/^ansible\.builtin\./, '')).find((k) => INCLUDE_WORDS.has(k));
    if (word !== undefined) nodes.push(...parseInclusion(word, entry, outer, context, handlers));
    else nodes.push(parseTask(entry, outer, context, asHandlers));
  });
  return { nodes, handlers };
}

function parseBlock(entry: ValueMap, outer: Attributes, context: ParseContext, handlers: Task[]): Block {
  for (const key of Object.keys(entry)) {
    if (!Object.hasOwn(BLOCK_KEYWORDS, key)) throw unknownKeyword(entry, key, Object.keys(BLOCK_KEYWORDS), 'a block');
  }
  const attributes = inheritAttributes(outer, entry);
  const part = (key: string): readonly TaskNode[] => {
    const parsed = parseTaskList(readItems(entry, key), attributes, context);
    handlers.push(...parsed.handlers);
    return parsed.nodes;
  };
  const span = spanOfContainer(entry);
  const notify = readNames(entry, 'notify');
  const body = part('block').map((n) => withNotify(n, notify));
  return { kind: 'block', id: nodeId(span), name: readText(entry, 'name'), attributes, span, body, rescue: part('rescue'), always: part('always') };
}

function withNotify(node: TaskNode, notify: readonly string[]): TaskNode {
  if (notify.length === 0) return node;
  if (node.kind === 'task') return { ...node, notify: [...node.notify, ...notify] };
  if (node.kind === 'block') return { ...node, body: node.body.map((n) => withNotify(n, notify)) };
  return node;
}

function unknownKeyword(entry: ValueMap, key: string, known: readonly string[], what: string): Error {
  const span = keySpanOf(entry, key) ?? spanOfContainer(entry);
  const replaced = REPLACED_KEYWORDS[key] ?? (key.startsWith('with_') ? 'use loop' : undefined);
  if (replaced !== undefined) return badInput('unsupported-keyword', `${key} is not supported`, { span, remedy: replaced });
  return badInput('unknown-keyword', `${key} is not a keyword of ${what}`, { span, remedy: suggestion(key, known) });
}

function readLoopControl(entry: ValueMap): LoopControl {
  const control = readMap(entry, 'loop_control');
  const known = ['loop_var', 'index_var', 'label', 'pause', 'extended'];
  for (const key of Object.keys(control)) if (!known.includes(key)) throw unknownKeyword(control, key, known, 'loop_control');
  const pause = control['pause'];
  return {
    loopVar: readText(control, 'loop_var') ?? NO_LOOP.loopVar,
    indexVar: readText(control, 'index_var'),
    label: readText(control, 'label'),
    pause: typeof pause === 'number' ? pause : 0,
    extended: control['extended'] === true,
  };
}

function readLoop(entry: ValueMap): Value | undefined {
  const loop = entry['loop'];
  if (loop === undefined) return undefined;
  if (isList(loop) || (typeof loop === 'string' && hasTemplate(loop))) return loop;
  throw badInput('bad-loop', 'loop must be a list, or a template that gives one', { span: spanAt(entry, 'loop'), remedy: 'write loop: "{{ name_of_the_list }}"' });
}

function parseTask(entry: ValueMap, outer: Attributes, context: ParseContext, asHandler: boolean): Task {
  const keywords = asHandler ? HANDLER_KEYWORDS : TASK_KEYWORDS;
  const others = Object.keys(entry).filter((key) => !Object.hasOwn(keywords, key));
  const moduleKeys = others.filter((key) => context.modules.resolve(key) !== undefined);
  const [moduleKey, second] = moduleKeys;
  const strange = others.find((key) => !moduleKeys.includes(key));
  if (strange !== undefined && (moduleKey !== undefined || Object.hasOwn(REPLACED_KEYWORDS, strange) || strange.startsWith('with_'))) throw unknownKeyword(entry, strange, [...Object.keys(keywords)], 'a task');
  if (strange !== undefined) throw unknownModule(entry, strange, context);
  if (moduleKey === undefined) throw badInput('task-without-module', 'this task names no module', { span: spanOfContainer(entry), remedy: 'add one, e.g. file:, package:, command: (care-provision doc lists them)' });
  if (second !== undefined) throw badInput('task-with-two-modules', `this task names two modules: ${moduleKey} and ${second}`, { span: keySpanOf(entry, second) ?? spanOfContainer(entry), remedy: 'make it two tasks' });
  const found = context.modules.resolve(moduleKey);
  if (found === undefined) throw unknownModule(entry, moduleKey, context);
  const until = readText(entry, 'until');
  const span = spanOfContainer(entry);
  return {
    kind: 'task',
    id: nodeId(span),
    name: readText(entry, 'name'),
    attributes: inheritAttributes(outer, entry),
    span,
    module: found.name,
    args: readArguments(entry, moduleKey, found),
    argsSpan: spanAt(entry, moduleKey),
    loop: readLoop(entry),
    loopControl: readLoopControl(entry),
    register: readText(entry, 'register'),
    changedWhen: readConditions(entry, 'changed_when'),
    failedWhen: readConditions(entry, 'failed_when'),
    until: until === undefined ? undefined : compileCondition(until, spanAt(entry, 'until')),
    retries: readNumber(entry, 'retries') ?? 3,
    delay: readNumber(entry, 'delay') ?? 5,
    notify: readNames(entry, 'notify'),
    listen: readNames(entry, 'listen'),
  };
}

function unknownModule(entry: ValueMap, key: string, context: ParseContext): Error {
  const span = keySpanOf(entry, key) ?? spanOfContainer(entry);
  const remedy = suggestion(key, [...context.modules.names, ...Object.keys(TASK_KEYWORDS), ...INCLUDE_WORDS]) ?? 'care-provision doc lists the modules';
  return badInput('unknown-module', `${key} is neither a module nor a keyword`, { span, remedy });
}

function merged(value: ValueMap, extra: ValueMap): ValueMap {
  const args = { ...value, ...extra };
  for (const from of [value, extra]) for (const key of Object.keys(from)) copyEntryPosition(from, args, key);
  return args;
}

function readArguments(entry: ValueMap, key: string, module: { readonly name: string; readonly freeForm: string | undefined }): ValueMap {
  const value = entry[key];
  const extra = readMap(entry, 'args');
  if (isMap(value)) return Object.keys(extra).length === 0 ? value : merged(value, extra);
  if (value === null || value === undefined) return extra;
  if (typeof value === 'string' && module.freeForm !== undefined) {
    const args = merged({ [module.freeForm]: value }, extra);
    setEntrySpan(args, module.freeForm, spanAt(entry, key), keySpanOf(entry, key));
    return args;
  }
  throw badInput('bad-arguments', `the arguments of ${module.name} must be a map, not ${typeName(value)}`, {
    span: spanAt(entry, key),
    remedy: typeof value === 'string' && value.includes('=') ? 'write them as YAML, one `name: value` a line; name=value is not supported' : undefined,
  });
}

/** Reads a file of tasks. @throws Diagnostic, also for a circle of imports */
export function loadTaskFile(file: string, attributes: Attributes, context: ParseContext, usedAt: Span | undefined): ParsedTasks {
  if (context.chain.includes(file)) {
    throw badInput('circular-import', `${path.basename(file)} imports itself: ${[...context.chain.slice(context.chain.indexOf(file)), file].map((f) => path.basename(f)).join(' → ')}`, { span: usedAt });
  }
  const value = context.project.readYaml(file, usedAt);
  if (value.content === null) return { nodes: [], handlers: [] };
  if (!isList(value.content)) throw badInput('not-a-task-list', `${file} must hold a list of tasks, not ${typeName(value.content)}`, { span: wholeFile(value.source) });
  return parseTaskList(value.content, { ...attributes, directory: path.dirname(file) }, { ...context, chain: [...context.chain, file] });
}

function wholeFile(file: SourceFile): Span {
  return { file, start: 0, end: Math.min(1, file.text.length) };
}

function parseInclusion(word: string, entry: ValueMap, outer: Attributes, context: ParseContext, handlers: Task[]): readonly TaskNode[] {
  const key = Object.keys(entry).find((k) => k.endsWith(word)) ?? word;
  const allowed = new Set<string>([...Object.keys(TASK_KEYWORDS), key]);
  for (const other of Object.keys(entry)) if (!allowed.has(other)) throw unknownKeyword(entry, other, Object.keys(TASK_KEYWORDS), word);
  const attributes = inheritAttributes(outer, entry);
  const span = spanOfContainer(entry);
  const ofRole = word.endsWith('_role');
  const value = entry[key];
  const target = typeof value === 'string' ? value : isMap(value) ? readText(value, ofRole ? 'name' : 'file') : undefined;
  const tasksFrom = isMap(value) ? readText(value, 'tasks_from') : undefined;
  if (target === undefined) throw badInput('bad-include', `${word} needs ${ofRole ? 'name: ROLE' : 'a file'}`, { span: spanAt(entry, key) });
  const load = (resolved: string, at: Attributes): { nodes: readonly TaskNode[]; handlers: readonly Task[]; role: RoleUse | undefined } => {
    if (ofRole) return context.enterRole({ name: resolved, params: readMap(entry, 'vars'), tasksFrom, part: tasksFrom !== undefined && word.startsWith('include_'), attributes: at, span: spanAt(entry, key), chain: context.chain });
    const file = context.project.findTaskFile(resolved, at, spanAt(entry, key));
    return { ...loadTaskFile(file, at, context, spanAt(entry, key)), role: undefined };
  };
  if (word.startsWith('import_')) {
    if (entry['loop'] !== undefined) throw badInput('loop-on-import', `${word} cannot loop`, { span: spanAt(entry, 'loop'), remedy: `use ${word.replace('import_', 'include_')}` });
    if (hasTemplate(target)) throw badInput('template-in-import', `${word} is resolved before any variable is known`, { span: spanAt(entry, key), remedy: `use ${word.replace('import_', 'include_')}` });
    const loaded = load(target, attributes);
    handlers.push(...loaded.handlers);
    return loaded.nodes;
  }
  // The keywords of an include apply to the include itself and, as in Ansible, `when` is asked once; vars and tags go on.
  const include: Include = {
    kind: 'include',
    id: nodeId(span),
    name: readText(entry, 'name'),
    attributes,
    span,
    what: ofRole ? 'role' : 'tasks',
    target,
    tasksFrom,
    loop: readLoop(entry),
    loopControl: readLoopControl(entry),
    load: (resolved, at) => load(resolved, { ...at, when: [] }),
  };
  // A fixed target is loaded once here, so that mistakes in it are found before any host is touched, and its handlers
  // are known from the start: to the checks, and to a run that finds one of them owed.
  if (!hasTemplate(target)) handlers.push(...include.load(target, attributes).handlers);
  return [include];
}
