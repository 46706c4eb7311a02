/** Check mode with everything noted that a plan needs. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ExitStatus } from '../../support/diagnostic.ts';
import { splitPattern } from '../../language/inventory/patterns.ts';
import { choosePlaybooks, loadProject } from '../load.ts';
import type { RunOptions } from '../options.ts';
import { runLoaded } from '../run.ts';
import type { PlanBody } from './format.ts';
import { InputNotes, type MovedInput } from './inputs.ts';
import { PlanRecorder } from './recorder.ts';

export interface Prediction {
  readonly status: ExitStatus;
  readonly recorder: PlanRecorder;
  readonly inputs: Readonly<Record<string, string>>;
  /** What of the inputs was changed while the run went on. */
  readonly moved: readonly MovedInput[];
}

/**
 * A run of check mode, reported as any.
 * @param moreInputs files that the options were read from (`--extra-vars @file`)
 * @throws Diagnostic as a run does
 */
export async function predict(options: RunOptions, moreInputs: readonly string[]): Promise<Prediction> {
  const recorder = new PlanRecorder();
  const notes = new InputNotes();
  for (const source of options.inventory) if (existsSync(source)) notes.inventory(source);
  moreInputs.forEach(notes.note);
  if (options.limit !== undefined) limitFiles(options.limit).forEach(notes.note);
  const [playbook] = choosePlaybooks(options);
  if (playbook !== undefined) notes.beside(path.dirname(path.resolve(playbook)));
  const loaded = loadProject({ ...options, onInput: notes.note });
  for (const play of loaded.playbooks.flatMap((p) => p.plays)) for (const file of play.varsFiles) notes.note(file.path);
  const status = await runLoaded(loaded, {
    ...options,
    onInput: notes.note,
    mode: 'check',
    gate: recorder,
    reporter: {
      event: (event) => {
        recorder.event(event);
        options.reporter.event(event);
      },
      close: () => options.reporter.close(),
    },
  });
  return { status, recorder, inputs: notes.digests(), moved: notes.moved() };
}

/** Files that `--limit` reads names from: `@FILE`. */
function limitFiles(limit: string): readonly string[] {
  return splitPattern(limit).flatMap((part) => (part.startsWith('@') ? [part.slice(1)] : []));
}

/** Whether all hosts could be told of: a plan of the others would be half a plan. */
export function isWhole({ status }: Prediction): boolean {
  return status === ExitStatus.ok || status === ExitStatus.drift;
}

export function planOf(prediction: Prediction, options: Pick<RunOptions, 'inventory' | 'playbooks' | 'limit' | 'tags' | 'skipTags' | 'startAtTask' | 'extraVars'>): PlanBody {
  const { start } = prediction.recorder;
  return {
    care_provision_plan: 1,
    run: start.run,
    made_at: start.time,
    made_by: `${start.user}@${start.controller}`,
    version: start.version,
    inventory: [...options.inventory],
    playbooks: [...options.playbooks],
    limit: options.limit ?? null,
    tags: [...options.tags],
    skip_tags: [...options.skipTags],
    start_at_task: options.startAtTask ?? null,
    extra_vars: Object.keys(options.extraVars).sort(),
    revisions: start.revisions.map((revision) => ({ ...revision })),
    inputs: prediction.inputs,
    hosts: prediction.recorder.hosts(),
  };
}
