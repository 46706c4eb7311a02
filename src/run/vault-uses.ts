/** Where playbooks, roles and the inventory's own templates refer to values in a vault (helper `vault`): all that can be told before the run. */
import type { EncryptedValue } from '../language/encrypted.ts';
import { lineageOf, type Include, type Play, type Task } from '../language/playbook/model.ts';
import { readMapFile } from '../language/playbook/role.ts';
import { spanOf } from '../language/positions.ts';
import { hasTemplate, templateReferences } from '../language/template/index.ts';
import { referencesIn } from '../language/vault-reference.ts';
import { Diagnostic } from '../support/diagnostic.ts';
import type { Span } from '../support/source.ts';
import { isList, isMap, type Value, type ValueMap } from '../support/value.ts';
import type { FileCache } from './controller-files.ts';
import type { Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { allTasks } from './play-tasks.ts';

/** What every call of the helper has in it. */
const WORD = /\bvault\s+["']/;

class Uses {
  readonly found: EncryptedValue[] = [];
  readonly #seen = new Set<object>();

  text(text: string, span: Span | undefined): void {
    if (!WORD.test(text) || !hasTemplate(text)) return;
    try {
      this.found.push(...templateReferences({ text, span }));
    } catch (error) {
      // What is wrong with a template is told where it is rendered, or has been told by the checks already.
      if (!(error instanceof Diagnostic)) throw error;
    }
  }

  values(values: ValueMap): void {
    if (this.#seen.has(values)) return;
    this.#seen.add(values);
    for (const [key, value] of Object.entries(values)) this.#value(value, spanOf(values, key));
  }

  #value(value: Value, span: Span | undefined): void {
    if (typeof value === 'string') this.text(value, span);
    else if (isList(value)) value.forEach((item, i) => { this.#value(item, spanOf(value, i) ?? span); });
    else if (isMap(value)) this.values(value);
    else this.found.push(...referencesIn(value));
  }

  loop(value: Value | undefined, span: Span): void {
    if (value !== undefined) this.#value(value, span);
  }
}

function ofTask(uses: Uses, task: Task | Include, loaded: Loaded, cache: FileCache): void {
  for (const layer of task.attributes.vars) if (layer.templated) uses.values(layer.values);
  for (const layer of task.attributes.environment) uses.values(layer);
  for (const use of lineageOf(task.attributes.role)) for (const values of [use.params, use.role.vars, use.role.defaults]) uses.values(values);
  uses.loop(task.loop, task.span);
  if (task.kind === 'include') return;
  uses.values(task.args);
  const src = task.args['src'];
  if (task.module !== 'template' || typeof src !== 'string' || hasTemplate(src)) return;
  const file = cache.template(loaded.project.findFile('templates', src, task.attributes, task.argsSpan));
  uses.text(file.text, { file, start: 0, end: file.text.length });
}

function ofPlay(uses: Uses, play: Play, loaded: Loaded, cache: FileCache): void {
  uses.values(play.vars);
  for (const file of play.varsFiles) uses.values(readMapFile(file.path, 'strict'));
  for (const use of play.roles) for (const values of [use.params, use.role.vars, use.role.defaults]) uses.values(values);
  for (const task of [...allTasks(play.sections.flatMap((section) => section.nodes)), ...play.handlers]) ofTask(uses, task, loaded, cache);
}

/**
 * Every reference, each with its place. What is only known while the run goes on (an include or a template file with a template for its
 * name) is not among them: such a value is told to be unknown where it is used.
 */
export function vaultUses(loaded: Loaded, options: Pick<RunOptions, 'extraVars'>, hosts: readonly string[], cache: FileCache): readonly EncryptedValue[] {
  const uses = new Uses();
  uses.values(options.extraVars);
  for (const host of [...hosts, 'localhost']) uses.values(loaded.inventory.variablesOf(host));
  for (const play of loaded.playbooks.flatMap((p) => p.plays)) ofPlay(uses, play, loaded, cache);
  return uses.found;
}
