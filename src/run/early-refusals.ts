/**
 * What modules refuse by their arguments alone (`refuses`), told before any host is touched: for tasks whose arguments and conditions
 * can be evaluated without facts. The others are judged when they are reached.
 */
import type { Task, TaskNode } from '../language/playbook/model.ts';
import { hasTemplate, renderValue } from '../language/template/index.ts';
import type { Refusal } from '../modules/define.ts';
import { findModule } from '../modules/registry.ts';
import { badInput, type Diagnostic } from '../support/diagnostic.ts';
import { formatPlace } from '../support/source.ts';
import { isMap } from '../support/value.ts';
import { scopesOf, told, variablesOf } from './early.ts';
import { allHold } from './evaluate.ts';
import type { Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { selected } from './tags.ts';
import { withoutOmitted } from './task-item.ts';
import { Variables } from './variables.ts';

type RefusalOptions = Pick<RunOptions, 'extraVars' | 'limit' | 'tags' | 'skipTags' | 'startAtTask'>;

const NOTHING_UNKNOWN: ReadonlyMap<string, string> = new Map();

function judged(nodes: readonly TaskNode[]): readonly Task[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'block') return [...judged(node.body), ...judged(node.always)];
    if (node.kind === 'include') return hasTemplate(node.target) ? [] : judged(node.load(node.target, node.attributes).nodes);
    return findModule(node.module)?.refuses === undefined ? [] : [node];
  });
}

/** At the group that it is about, where that is written in a file, else at the task. */
function diagnosticOf(refusal: Refusal, task: Task, loaded: Loaded): Diagnostic {
  if (typeof refusal === 'string') return badInput('refused', refusal, { span: task.span });
  const place = loaded.inventory.placeOfGroup(refusal.group);
  return badInput('refused', refusal.summary, place === undefined ? { span: task.span } : { span: place, detail: `asked for by the task at ${formatPlace(task.span)}` });
}

/** Each trouble once, at its task or its group. */
export function earlyRefusals(loaded: Loaded, options: RefusalOptions): readonly Diagnostic[] {
  const plays = loaded.playbooks.flatMap((p) => p.plays).map((play) => ({ play, tasks: judged(play.sections.flatMap((s) => s.nodes)).filter((task) => selected(task.attributes.tags, options)) }));
  if (plays.every(({ tasks }) => tasks.length === 0) || options.startAtTask !== undefined) return [];
  const variables = new Variables({ inventory: loaded.inventory, extraVars: options.extraVars, mode: 'apply', diff: false, decrypt: loaded.secrets.decrypt });
  const found = new Map<string, Diagnostic>();
  for (const { play, tasks } of plays) {
    const hosts = told(() => loaded.inventory.select(play.hosts, options.limit)) ?? [];
    const shared = variablesOf(play, hosts);
    if (shared === undefined) continue;
    for (const task of tasks) {
      for (const host of hosts) {
        for (const scope of scopesOf(task, variables.taskScope(host, shared, task.attributes)) ?? []) {
          if (told(() => allHold(task.attributes.when, scope, NOTHING_UNKNOWN)) !== true) continue;
          const rendered = told(() => renderValue(task.args, scope, task.argsSpan));
          const said = rendered !== undefined && isMap(rendered) ? told(() => findModule(task.module)?.refuses?.(withoutOmitted(rendered))) : undefined;
          for (const refusal of said ?? []) {
            const diagnostic = diagnosticOf(refusal, task, loaded);
            found.set(diagnostic.format(), diagnostic);
          }
        }
        if (task.attributes.runOnce === true) break;
      }
    }
  }
  return [...found.values()];
}
