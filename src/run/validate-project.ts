/** `care-provision validate`: everything checked, no host touched. */
import type { Diagnostic } from '../support/diagnostic.ts';
import { artifactNeeds, knownArtifacts } from './artifact-needs.ts';
import { mayBeSkipped, sortOut } from './artifact-skips.ts';
import { earlyRefusals } from './early-refusals.ts';
import { FileCache } from './controller-files.ts';
import { catalogue, loadProject, type Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { validateLoaded } from './validate.ts';
import { verifyPlays } from './verify-plays.ts';

export interface Validation {
  readonly loaded: Loaded;
  readonly problems: readonly Diagnostic[];
  readonly hosts: number;
  readonly plays: number;
  readonly tasks: number;
}

/** @throws Diagnostic or DiagnosticList for files that can't even be read */
export function validateProject(options: Pick<RunOptions, 'inventory' | 'playbooks' | 'limit' | 'extraVars'>): Validation {
  const loaded = loadProject({ ...options, mode: 'apply' });
  // Before anything is looked into, as verifyPlays wants it.
  const verify: Loaded = { ...loaded, ...verifyPlays(loaded.playbooks, loaded.project, catalogue) };
  const problems = [...validateLoaded(loaded, options, new FileCache(knownArtifacts(loaded, options.extraVars))).list];
  const { lacking } = artifactNeeds(loaded, { ...options, tags: [], skipTags: [], startAtTask: undefined });
  problems.push(...sortOut(lacking, loaded.playbooks.flatMap((p) => p.plays), mayBeSkipped(loaded, options)).remaining, ...earlyRefusals(loaded, { ...options, tags: [], skipTags: [], startAtTask: undefined }));
  problems.push(...validateLoaded(verify, options, new FileCache(knownArtifacts(loaded, options.extraVars))).list.filter((d) => !problems.some((p) => p.format() === d.format())));
  const plays = loaded.playbooks.flatMap((p) => p.plays);
  return { loaded, problems, hosts: loaded.inventory.hosts.length, plays: plays.length, tasks: plays.flatMap((p) => p.sections).reduce((n, s) => n + s.nodes.length, 0) };
}
