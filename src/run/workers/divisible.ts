/**
 * What of a playbook cannot be dealt out to workers, since it needs what only one process can hold or what is not to be written into the
 * store: refused before a host is touched.
 */
import type { Expression } from '../../language/expression/index.ts';
import type { Include, Play, Task } from '../../language/playbook/model.ts';
import { lineageOf } from '../../language/playbook/model.ts';
import { spanOf } from '../../language/positions.ts';
import { hasTemplate } from '../../language/template/index.ts';
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import { formatPlace } from '../../support/source.ts';
import { isList, isMap, type ValueMap } from '../../support/value.ts';
import type { Loaded } from '../load.ts';
import { bringsUnlistedNames, taskNodes, variablesMadeBy } from '../play-tasks.ts';

/** Modules whose result is what they are for. */
const GIVES_VARIABLES = new Set(['set_fact', 'include_vars']);
const ENDS_PLAY = new Set(['end_play', 'end_batch']);
/** What a task sets on its host without a name of its own. */
const SET_BY_RESCUE = ['ansible_failed_result', 'ansible_failed_task'];

const REMEDY = 'leave out --workers, or take what it is needed for apart (--tags, --limit, a playbook of its own)';

/** Why a task cannot be dealt out; undefined when it can. */
export function indivisible(task: Task, hosts: readonly string[]): string | undefined {
  const { delegateTo, throttle } = task.attributes;
  if (delegateTo !== undefined && delegateTo !== 'localhost' && !(hosts.length === 1 && hosts[0] === delegateTo)) return 'delegate_to another host: tasks on one host come one at a time, and workers do not see each other’s';
  if (throttle !== undefined) return 'throttle: it bounds the hosts of one worker, not those of all';
  const once = task.attributes.runOnce;
  if (once !== undefined && once !== false && task.register !== undefined) return 'run_once with register: its result would have to go through the run store, which keeps no results since they may be secret';
  if (once !== undefined && once !== false && GIVES_VARIABLES.has(task.module)) return `run_once with ${task.module}: its variables would have to go through the run store, which keeps none since they may be secret`;
  const word = task.module === 'meta' ? Object.values(task.args).find((value) => typeof value === 'string') : undefined;
  if (typeof word === 'string' && ENDS_PLAY.has(word)) return `meta ${word}: it ends the play for the hosts of one worker, not for those of all`;
  return undefined;
}

function unseen(include: Include): string | undefined {
  return hasTemplate(include.target) ? 'an include whose name is a template: what it brings in cannot be looked at before' : undefined;
}

/** What tasks bring into being on their hosts. */
export interface MadeVariables {
  readonly names: ReadonlySet<string>;
  /** Whether some come from files of `include_vars`, whose names only doing can tell. */
  readonly others: boolean;
}

function allOf(play: Play): readonly (Task | Include)[] {
  return [...taskNodes(play), ...play.handlers];
}

export function madeVariables({ playbooks }: Pick<Loaded, 'playbooks'>): MadeVariables {
  const tasks = playbooks.flatMap((playbook) => playbook.plays).flatMap(allOf);
  return { names: new Set([...tasks.flatMap(variablesMadeBy), ...SET_BY_RESCUE]), others: bringsUnlistedNames(tasks) };
}

/** Why a text that looks at variables of other hosts cannot be dealt out. */
function usesHostvars(text: string, made: MadeVariables): string | undefined {
  if (!/\bhostvars\b/.test(text)) return undefined;
  const name = [...made.names].find((each) => new RegExp(`(^|[^\\w])${each.replaceAll(/[^\w]/g, '\\$&')}([^\\w]|$)`).test(text));
  if (name !== undefined) return `hostvars with ${name}, which a task makes: what a task of another worker's host has made is not known here`;
  return made.others ? 'hostvars, where a task has include_vars without a name: what of another worker’s host is from there is not known here' : undefined;
}

/** All strings in it: the only places where a template or an expression can stand. */
function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (isList(value)) return value.flatMap(stringsIn);
  return isMap(value) ? Object.entries(value).flatMap(([key, each]) => [key, ...stringsIn(each)]) : [];
}

function textOf(task: Task | Include): string {
  const conditions = (all: readonly Expression[] | undefined): readonly string[] => (all ?? []).map((each) => each.text);
  const { attributes } = task;
  const own = task.kind === 'task' ? [...stringsIn(task.args), ...conditions(task.changedWhen), ...conditions(task.failedWhen), ...conditions(task.until === undefined ? [] : [task.until]), ...task.notify] : [task.target];
  return [task.name ?? '', ...own, ...stringsIn(task.loop), task.loopControl.label ?? '', ...conditions(attributes.when), ...attributes.environment.flatMap(stringsIn), ...attributes.vars.flatMap((layer) => stringsIn(layer.values))].join('\n');
}

/** Variables that look at other hosts' when they are used, each once: of the inventory, plays and roles. */
function variableProblems(loaded: Pick<Loaded, 'playbooks' | 'inventory'>, made: MadeVariables): readonly Diagnostic[] {
  const plays = loaded.playbooks.flatMap((playbook) => playbook.plays);
  const uses = plays.flatMap((play) => [...play.roles, ...allOf(play).flatMap((task) => lineageOf(task.attributes.role))]);
  const hosts = new Set(plays.flatMap((play) => [...loaded.inventory.select(play.hosts)]));
  const maps = new Set<ValueMap>([...plays.map((play) => play.vars), ...uses.flatMap((use) => [use.role.defaults, use.role.vars, use.params]), ...[...hosts].map((host) => loaded.inventory.variablesOf(host))]);
  const problems = new Map<string, Diagnostic>();
  for (const map of maps) {
    for (const [name, value] of Object.entries(map)) {
      const why = usesHostvars(stringsIn(value).join('\n'), made);
      const span = spanOf(map, name);
      if (why !== undefined) problems.set(`${name} ${span === undefined ? '' : formatPlace(span)}`, badInput('not-divisible', `workers cannot share the variable ${name}: ${why}`, { span, remedy: REMEDY }));
    }
  }
  return [...problems.values()];
}

/** All problems, each at its task or variable. What only a file of a template asks for is refused when it is asked for (`Variables`). */
export function divisionProblems(loaded: Pick<Loaded, 'playbooks' | 'inventory'>): readonly Diagnostic[] {
  const plays = loaded.playbooks.flatMap((playbook) => playbook.plays);
  const made = madeVariables(loaded);
  const tasks = plays.flatMap((play) => {
    const hosts = loaded.inventory.select(play.hosts);
    return allOf(play).flatMap((task) => {
      const why = (task.kind === 'task' ? indivisible(task, hosts) : unseen(task)) ?? usesHostvars(textOf(task), made);
      return why === undefined ? [] : [badInput('not-divisible', `workers cannot share this task: ${why}`, { span: task.span, remedy: REMEDY })];
    });
  });
  return [...tasks, ...variableProblems(loaded, made)];
}
