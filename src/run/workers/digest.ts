/** What is run, as one text: workers that would run something else are refused. Values of variables are not in it, since they may be secret. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { packageVersion } from '../../support/package-root.ts';
import { choosePlaybooks, loadProject, type Loaded } from '../load.ts';
import type { RunOptions } from '../options.ts';
import { InputNotes } from '../saved-plan/inputs.ts';

export interface Digested {
  readonly loaded: Loaded;
  /** Hex SHA-256. */
  readonly digest: string;
}

/** Loads a project and notes all that it reads, by names that are the same in every checkout. @throws Diagnostic or DiagnosticList as loading does */
export function loadAndDigest(options: RunOptions): Digested {
  const notes = new InputNotes();
  for (const source of options.inventory) if (existsSync(source)) notes.inventory(source);
  const [playbook] = choosePlaybooks(options);
  if (playbook !== undefined) notes.beside(path.dirname(path.resolve(playbook)));
  const loaded = loadProject({ ...options, onInput: notes.note });
  const base = path.dirname(path.resolve(options.inventory[0] ?? '.'));
  const { mode, limit, tags, skipTags, startAtTask, extraVars } = options;
  const said = { version: packageVersion(), mode, limit: limit ?? null, tags, skipTags, startAtTask: startAtTask ?? null, variables: Object.keys(extraVars).sort(), inputs: notes.digests(base) };
  return { loaded, digest: createHash('sha256').update(JSON.stringify(said)).digest('hex') };
}
