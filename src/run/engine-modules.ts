/** The modules that are about the run itself, not about a host: they see variables and steer the play. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Plan } from '../host/plan.ts';
import { compileExpression } from '../language/expression/index.ts';
import type { Task } from '../language/playbook/model.ts';
import { readMapFile } from '../language/playbook/role.ts';
import { spanOf } from '../language/positions.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderValue } from '../language/template/index.ts';
import { assertPlan, debugPlan } from '../modules/control.ts';
import { badInput } from '../support/diagnostic.ts';
import { isList, isMap, plainText, type Value, type ValueMap } from '../support/value.ts';
import type { RunContext } from './context.ts';
import { knowing } from './evaluate.ts';

/** The plan of a module that the engine itself understands, or undefined for all others. */
export function engineModulePlan(ctx: RunContext, host: string, task: Task, scope: Scope, verbosity: number): Plan | undefined {
  const unknown = ctx.variables.unknownNames(host);
  switch (task.module) {
    case 'assert': {
      const that = task.args['that'];
      const conditions = isList(that) ? that : [that ?? true];
      const results = conditions.map((condition, i) => {
        const text = typeof condition === 'string' ? condition : JSON.stringify(condition);
        const span = (isList(that) ? spanOf(that, i) : spanOf(task.args, 'that')) ?? task.argsSpan;
        return { expression: text, value: knowing(unknown, () => compileExpression(text, span).test(scope)) };
      });
      const text = (key: string): string | undefined => (task.args[key] === undefined ? undefined : plainText(renderValue(task.args[key], scope, task.argsSpan)));
      return assertPlan(results, { fail_msg: text('fail_msg') ?? text('msg'), success_msg: text('success_msg'), quiet: task.args['quiet'] === true });
    }
    case 'debug': {
      const name = task.args['var'];
      const level = typeof task.args['verbosity'] === 'number' ? task.args['verbosity'] : 0;
      if (typeof name !== 'string') return debugPlan({ msg: knowing(unknown, () => renderValue(task.args['msg'] ?? 'Hello world!', scope, task.argsSpan)), verbosity: level }, null, verbosity);
      const value = knowing(unknown, () => compileExpression(name, spanOf(task.args, 'var') ?? task.argsSpan).evaluate(scope));
      return debugPlan({ var: name, verbosity: level }, value, verbosity);
    }
    case 'include_vars': {
      const rendered = renderValue(task.args, scope, task.argsSpan);
      const { file, dir } = isMap(rendered) ? rendered : {};
      const source = typeof file === 'string' ? file : dir;
      if (typeof source !== 'string') throw badInput('bad-argument', 'include_vars needs file or dir', { span: task.argsSpan });
      const found = findVars(ctx, task, source);
      const files = typeof file === 'string' ? [found] : variableFiles(found, task);
      ctx.variables.include(host, named(rendered, Object.assign({}, ...files.map((f) => readMapFile(f, 'strict'))) as ValueMap));
      return { type: 'ok' };
    }
    default:
      return undefined;
  }
}

function named(args: Value, values: ValueMap): ValueMap {
  const name = isMap(args) ? args['name'] : undefined;
  return typeof name === 'string' ? { [name]: values } : values;
}

/** The YAML files of a directory, in the order of their names. */
function variableFiles(directory: string, task: Task): readonly string[] {
  if (!statSync(directory).isDirectory()) throw badInput('bad-argument', `${directory} is not a directory`, { span: task.argsSpan, remedy: 'give it as `file`' });
  return readdirSync(directory).filter((name) => /\.ya?ml$/.test(name)).sort().map((name) => path.join(directory, name));
}

function findVars(ctx: RunContext, task: Task, file: string): string {
  const role = task.attributes.role?.role.directory;
  if (role !== undefined && !path.isAbsolute(file)) {
    try {
      return ctx.project.findFile('files', path.join(role, 'vars', file), task.attributes, task.argsSpan);
    } catch {
      // Not in the role's vars/: looked for beside the tasks next, whose error names all places.
    }
  }
  return ctx.project.findFile('files', file, task.attributes, task.argsSpan);
}

/** What a meta task asks for. @throws Diagnostic for an unknown word */
export function metaAction(task: Task): string {
  const value = task.args['action'] ?? Object.values(task.args)[0];
  if (typeof value !== 'string') throw badInput('bad-argument', 'meta needs a word such as flush_handlers', { span: task.argsSpan });
  return value;
}
