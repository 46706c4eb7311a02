/** `check --out` and `apply plan.json`: saved plans. */
import path from 'node:path';
import type { RunOptions } from '../../run/options.ts';
import { applyPlan, optionsOf } from '../../run/saved-plan/apply.ts';
import { planText, readPlan } from '../../run/saved-plan/format.ts';
import { isWhole, planOf, predict } from '../../run/saved-plan/make.ts';
import { badInput, Diagnostic, type ExitStatus } from '../../support/diagnostic.ts';
import type { CliContext } from '../context.ts';
import type { RunFlags } from '../options.ts';
import { wholeFile } from '../terminal/whole-file.ts';
import type { RunRequest } from './run.ts';

/** Files that variables were read from. */
function variableFiles(flags: RunFlags, cwd: string): readonly string[] {
  return flags.extraVars.flatMap((words) => (words.trim().startsWith('@') ? [path.resolve(cwd, words.trim().slice(1))] : []));
}

/** A run that makes a plan or carries one out. */
export interface SavedPlanWork {
  /** As the run has them: with what the plan says in the place of what the command could say. */
  readonly options: RunOptions;
  go(): Promise<ExitStatus>;
}

/** Check mode that writes what it predicts into a file, when every host could be told of. */
function checkToPlan(context: CliContext, flags: RunFlags, options: RunOptions, out: string, say: (line: string) => void): SavedPlanWork {
  const file = path.resolve(context.cwd, out);
  const target = wholeFile(file, '--out', 0o600);
  return {
    options,
    async go() {
      const prediction = await predict(options, variableFiles(flags, context.cwd));
      if (isWhole(prediction) && prediction.moved.length > 0) {
        throw badInput('inputs-moved', 'files were changed while check was reading them: which of the two it has read is not known, so no plan was written', { detail: prediction.moved.map(({ name, how }) => `${how}: ${name}`).join('\n'), remedy: 'call check again when nobody edits them' });
      }
      if (isWhole(prediction)) {
        target.write(planText(planOf(prediction, options)));
        say(`plan: ${file}`);
      } else say(`no plan was written to ${file}: not every host could be told of`);
      return prediction.status;
    },
  };
}

function applyFromPlan(context: CliContext, request: RunRequest, options: RunOptions): SavedPlanWork {
  const { flags } = request;
  const answered = [
    ...(request.playbooks.length + flags.playbook.length > 0 ? ['playbooks'] : []),
    ...(flags.inventory.length > 0 ? ['--inventory'] : []),
    ...(flags.limit === undefined ? [] : ['--limit']),
    ...(flags.tags.length > 0 ? ['--tags'] : []),
    ...(flags.skipTags.length > 0 ? ['--skip-tags'] : []),
    ...(flags.startAtTask === undefined ? [] : ['--start-at-task']),
    ...(flags.out === undefined ? [] : ['--out']),
  ];
  if (answered.length > 0) throw new Diagnostic({ kind: 'usage', code: 'plan-options', summary: `${answered.join(', ')} cannot be given with a plan: it is applied whole or not at all`, remedy: 'make the plan with them: care-provision check … --out FILE' });
  const plan = readPlan(request.inventory);
  return {
    options: optionsOf(plan, options),
    go: () => applyPlan(options, { plan, file: request.inventory, accepted: flags.acceptUnknown ?? [], moreInputs: variableFiles(flags, context.cwd), checkOnly: request.mode === 'check' }),
  };
}

/**
 * @param fromPlan whether the request's inventory is a plan
 * @param say tells people about the file
 * @throws Diagnostic `usage` for options that the plan has answered already, and for a file that cannot be written; `bad-plan`, `edited-plan`
 */
export function savedPlanWork(context: CliContext, request: RunRequest, options: RunOptions, fromPlan: boolean, say: (line: string) => void): SavedPlanWork {
  const { out } = request.flags;
  return fromPlan || out === undefined ? applyFromPlan(context, request, options) : checkToPlan(context, request.flags, options, out, say);
}
