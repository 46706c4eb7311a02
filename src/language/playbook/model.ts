/** Playbooks as the engine sees them: parsed, imports resolved, every node knowing where it stands. */
import type { Span } from '../../support/source.ts';
import type { Value, ValueMap } from '../../support/value.ts';
import type { Expression } from '../expression/index.ts';
import type { VariableLayer } from '../scope-types.ts';
import type { Role } from './role.ts';

/** A literal, or a template that gives one when the task runs. */
export type Templated<T> = T | { readonly template: string; readonly span: Span };

/** One use of a role: the role and the parameters given where it is used. */
export interface RoleUse {
  readonly role: Role;
  readonly params: ValueMap;
  /** Only this file of its tasks is used (`tasks_from`). */
  readonly tasksFrom?: string;
  /** Required by a role of which a part alone is included: its defaults and handlers are known there, and nothing of it is run. */
  readonly idle?: true;
  /** The conditions of the place where it is used, those of blocks and plays around it among them. */
  readonly when: readonly Expression[];
  /** The role whose tasks include this one: its variables are seen here too, with lower precedence. */
  readonly within?: RoleUse;
}

/** A role and those that it is used within, the outermost first. */
export function lineageOf(use: RoleUse | undefined): readonly RoleUse[] {
  return use === undefined ? [] : [...lineageOf(use.within), use];
}

/** What plays and blocks hand down and tasks may override; `when`, `tags`, `vars` and `environment` add up. */
export interface Attributes {
  readonly become: Templated<boolean> | undefined;
  readonly becomeUser: Templated<string> | undefined;
  readonly when: readonly Expression[];
  readonly tags: readonly string[];
  /** Lowest precedence first. */
  readonly vars: readonly VariableLayer[];
  /** Lowest precedence first. */
  readonly environment: readonly ValueMap[];
  readonly ignoreErrors: Templated<boolean> | undefined;
  readonly ignoreUnreachable: Templated<boolean> | undefined;
  readonly checkMode: Templated<boolean> | undefined;
  readonly diff: Templated<boolean> | undefined;
  readonly noLog: Templated<boolean> | undefined;
  readonly delegateTo: string | undefined;
  readonly runOnce: Templated<boolean> | undefined;
  readonly throttle: Templated<number> | undefined;
  /** Seconds. */
  readonly timeout: Templated<number> | undefined;
  readonly anyErrorsFatal: Templated<boolean> | undefined;
  readonly role: RoleUse | undefined;
  /** Directory of the file the node stands in, for relative `src:` and includes. */
  readonly directory: string;
}

export interface LoopControl {
  readonly loopVar: string;
  readonly indexVar: string | undefined;
  readonly label: string | undefined;
  /** Seconds between items. */
  readonly pause: number;
  readonly extended: boolean;
}

interface Common {
  /** Unique in this run; stable across runs of the same files. */
  readonly id: string;
  readonly name: string | undefined;
  readonly attributes: Attributes;
  readonly span: Span;
}

export interface Task extends Common {
  readonly kind: 'task';
  readonly module: string;
  readonly args: ValueMap;
  readonly argsSpan: Span;
  readonly loop: Value | undefined;
  readonly loopControl: LoopControl;
  readonly register: string | undefined;
  readonly changedWhen: readonly Expression[] | undefined;
  readonly failedWhen: readonly Expression[] | undefined;
  readonly until: Expression | undefined;
  readonly retries: Templated<number>;
  /** Seconds between attempts. */
  readonly delay: Templated<number>;
  readonly notify: readonly string[];
  readonly listen: readonly string[];
}

export interface Block extends Common {
  readonly kind: 'block';
  readonly body: readonly TaskNode[];
  readonly rescue: readonly TaskNode[];
  readonly always: readonly TaskNode[];
}

/** include_tasks or include_role: resolved when reached. */
export interface Include extends Common {
  readonly kind: 'include';
  readonly what: 'tasks' | 'role';
  /** A file or a role name, perhaps a template. */
  readonly target: string;
  readonly tasksFrom: string | undefined;
  readonly loop: Value | undefined;
  readonly loopControl: LoopControl;
  /**
   * Gives the nodes for a resolved target. `attributes` are the include's own, as the engine has them: it may have
   * added the tags of an imported playbook, or the item of a loop around. @throws Diagnostic
   */
  readonly load: (target: string, attributes: Attributes) => LoadedInclude;
}
export interface LoadedInclude {
  readonly nodes: readonly TaskNode[];
  readonly handlers: readonly Task[];
  readonly role: RoleUse | undefined;
}

export type TaskNode = Task | Block | Include;

export interface Play {
  readonly name: string;
  readonly hosts: string;
  readonly hostsSpan: Span;
  readonly gatherFacts: boolean;
  readonly strategy: 'free' | 'linear';
  /** Batch sizes in order: numbers, or percentages as text such as `30%`; empty: all at once. */
  readonly serial: readonly (number | string)[];
  readonly maxFailPercentage: number | undefined;
  readonly anyErrorsFatal: boolean;
  readonly forceHandlers: boolean;
  readonly vars: ValueMap;
  readonly varsFiles: readonly { readonly path: string; readonly span: Span }[];
  readonly roles: readonly RoleUse[];
  /** Sections in order; handlers are flushed after each of them. */
  readonly sections: readonly { readonly title: 'pre_tasks' | 'roles' | 'tasks' | 'post_tasks'; readonly nodes: readonly TaskNode[] }[];
  readonly handlers: readonly Task[];
  readonly attributes: Attributes;
  readonly directory: string;
  readonly file: string;
  readonly span: Span;
}

export interface Playbook {
  readonly path: string;
  readonly plays: readonly Play[];
}
