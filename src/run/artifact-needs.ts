/**
 * Which upstream files a run will need, told from the playbook before any host is asked: `artifact` tasks whose arguments and
 * conditions can be evaluated without facts. What cannot be told now is judged when its task is reached.
 */
import { dayOf, type Artifact, type Platform } from '../artifacts/catalogue.ts';
import { likelyPlatform, lockFor, refuseEnded } from '../artifacts/lock.ts';
import { MIRRORS_VARIABLE, parseMirrors } from '../artifacts/site.ts';
import type { Play, Task, TaskNode } from '../language/playbook/model.ts';
import type { Scope } from '../language/scope-types.ts';
import { hasTemplate, renderValue } from '../language/template/index.ts';
import { ArtifactArgs } from '../modules/artifact/schema.ts';
import { Diagnostic, DiagnosticList } from '../support/diagnostic.ts';
import type { Span } from '../support/source.ts';
import { isMap } from '../support/value.ts';
import type { KnownArtifacts } from './controller-files.ts';
import { scopesOf, told, variablesOf } from './early.ts';
import { allHold } from './evaluate.ts';
import type { Loaded } from './load.ts';
import type { RunOptions } from './options.ts';
import { selected } from './tags.ts';
import { withoutOmitted } from './task-item.ts';
import { Variables } from './variables.ts';

/** One file that some host will be given, unless it has it. */
export interface ArtifactNeed {
  /** What people call it. */
  readonly title: string;
  readonly sha256: string;
  /** Where the controller may get it; undefined: from its cache only. */
  readonly url: string | undefined;
  /** Its entry of artifacts.yml; undefined: the task itself locks it. */
  readonly artifact: Artifact | undefined;
  readonly platform: Platform | undefined;
  /** The task that wants it. */
  readonly span: Span;
  /** The playbook goes on without it: every task that wants it ignores its errors, or is rescued. */
  readonly tolerated: boolean;
  /** The plays whose tasks want it. */
  readonly plays: readonly Play[];
}

/** What is not to be had, with the plays that are for nothing without it. */
export interface Lacking {
  readonly problem: Diagnostic;
  readonly plays: readonly Play[];
}

interface ArtifactTask {
  readonly task: Task;
  readonly tolerated: boolean;
}

export interface ArtifactNeeds {
  /** Each digest once. */
  readonly needs: readonly ArtifactNeed[];
  /** What artifacts.yml does not know, has not locked, or says has ended. */
  readonly problems: readonly Diagnostic[];
  /** The same, with the plays. */
  readonly lacking: readonly Lacking[];
}

type NeedOptions = Pick<RunOptions, 'extraVars' | 'limit' | 'tags' | 'skipTags' | 'startAtTask'>;

const NOTHING_UNKNOWN: ReadonlyMap<string, string> = new Map();

/** `artifact` tasks that may run. Those of a rescue only run when something else has failed: nobody need have their files. */
function artifactTasks(nodes: readonly TaskNode[], tolerated = false): readonly ArtifactTask[] {
  return nodes.flatMap((node) => {
    const ignored = node.attributes.ignoreErrors;
    const here = tolerated || (ignored !== undefined && ignored !== false);
    if (node.kind === 'block') return [...artifactTasks(node.body, here || node.rescue.length > 0), ...artifactTasks(node.always, here)];
    if (node.kind === 'include') return hasTemplate(node.target) ? [] : artifactTasks(node.load(node.target, node.attributes).nodes, here);
    return node.module === 'artifact' ? [{ task: node, tolerated: here }] : [];
  });
}

/** Only what certainly runs counts. */
function argumentsOf(task: Task, scope: Scope): readonly ArtifactArgs[] {
  return (scopesOf(task, scope) ?? []).flatMap((each) => {
    if (told(() => allHold(task.attributes.when, each, NOTHING_UNKNOWN)) !== true) return [];
    const rendered = told(() => renderValue(task.args, each, task.argsSpan));
    const parsed = rendered !== undefined && isMap(rendered) ? ArtifactArgs.safeParse(withoutOmitted(rendered)) : undefined;
    return parsed?.success === true ? [parsed.data] : [];
  });
}

class Collector {
  readonly #loaded: Loaded;
  readonly #today: string;
  readonly #needs = new Map<string, ArtifactNeed>();
  readonly #problems = new Map<string, Lacking>();

  constructor(loaded: Loaded, today: string) {
    this.#loaded = loaded;
    this.#today = today;
  }

  add(args: ArtifactArgs, span: Span, tolerated: boolean, play: Play): void {
    if (args.sha256 !== undefined) {
      const name = args.name ?? args.url ?? args.dest.path;
      const title = args.version === undefined ? name : `${name} ${args.version}`;
      this.#keep({ title, sha256: args.sha256, url: args.url, artifact: undefined, platform: undefined, span, tolerated, plays: [play] });
      return;
    }
    const { name = '', version = '' } = args;
    try {
      const catalogue = this.#loaded.artifacts();
      const locked = lockFor(catalogue, name, version, args.platform ?? likelyPlatform(catalogue, name, version), span);
      const ended = refuseEnded(catalogue, locked.artifact, this.#today, span);
      if (ended !== undefined && !tolerated) this.#problem(ended, play);
      this.#keep({ ...locked, span, tolerated, plays: [play] });
    } catch (error) {
      if (error instanceof Diagnostic) {
        if (!tolerated) this.#problem(error, play);
      } else if (error instanceof DiagnosticList) error.list.forEach((each) => { this.#problem(each, play); });
      else throw error;
    }
  }

  /** Where a host fetches from may be wrong too. */
  mirrors(scope: Scope, span: Span, play: Play): void {
    const value = told(() => (scope.has(MIRRORS_VARIABLE) ? scope.get(MIRRORS_VARIABLE) : undefined));
    try {
      parseMirrors(value, span);
    } catch (error) {
      if (!(error instanceof Diagnostic)) throw error;
      this.#problem(error, play);
    }
  }

  #keep(need: ArtifactNeed): void {
    const known = this.#needs.get(need.sha256);
    const plays = [...new Set([...(known?.plays ?? []), ...need.plays])];
    const better = known === undefined || (known.url === undefined && need.url !== undefined) || (known.tolerated && !need.tolerated);
    this.#needs.set(need.sha256, better ? { ...need, url: need.url ?? known?.url, plays } : { ...known, plays });
  }

  #problem(problem: Diagnostic, play: Play): void {
    const text = problem.format();
    const known = this.#problems.get(text);
    this.#problems.set(text, { problem: known?.problem ?? problem, plays: [...new Set([...(known?.plays ?? []), play])] });
  }

  get found(): ArtifactNeeds {
    const lacking = [...this.#problems.values()];
    return { needs: [...this.#needs.values()], problems: lacking.map((each) => each.problem), lacking };
  }
}

/** What tasks may know of it. @param extraVars of the command line */
export function knownArtifacts(loaded: Loaded, extraVars: RunOptions['extraVars']): KnownArtifacts {
  let needs: readonly ArtifactNeed[] | undefined;
  return { catalogue: loaded.artifacts, needs: () => (needs ??= artifactNeeds(loaded, { extraVars, limit: undefined, tags: [], skipTags: [], startAtTask: undefined }).needs) };
}

/**
 * Everything that can be told. Costs nothing where no task is an `artifact`.
 *
 * @param now for ends of life
 */
export function artifactNeeds(loaded: Loaded, options: NeedOptions, now = new Date()): ArtifactNeeds {
  const collector = new Collector(loaded, dayOf(now));
  const plays = loaded.playbooks.flatMap((p) => p.plays).map((play) => ({ play, tasks: artifactTasks(play.sections.flatMap((s) => s.nodes)).filter(({ task }) => selected(task.attributes.tags, options)) }));
  if (plays.every(({ tasks }) => tasks.length === 0) || options.startAtTask !== undefined) return collector.found;
  const variables = new Variables({ inventory: loaded.inventory, extraVars: options.extraVars, mode: 'apply', diff: false, decrypt: loaded.secrets.decrypt });
  for (const { play, tasks } of plays) {
    if (tasks.length === 0) continue;
    const hosts = told(() => loaded.inventory.select(play.hosts, options.limit)) ?? [];
    const shared = variablesOf(play, hosts);
    if (shared === undefined) continue;
    for (const host of hosts) {
      for (const { task, tolerated } of tasks) {
        const scope = variables.taskScope(host, shared, task.attributes);
        collector.mirrors(scope, task.argsSpan, play);
        for (const args of argumentsOf(task, scope)) collector.add(args, task.argsSpan, tolerated, play);
      }
    }
  }
  return collector.found;
}
