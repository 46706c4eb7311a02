/** `run` and `facts`: one task, or just the base facts, on hosts chosen by a pattern. */
import { parsePlaybookText } from '../language/playbook/parse-play.ts';
import { badInput, type ExitStatus } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { SourceFile } from '../support/source.ts';
import type { ValueMap } from '../support/value.ts';
import { catalogue, loadWithoutPlaybooks, type Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { runLoaded } from './run.ts';

export interface AdHocRequest {
  /** Host pattern. */
  readonly pattern: string;
  readonly module: string;
  /** Arguments as a map, or the free-form text of modules such as command. */
  readonly args: ValueMap | string;
  readonly become: boolean;
}

function loadAdHoc(options: Pick<RunOptions, 'inventory'>, pattern: string, tasks: readonly object[], become: boolean): Loaded {
  const loaded = loadWithoutPlaybooks(options);
  const { inventory } = loaded;
  if (inventory.select(pattern).length === 0) throw badInput('no-such-hosts', `no host of the inventory matches ${pattern}`, { remedy: suggestion(pattern, [...inventory.hosts, ...inventory.groups()]) });
  // JSON is YAML: the text gives errors something to point at.
  const source: SourceFile = { path: '(command line)', text: JSON.stringify([{ name: 'ad hoc', hosts: pattern, ...(become ? { become: true } : {}), tasks }], null, 2) };
  return { ...loaded, playbooks: [parsePlaybookText(source, process.cwd(), loaded.project, catalogue)] };
}

/** Runs one module on the hosts of a pattern. @throws Diagnostic for bad input */
export function runAdHoc(options: RunOptions, request: AdHocRequest): Promise<ExitStatus> {
  return runLoaded(loadAdHoc(options, request.pattern, [{ [request.module]: request.args }], request.become), options);
}

/** Shows the base facts of the hosts of a pattern, as a `debug` task each. @throws Diagnostic for bad input */
export function showFacts(options: RunOptions, pattern: string): Promise<ExitStatus> {
  return runLoaded(loadAdHoc(options, pattern, [{ name: 'facts', debug: { var: 'ansible_facts' } }], false), options);
}
