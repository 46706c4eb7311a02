/** The command's words as the history keeps them: made from what was understood, so that no secret can hide in them. */
import { MASK, maskSecrets } from '../support/secret.ts';
import type { RunMode } from '../run/events.ts';
import { splitPairs } from './extra-vars.ts';
import type { RunFlags } from './options.ts';

/** `name=********` for every variable given in so many words; a file by its name. */
export function maskedVariables(words: string): string {
  if (words.startsWith('@')) return words;
  // JSON or YAML: which of it is a name cannot be told without reading it.
  if (/^[[{]/.test(words.trim())) return MASK;
  // As they were understood: what stands before an equals sign within a quoted value is a part of the value.
  let pairs: readonly string[];
  try {
    pairs = splitPairs(words);
  } catch {
    return MASK;
  }
  const names = pairs.flatMap((pair) => /^([A-Za-z_]\w*)=/.exec(pair)?.[1] ?? []);
  return names.length === 0 ? MASK : names.map((name) => `${name}=${MASK}`).join(' ');
}

const flag = (name: string, value: boolean | undefined): readonly string[] => (value === true ? [name] : []);
const option = (name: string, value: string | number | undefined): readonly string[] => (value === undefined ? [] : [name, String(value)]);
const repeated = (name: string, values: readonly string[]): readonly string[] => values.flatMap((value) => [name, value]);
const list = (name: string, values: readonly string[]): readonly string[] => (values.length === 0 ? [] : [name, values.join(',')]);
const none = (): readonly string[] => [];

/** How each option is written; the compiler asks for every one that there is. */
const WORDS: { readonly [K in keyof Required<RunFlags>]: (flags: RunFlags) => readonly string[] } = {
  inventory: (flags) => repeated('--inventory', flags.inventory),
  playbook: (flags) => repeated('--playbook', flags.playbook),
  limit: (flags) => option('--limit', flags.limit),
  tags: (flags) => list('--tags', flags.tags),
  skipTags: (flags) => list('--skip-tags', flags.skipTags),
  forks: (flags) => (flags.forks === 30 ? [] : option('--forks', flags.forks)),
  extraVars: (flags) => repeated('--extra-vars', flags.extraVars.map(maskedVariables)),
  // The mode says so already.
  check: none,
  diff: (flags) => flag('--diff', flags.diff),
  startAtTask: (flags) => option('--start-at-task', flags.startAtTask),
  listHosts: none,
  listTasks: none,
  askBecomePass: (flags) => flag('--ask-become-pass', flags.askBecomePass),
  lockWait: (flags) => (flags.lockWait === 0 ? [] : option('--lock-wait', flags.lockWait)),
  out: (flags) => option('--out', flags.out),
  acceptUnknown: (flags) => repeated('--accept-unknown', flags.acceptUnknown ?? []),
  workers: (flags) => option('--workers', flags.workers),
  externalWorkers: (flags) => flag('--external-workers', flags.externalWorkers),
  requireHistory: (flags) => flag('--require-history', flags.requireHistory),
  // Where it was shown is nobody's concern afterwards.
  output: none,
  outputFile: none,
  report: none,
  metrics: none,
  notify: (flags) => flag('--notify', flags.notify),
  verbose: none,
};

/** `apply inventory/lab --limit db --extra-vars major=********`, as a list of words. */
export function runArguments(request: { readonly mode: RunMode; readonly inventory: string; readonly playbooks: readonly string[]; readonly flags: RunFlags }): readonly string[] {
  return [request.mode, request.inventory, ...request.playbooks, ...Object.values(WORDS).flatMap((words) => words(request.flags))].map(maskSecrets);
}
