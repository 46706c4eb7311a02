/** Playbooks: plays, their roles and sections, and imported playbooks. */
import path from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import type { SourceFile, Span } from '../../support/source.ts';
import { isList, isMap, typeName, type Value, type ValueMap } from '../../support/value.ts';
import { keySpanOf } from '../positions.ts';
import { parseYaml } from '../yaml.ts';
import { PLAY_KEYWORDS, REPLACED_KEYWORDS, ROLE_USE_KEYWORDS } from './keywords.ts';
import type { Attributes, Play, Playbook, RoleUse, Task, TaskNode } from './model.ts';
import { emptyAttributes, inheritAttributes, readItems, readMap, readNames, readText, spanAt, spanOfContainer } from './parse-attributes.ts';
import { loadTaskFile, parseTaskList, type EnteredRole, type ModuleCatalogue, type ParseContext } from './parse-task.ts';
import type { Project } from './project.ts';
import { existsSync } from 'node:fs';

/** Reads a playbook and all that it imports. @throws Diagnostic or DiagnosticList */
export function loadPlaybook(file: string, project: Project, modules: ModuleCatalogue): Playbook {
  const absolute = path.resolve(file);
  return { path: file, plays: parsePlaybookFile(absolute, project, modules, [], undefined) };
}

function parsePlaybookFile(file: string, project: Project, modules: ModuleCatalogue, chain: readonly string[], usedAt: Span | undefined): readonly Play[] {
  if (chain.includes(file)) throw badInput('circular-import', `playbook ${path.basename(file)} imports itself`, { span: usedAt });
  const { source, content } = project.readYaml(file, usedAt);
  return parsePlays(source, content, file, project, modules, chain);
}

/** Parses a playbook that is no file: one made for an ad-hoc command. @throws Diagnostic */
export function parsePlaybookText(source: SourceFile, directory: string, project: Project, modules: ModuleCatalogue): Playbook {
  return { path: source.path, plays: parsePlays(source, parseYaml(source, { dialect: 'strict' }), path.join(directory, source.path), project, modules, []) };
}

function parsePlays(source: SourceFile, content: Value, file: string, project: Project, modules: ModuleCatalogue, chain: readonly string[]): readonly Play[] {
  const start: Span = { file: source, start: 0, end: Math.min(1, source.text.length) };
  if (!isList(content)) throw badInput('not-a-playbook', `a playbook must be a list of plays, not ${typeName(content)}`, { span: start, remedy: 'begin each play with `- hosts: …`' });
  return content.flatMap((entry, i) => {
    const span = spanAt(content, i);
    if (!isMap(entry)) throw badInput('not-a-play', `a play must be a map, not ${typeName(entry)}`, { span });
    const importKey = ['import_playbook', 'ansible.builtin.import_playbook'].find((k) => Object.hasOwn(entry, k));
    if (importKey !== undefined) {
      const target = readText(entry, importKey) ?? '';
      const strange = Object.keys(entry).find((k) => ![importKey, 'name', 'tags', 'vars'].includes(k));
      if (strange !== undefined) throw badInput('unknown-keyword', `${strange} is not a keyword of import_playbook`, { span: keySpanOf(entry, strange) ?? span });
      const plays = parsePlaybookFile(path.resolve(path.dirname(file), target), project, modules, [...chain, file], spanAt(entry, importKey));
      const tags = readNames(entry, 'tags', true);
      const vars = readMap(entry, 'vars');
      return plays.map((play) => (tags.length === 0 && Object.keys(vars).length === 0 ? play : { ...withTags(play, tags), vars: { ...play.vars, ...vars } }));
    }
    return [parsePlay(entry, file, project, modules)];
  });
}

function withTags(play: Play, tags: readonly string[]): Play {
  const tagAll = (nodes: readonly TaskNode[]): readonly TaskNode[] =>
    nodes.map((n) => {
      const attributes = { ...n.attributes, tags: [...new Set([...n.attributes.tags, ...tags])] };
      if (n.kind !== 'block') return { ...n, attributes };
      return { ...n, attributes, body: tagAll(n.body), rescue: tagAll(n.rescue), always: tagAll(n.always) };
    });
  return { ...play, sections: play.sections.map((s) => ({ ...s, nodes: tagAll(s.nodes) })) };
}

function checkKeywords(entry: ValueMap, known: readonly string[], what: string): void {
  for (const key of Object.keys(entry)) {
    if (known.includes(key)) continue;
    const span = keySpanOf(entry, key) ?? spanOfContainer(entry);
    const replaced = REPLACED_KEYWORDS[key];
    if (replaced !== undefined) throw badInput('unsupported-keyword', `${key} is not supported`, { span, remedy: replaced });
    throw badInput('unknown-keyword', `${key} is not a keyword of ${what}`, { span, remedy: suggestion(key, known) });
  }
}

function readSerial(entry: ValueMap): readonly (number | string)[] {
  const value = entry['serial'];
  if (value === undefined || value === null) return [];
  const items = isList(value) ? value : [value];
  return items.map((item) => {
    if (typeof item === 'number' && Number.isInteger(item) && item > 0) return item;
    if (typeof item === 'string' && /^([1-9]\d*|\d{1,3}(\.\d+)?%)$/.test(item)) return item.endsWith('%') ? item : Number(item);
    throw badInput('bad-serial', 'serial must be a number of hosts, a percentage such as "30%", or a list of them', { span: spanAt(entry, 'serial') });
  });
}

function flag(entry: ValueMap, key: string, fallback: boolean): boolean {
  const value = entry[key];
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw badInput('bad-keyword-value', `${key} must be true or false`, { span: spanAt(entry, key), remedy: 'YAML 1.2 knows only true and false' });
}

function parsePlay(entry: ValueMap, file: string, project: Project, modules: ModuleCatalogue): Play {
  checkKeywords(entry, Object.keys(PLAY_KEYWORDS), 'a play');
  const span = spanOfContainer(entry);
  if (entry['hosts'] === undefined) throw badInput('play-without-hosts', 'a play must say which hosts', { span, remedy: 'add hosts: PATTERN' });
  const hosts = readNames(entry, 'hosts').join(',');
  const directory = path.dirname(file);
  // Play vars have a place of their own in the precedence of variables; they are not handed down as block vars.
  const attributes = { ...inheritAttributes(emptyAttributes(directory), entry), vars: [] };
  const uses: RoleUse[] = [];
  const handlers: Task[] = [];
  const entered = new Map<string, number>();
  const context: ParseContext = { project, modules, chain: [], enterRole };

  function enterRole({ name, params, tasksFrom, part, attributes: outer, span: usedAt, chain }: EnteredRole, idle = false): { nodes: readonly TaskNode[]; handlers: readonly Task[]; role: RoleUse } {
    const roleDirectory = project.findRole(name, usedAt);
    const role = project.readRole(path.basename(name), roleDirectory, usedAt);
    if (chain.includes(roleDirectory)) throw badInput('circular-role', `role ${name} includes or requires itself: ${[...chain.filter((c) => !c.endsWith('.yml')), roleDirectory].map((c) => path.basename(c)).join(' → ')}`, { span: usedAt });
    const use: RoleUse = { role, params, when: outer.when, ...(tasksFrom !== undefined && { tasksFrom }), ...(idle && { idle }), ...(outer.role !== undefined && { within: outer.role }) };
    uses.push(use);
    const inside: Attributes = { ...outer, role: use, directory: path.join(roleDirectory, 'tasks') };
    const roleContext = { ...context, chain: [...chain, roleDirectory] };
    const nodes: TaskNode[] = [];
    const ownHandlers: Task[] = [];
    for (const required of role.spec.requires ?? []) {
      const requiredDirectory = project.findRole(required, usedAt);
      if (entered.has(requiredDirectory) && !roleContext.chain.includes(requiredDirectory)) continue;
      const loaded = enterRole({ name: required, params: {}, tasksFrom: undefined, part: false, attributes: { ...outer, role: undefined }, span: usedAt, chain: roleContext.chain }, idle || part);
      if (!part) nodes.push(...loaded.nodes);
      ownHandlers.push(...loaded.handlers);
    }
    entered.set(roleDirectory, (entered.get(roleDirectory) ?? 0) + 1);
    const tasksFile = path.join(roleDirectory, 'tasks', `${(tasksFrom ?? 'main').replace(/\.ya?ml$/, '')}.yml`);
    if (tasksFrom !== undefined || existsSync(tasksFile)) {
      const loaded = loadTaskFile(tasksFile, inside, roleContext, usedAt);
      nodes.push(...loaded.nodes);
      ownHandlers.push(...loaded.handlers);
    }
    ownHandlers.push(...loadHandlers(roleDirectory, { ...inside, when: [], tags: [] }, roleContext, usedAt));
    return { nodes, handlers: ownHandlers, role: use };
  }

  function section(key: 'pre_tasks' | 'tasks' | 'post_tasks'): { title: typeof key; nodes: readonly TaskNode[] } {
    const parsed = parseTaskList(readItems(entry, key), attributes, context);
    handlers.push(...parsed.handlers);
    return { title: key, nodes: parsed.nodes };
  }

  const preTasks = section('pre_tasks');
  const roleItems = readItems(entry, 'roles');
  const roleNodes = roleItems.flatMap((item, i) => {
    const use = readRoleUse(item, spanAt(roleItems, i));
    const outer = use.own === undefined ? attributes : { ...inheritAttributes(attributes, use.own), vars: attributes.vars };
    if (entered.has(project.findRole(use.name, spanAt(roleItems, i))) && Object.keys(use.params).length === 0) return [];
    const loaded = enterRole({ name: use.name, params: use.params, tasksFrom: undefined, part: false, attributes: outer, span: spanAt(roleItems, i), chain: [] });
    handlers.push(...loaded.handlers);
    return loaded.nodes;
  });
  const sections = [preTasks, { title: 'roles' as const, nodes: roleNodes }, section('tasks'), section('post_tasks')].filter((s) => s.nodes.length > 0);
  const own = parseTaskList(readItems(entry, 'handlers'), attributes, context, true);
  const percentage = entry['max_fail_percentage'];
  if (percentage !== undefined && (typeof percentage !== 'number' || percentage < 0 || percentage > 100)) throw badInput('bad-keyword-value', 'max_fail_percentage must be a number from 0 to 100', { span: spanAt(entry, 'max_fail_percentage') });
  const strategy = entry['strategy'] ?? 'free';
  if (strategy !== 'free' && strategy !== 'host_pinned' && strategy !== 'linear') throw badInput('bad-keyword-value', 'strategy must be free, host_pinned or linear', { span: spanAt(entry, 'strategy') });
  const varsFiles = readItems(entry, 'vars_files');
  return {
    name: readText(entry, 'name') ?? hosts,
    hosts,
    hostsSpan: spanAt(entry, 'hosts'),
    gatherFacts: flag(entry, 'gather_facts', true),
    strategy: strategy === 'linear' ? 'linear' : 'free',
    serial: readSerial(entry),
    maxFailPercentage: percentage,
    anyErrorsFatal: flag(entry, 'any_errors_fatal', false),
    forceHandlers: flag(entry, 'force_handlers', false),
    vars: readMap(entry, 'vars'),
    varsFiles: varsFiles.map((v, i) => {
      if (typeof v !== 'string') throw badInput('bad-keyword-value', 'vars_files must be a list of file names', { span: spanAt(varsFiles, i) });
      return { path: path.resolve(directory, v), span: spanAt(varsFiles, i) };
    }),
    roles: uses,
    sections,
    handlers: [...handlers, ...own.nodes.filter((n) => n.kind === 'task')],
    attributes,
    directory,
    file,
    span,
  };
}

function readRoleUse(item: Value, span: Span): { readonly name: string; readonly params: ValueMap; readonly own: ValueMap | undefined } {
  if (typeof item === 'string') return { name: item, params: {}, own: undefined };
  if (!isMap(item)) throw badInput('bad-role-use', `a role must be a name or a map, not ${typeName(item)}`, { span });
  checkKeywords(item, Object.keys(ROLE_USE_KEYWORDS), 'a role in a play (put its options under vars:)');
  const name = readText(item, 'role') ?? readText(item, 'name');
  if (name === undefined) throw badInput('bad-role-use', 'this role has no name', { span, remedy: 'add role: NAME' });
  return { name, params: readMap(item, 'vars'), own: item };
}

/** `handlers.yml` of a role (or `handlers/main.yml`, where Ansible keeps it). */
function loadHandlers(roleDirectory: string, attributes: Attributes, context: ParseContext, usedAt: Span): readonly Task[] {
  const file = [path.join(roleDirectory, 'handlers.yml'), path.join(roleDirectory, 'handlers', 'main.yml')].find(existsSync);
  if (file === undefined) return [];
  const { content, source } = context.project.readYaml(file, usedAt);
  if (content === null) return [];
  if (!isList(content)) throw badInput('not-a-task-list', `${source.path} must hold a list of handlers`, { span: { file: source, start: 0, end: 1 } });
  return parseTaskList(content, attributes, context, true).nodes.filter((n) => n.kind === 'task');
}

/** A context for parsing task files outside a play's own sections. */
export function playParseContext(project: Project, modules: ModuleCatalogue): ParseContext {
  return {
    project,
    modules,
    chain: [],
    enterRole: (use) => {
      throw badInput('role-in-verify', `verify.yml cannot bring in role ${use.name}`, { span: use.span, remedy: 'put the checks into the verify.yml of that role' });
    },
  };
}

/** The verify tasks of a role, under the conditions of its use, or nothing when it has none. */
export function loadVerifyTasks(role: RoleUse, attributes: Attributes, context: ParseContext): readonly TaskNode[] {
  const file = path.join(role.role.directory, 'verify.yml');
  if (!existsSync(file)) return [];
  return loadTaskFile(file, { ...attributes, role, directory: role.role.directory, when: role.when, tags: [] }, context, undefined).nodes;
}
