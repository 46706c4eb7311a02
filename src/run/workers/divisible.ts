/**
 * What of a playbook cannot be dealt out to workers, since it needs what only one process can hold or what is not to be written into the
 * store: refused before a host is touched.
 */
import type { Attributes, Include, Task } from '../../language/playbook/model.ts';
import { hasTemplate } from '../../language/template/index.ts';
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import type { Loaded } from '../load.ts';
import { taskNodes } from '../play-tasks.ts';

/** Modules whose result is what they are for. */
const GIVES_VARIABLES = new Set(['set_fact', 'include_vars']);
const ENDS_PLAY = new Set(['end_play', 'end_batch']);

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

function usesHostvars(task: Task | Include, names: ReadonlySet<string>): string | undefined {
  const text = textOf(task);
  if (!/\bhostvars\b/.test(text)) return undefined;
  const made = [...names].find((name) => new RegExp(`\\b${name.replaceAll(/[^\w]/g, '\\$&')}\\b`).test(text));
  return made === undefined ? undefined : `hostvars with ${made}, which a task makes: what a task of another worker's host has made is not known here`;
}

function textOf({ attributes, loop, ...task }: Task | Include): string {
  const conditions = (all: Attributes['when']): readonly unknown[] => all.map((each) => each.text);
  return JSON.stringify([task.kind === 'task' ? task.args : task.target, loop ?? null, conditions(attributes.when), attributes.vars.map((layer) => layer.values)]);
}

function madeNames(tasks: readonly (Task | Include)[]): ReadonlySet<string> {
  return new Set(tasks.flatMap((task) => (task.kind !== 'task' ? [] : [...(task.register === undefined ? [] : [task.register]), ...(task.module === 'set_fact' ? Object.keys(task.args).filter((name) => name !== 'cacheable') : [])])));
}

/** All problems, each at its task. */
export function divisionProblems(loaded: Pick<Loaded, 'playbooks' | 'inventory'>): readonly Diagnostic[] {
  const plays = loaded.playbooks.flatMap((playbook) => playbook.plays);
  const made = madeNames(plays.flatMap((play) => [...taskNodes(play), ...play.handlers]));
  return plays.flatMap((play) => {
    const hosts = loaded.inventory.select(play.hosts);
    return [...taskNodes(play), ...play.handlers].flatMap((task) => {
      const why = (task.kind === 'task' ? indivisible(task, hosts) : unseen(task)) ?? usesHostvars(task, made);
      return why === undefined ? [] : [badInput('not-divisible', `workers cannot share this task: ${why}`, { span: task.span, remedy: REMEDY })];
    });
  });
}
