/**
 * Everything that can be known to be wrong before a host is touched: arguments, handlers, variables,
 * role options, templates.
 */
import { statSync } from 'node:fs';
import { z } from 'zod';
import type { Expression } from '../language/expression/index.ts';
import { compileExpression } from '../language/expression/index.ts';
import { lineageOf, type Attributes, type Include, type Play, type Task } from '../language/playbook/model.ts';
import { checkOption, throwProblems } from '../language/playbook/role-spec.ts';
import { readMapFile } from '../language/playbook/role.ts';
import { spanOf } from '../language/positions.ts';
import { schemaErrors } from '../language/schema-errors.ts';
import { fileVariableUses, hasTemplate, variableUses, type VariableUse } from '../language/template/index.ts';
import { findModule } from '../modules/registry.ts';
import { badInput, Diagnostic, DiagnosticList } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { Span } from '../support/source.ts';
import { isList, isMap, type Value, type ValueMap } from '../support/value.ts';
import type { FileCache } from './controller-files.ts';
import { handlersNamed } from './handlers.ts';
import type { Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { allTasks, bringsUnlistedNames, namesMadeIn, taskNodes } from './play-tasks.ts';
import { factVariables, MAGIC_NAMES } from './variables.ts';

/** Problems gathered over the whole project, each told once. */
export class Problems {
  readonly #list: Diagnostic[] = [];
  readonly #seen = new Set<string>();

  add(...diagnostics: readonly Diagnostic[]): void {
    for (const diagnostic of diagnostics) {
      const text = diagnostic.format();
      if (this.#seen.has(text)) continue;
      this.#seen.add(text);
      this.#list.push(diagnostic);
    }
  }

  /** Runs a check; what it throws for people is added. */
  attempt(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof Diagnostic) this.add(error);
      else if (error instanceof DiagnosticList) this.add(...error.list);
      else throw error;
    }
  }

  get list(): readonly Diagnostic[] {
    return this.#list;
  }

  throwIfAny(): void {
    throwProblems(this.#list);
  }
}

/** Names of base facts, from an example: the types say that every host has them. */
const FACT_NAMES = Object.keys(
  factVariables({
    hostname: '', fqdn: '', system: '', kernel: '', architecture: '', distribution: '', distribution_version: '', distribution_major_version: '', distribution_release: '', os_family: '',
    pkg_mgr: '', service_mgr: '', virtualization_type: '', user_id: '', processor_vcpus: 1, memtotal_mb: 0, boot_id: '', machine_id: '', default_ipv4: null, all_ipv4_addresses: [], all_ipv6_addresses: [], epoch: 0,
  }),
);

function stringsIn(value: Value, container: object | undefined, key: string | number, visit: (text: string, span: Span | undefined) => void): void {
  if (typeof value === 'string') visit(value, container === undefined ? undefined : spanOf(container, key));
  else if (isList(value)) value.forEach((v, i) => { stringsIn(v, value, i, visit); });
  else if (isMap(value)) for (const [k, v] of Object.entries(value)) stringsIn(v, value, k, visit);
}

class PlayCheck {
  readonly #problems: Problems;
  readonly #loaded: Loaded;
  readonly #play: Play;
  readonly #known: ReadonlySet<string>;
  readonly #cache: FileCache;

  constructor(problems: Problems, loaded: Loaded, play: Play, known: ReadonlySet<string>, cache: FileCache) {
    this.#problems = problems;
    this.#loaded = loaded;
    this.#play = play;
    this.#known = known;
    this.#cache = cache;
  }

  task(task: Task | Include): void {
    this.#attributes(task.attributes, this.#localNames(task), task.span);
    this.#delegate(task.attributes.delegateTo, task.span);
    if (task.kind === 'include') return;
    const local = this.#localNames(task);
    for (const condition of [...(task.changedWhen ?? []), ...(task.failedWhen ?? []), ...(task.until === undefined ? [] : [task.until])]) this.#expression(condition, local, task.span);
    this.#arguments(task);
    this.#templates(task.module === 'assert' ? withoutKey(task.args, 'that') : task.args, local);
    this.#embedded(task, local);
    if (task.loop !== undefined) this.#problems.attempt(() => { stringsIn(task.loop ?? null, undefined, 0, (text) => { this.#text(text, task.span, local); }); });
    for (const name of task.notify) {
      if (!hasTemplate(name)) this.#problems.attempt(() => handlersNamed(this.#play.handlers, name, task));
    }
    this.#sources(task, local);
  }

  #delegate(host: string | undefined, span: Span): void {
    const { hosts } = this.#loaded.inventory;
    if (host === undefined || hasTemplate(host) || host === 'localhost' || hosts.includes(host)) return;
    this.#problems.add(badInput('unknown-host', `delegate_to: there is no host ${host} in the inventory`, { span, remedy: suggestion(host, hosts) }));
  }

  #localNames(node: Task | Include): ReadonlySet<string> {
    const names = new Set(node.attributes.vars.flatMap((layer) => Object.keys(layer.values)));
    for (const use of lineageOf(node.attributes.role)) {
      for (const values of [use.params, use.role.vars, use.role.defaults]) for (const name of Object.keys(values)) names.add(name);
    }
    return names;
  }

  #attributes(attributes: Attributes, local: ReadonlySet<string>, place: Span): void {
    for (const condition of attributes.when) this.#expression(condition, local, place);
    for (const layer of attributes.vars) if (layer.templated) this.#templates(layer.values, local);
    for (const layer of attributes.environment) this.#templates(layer, local);
  }

  #expression(expression: Expression, local: ReadonlySet<string>, span: Span | undefined): void {
    for (const name of expression.variables) this.#name(name, local, () => span);
  }

  #templates(values: ValueMap, local: ReadonlySet<string>): void {
    for (const [key, value] of Object.entries(values)) stringsIn(value, values, key, (text, span) => { this.#text(text, span, local); });
  }

  #text(text: string, span: Span | undefined, local: ReadonlySet<string>): void {
    if (!hasTemplate(text)) return;
    this.#problems.attempt(() => { this.#uses(variableUses({ text, span }), local, span); });
  }

  #uses(uses: readonly VariableUse[], local: ReadonlySet<string>, span: Span | undefined): void {
    for (const use of uses) if (use.required) this.#name(use.name, local, () => use.place() ?? span);
  }

  #name(name: string, local: ReadonlySet<string>, place: () => Span | undefined): void {
    if (this.#known.has(name) || this.#known.has('*') || local.has(name)) return;
    this.#problems.add(badInput('undefined-variable', `variable ${name} is not defined anywhere`, { span: place(), remedy: suggestion(name, [...this.#known, ...local]) ?? 'define it in the inventory, in the play, or as an option of the role' }));
  }

  /** Arguments against the module's schema; what a template will give is left for later. */
  #arguments(task: Task): void {
    const module = findModule(task.module);
    if (module === undefined) return;
    const result = module.args.safeParse(task.args);
    if (result.success) return;
    const issues = result.error.issues.filter((issue) => !isTemplated(task.args, issue.path));
    if (issues.length === 0) return;
    // Rules between arguments can't be judged while one of them is a template.
    const judged = issues.filter((issue) => issue.path.length > 0 || issue.code !== 'custom' || !hasTemplate(JSON.stringify(task.args)));
    if (judged.length > 0) this.#problems.add(...schemaErrors(new z.ZodError(judged), task.args, { what: `the arguments of ${module.name}`, schema: module.args, fallback: task.argsSpan, code: 'bad-argument' }).list);
  }

  /** Expressions inside arguments: assert's conditions, debug's var. */
  #embedded(task: Task, local: ReadonlySet<string>): void {
    const texts: { text: string; span: Span }[] = [];
    const that = task.module === 'assert' ? task.args['that'] : task.module === 'debug' ? task.args['var'] : undefined;
    if (typeof that === 'string') texts.push({ text: that, span: spanOf(task.args, 'that') ?? spanOf(task.args, 'var') ?? task.argsSpan });
    if (isList(that)) that.forEach((t, i) => { if (typeof t === 'string') texts.push({ text: t, span: spanOf(that, i) ?? task.argsSpan }); });
    for (const { text, span } of texts) this.#problems.attempt(() => { this.#expression(compileExpression(text, span), local, span); });
  }

  /** Template files: they must be there, parse, and use known variables. */
  #sources(task: Task, local: ReadonlySet<string>): void {
    const src = task.args['src'];
    if (typeof src !== 'string' || hasTemplate(src) || task.args['remote_src'] === true) return;
    if (task.module === 'template') {
      this.#problems.attempt(() => {
        const file = this.#loaded.project.findFile('templates', src, task.attributes, task.argsSpan);
        this.#uses(fileVariableUses(this.#cache.template(file)), local, undefined);
      });
    } else if (task.module === 'copy' || task.module === 'script') {
      this.#problems.attempt(() => {
        statSync(this.#loaded.project.findFile('files', src, task.attributes, task.argsSpan));
      });
    }
  }
}

function withoutKey(map: ValueMap, key: string): ValueMap {
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key));
}

function isTemplated(root: unknown, path: readonly PropertyKey[]): boolean {
  let value: unknown = root;
  for (const key of path) {
    if (typeof value === 'string') break;
    value = typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return typeof value === 'string' && hasTemplate(value);
}

/** Role options of every host, as far as their values are known without facts. */
function checkOptions(problems: Problems, loaded: Loaded, play: Play, hosts: readonly string[], extraVars: ValueMap): void {
  for (const use of play.roles) {
    for (const [name, option] of Object.entries(use.role.spec.options ?? {})) {
      const seen = new Set<unknown>();
      const layers = (host: string): readonly ValueMap[] => [extraVars, use.params, use.role.vars, play.vars, loaded.inventory.variablesOf(host), use.role.defaults];
      for (const host of hosts) {
        const layer = layers(host).find((l) => Object.hasOwn(l, name));
        if (layer === undefined) {
          if (option.required === true && use.idle !== true) problems.add(badInput('missing-role-option', `role ${use.role.name} needs ${name}, which ${host} does not have`, { span: play.hostsSpan, detail: option.description, remedy: 'set it in the inventory (group_vars or host_vars)' }));
          continue;
        }
        const value = layer[name] ?? null;
        if (seen.has(value)) continue;
        seen.add(value);
        problems.add(...checkOption(name, option, value, layer, name));
      }
    }
  }
}

/**
 * `--start-at-task` must name a task, or everything would be left out and the run be called a success. Only where an
 * include has a template for its name can it not be told beforehand.
 *
 * @throws Diagnostic with the nearest name
 */
export function checkStartAtTask(loaded: Loaded, name: string | undefined): void {
  if (name === undefined) return;
  const tasks = loaded.playbooks.flatMap((p) => p.plays).flatMap(taskNodes);
  const names = tasks.flatMap((t) => (t.kind === 'task' && t.name !== undefined ? taskNames(t) : []));
  if (names.includes(name) || tasks.some((t) => t.kind === 'include' && hasTemplate(t.target))) return;
  throw badInput('no-such-task', `--start-at-task: there is no task ${name}`, { remedy: suggestion(name, names) ?? '--list-tasks lists them' });
}

/** The names that `--start-at-task` knows a task by: its own, and `role : name`. */
export function taskNames(task: Task): readonly string[] {
  const role = task.attributes.role?.role.name;
  return task.name === undefined ? [] : role === undefined ? [task.name] : [task.name, `${role} : ${task.name}`];
}

/** Checks everything that was loaded. Finds all problems, not only the first. */
export function validateLoaded(loaded: Loaded, options: Pick<RunOptions, 'extraVars' | 'limit' | 'notesHandlers'>, cache: FileCache): Problems {
  const problems = new Problems();
  const made = namesMadeIn(loaded.playbooks);
  for (const play of loaded.playbooks.flatMap((p) => p.plays)) {
    const hosts = loaded.inventory.select(play.hosts);
    const nodes = play.sections.flatMap((s) => s.nodes);
    // Of the playbooks of a rollback nothing but handlers is run.
    const tasks = [...(options.notesHandlers === true && play.handlers.length > 0 ? [] : allTasks(nodes)), ...play.handlers];
    let varsFiles: readonly ValueMap[] = [];
    problems.attempt(() => { varsFiles = play.varsFiles.map((f) => readMapFile(f.path, 'strict')); });
    const known = new Set<string>([
      ...MAGIC_NAMES, ...FACT_NAMES, ...Object.keys(options.extraVars), ...Object.keys(play.vars), ...varsFiles.flatMap((v) => Object.keys(v)),
      ...play.roles.flatMap((r) => Object.keys(r.role.defaults)), ...made, ...hosts.flatMap((h) => Object.keys(loaded.inventory.variablesOf(h))),
      ...(bringsUnlistedNames(tasks) || hosts.length === 0 ? ['*'] : []),
    ]);
    const check = new PlayCheck(problems, loaded, play, known, cache);
    for (const task of tasks) check.task(task);
    checkOptions(problems, loaded, play, hosts, options.extraVars);
  }
  return problems;
}
