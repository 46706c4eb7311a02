/**
 * Modules on a real host without the rest of the engine: tasks are first predicted in check mode, then
 * applied, confirmed, and planned once more. What holds for every module is checked for each list of tasks.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { FactStore } from '../../../src/host/fact-store.ts';
import { makeProbe } from '../../../src/host/observe.ts';
import type { Plan } from '../../../src/host/plan.ts';
import { PRELUDE } from '../../../src/host/prelude.ts';
import { byAnswerer, type AnyQuery } from '../../../src/host/query.ts';
import { TaskView } from '../../../src/host/task-view.ts';
import { FactsNeeded, type LocalFile } from '../../../src/host/view.ts';
import { labExec, type Lab } from '../../../src/lab/index.ts';
import type { ProgramResult } from '../../../src/lab/process.ts';
import { findModule } from '../../../src/modules/registry.ts';
import { badInput } from '../../../src/support/diagnostic.ts';
import { quote, type Script } from '../../../src/support/shell.ts';
import { fakeBase, noArtifacts } from '../../unit/modules/fake-host.ts';
import { scriptOf } from '../../unit/modules/script-of.ts';

/** A task: a module's name and its arguments. */
export type Task = readonly [module: string, args: unknown];

/** The shell that scripts run under; `dash` is Debian's sh. */
const SHELL = 'sh';

export class ModuleHost {
  readonly #lab: Lab;
  readonly #name: string;
  readonly #files: Readonly<Record<string, LocalFile>>;

  constructor(lab: Lab, name: string, files: Readonly<Record<string, LocalFile>> = {}) {
    this.#lab = lab;
    this.#name = name;
    this.#files = files;
  }

  /** Runs shell text as root. */
  async shell(text: string): Promise<ProgramResult> {
    return labExec(this.#lab, this.#name, [SHELL, '-c', `f=$(mktemp) && cat >"$f" && ${SHELL} "$f" </dev/null; s=$?; rm -f "$f"; exit $s`], { input: text, timeoutMs: 300_000 });
  }

  /** Runs a change's script as the engine does. */
  async run(script: Script): Promise<ProgramResult> {
    const files = script.attachments.map(({ id, content }) => {
      const bytes = content.kind === 'bytes' ? content.bytes : readFileSync(content.path);
      return `base64 -d >"$care_files"/${quote(id)} <<'END'\n${bytes.toString('base64')}\nEND`;
    });
    return this.shell(['care_files=$(mktemp -d)', 'trap \'rm -rf "$care_files"\' EXIT', 'chmod 0700 "$care_files"', ...files, '(', 'set -eu', PRELUDE, script.text, ')'].join('\n'));
  }

  async observe(queries: readonly AnyQuery[]): Promise<readonly unknown[]> {
    if (queries.length === 0) return [];
    const probe = makeProbe(byAnswerer(queries).shell);
    const answer = await this.shell(probe.script.text);
    const facts = probe.read(this.#name, Buffer.from(answer.stdout));
    return queries.map((query) => facts.get(query.id));
  }

  async #learn(store: FactStore, queries: readonly AnyQuery[]): Promise<void> {
    const missing = queries.filter((query) => !store.has(query));
    const values = await this.observe(missing);
    missing.forEach((query, i) => {
      store.observed(query, values[i]);
    });
  }

  /** Plans one task on what the store knows and the host tells. */
  async plan([name, args]: Task, store: FactStore, checkMode: boolean): Promise<Plan> {
    const module = findModule(name);
    if (module === undefined) throw new Error(`there is no module ${name}`);
    const prepared = module.prepare(args);
    const epoch = Number((await this.shell('date +%s')).stdout);
    const refuse = (src: string): never => {
      throw badInput('no-such-file', `there is no file ${src}`);
    };
    const files = { localFile: (src: string) => this.#files[src] ?? refuse(src), localTree: refuse, render: refuse, artifacts: () => noArtifacts };
    const view = new TaskView({ name: this.#name, user: 'root', checkMode, base: { ...fakeBase, epoch }, store, beforeJoin: () => undefined, files });
    for (let round = 0; round < 20; round += 1) {
      try {
        await this.#learn(store, prepared.queries(view));
        return prepared.plan(view);
      } catch (error) {
        if (!(error instanceof FactsNeeded)) throw error;
        await this.#learn(store, error.queries);
      }
    }
    throw new Error(`${name} asks for facts without end`);
  }

  /** Resources that check mode says would change, in order. */
  async predict(tasks: readonly Task[]): Promise<readonly string[]> {
    const store = new FactStore(true);
    const resources: string[] = [];
    for (const task of tasks) {
      const plan = await this.plan(task, store, true);
      if (plan.type !== 'ok' && plan.type !== 'changes') throw new Error(`${task[0]}: check planned ${JSON.stringify(plan)}`);
      for (const change of plan.type === 'changes' ? plan.changes : []) {
        resources.push(change.resource);
        store.apply(change.effects, change.resource);
      }
    }
    return resources;
  }

  /** Applies the tasks and confirms every claim. @returns the resources changed, in order */
  async apply(tasks: readonly Task[]): Promise<readonly string[]> {
    const store = new FactStore(false);
    const resources: string[] = [];
    for (const task of tasks) {
      const plan = await this.plan(task, store, false);
      if (plan.type !== 'ok' && plan.type !== 'changes') throw new Error(`${task[0]}: apply planned ${JSON.stringify(plan)}`);
      for (const change of plan.type === 'changes' ? plan.changes : []) {
        const ran = await this.run(scriptOf(change));
        expect(ran.status, `${change.resource}: ${change.what}\n${scriptOf(change).text}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
        store.apply(change.effects, change.resource);
        resources.push(change.resource);
      }
    }
    const claims = store.takeClaims();
    const seen = await this.observe(claims.map((claim) => claim.query));
    claims.forEach(({ query, expected, by }, i) => {
      expect(query.kind.same(expected, seen[i]), `${by} claimed ${query.id} = ${query.kind.show(expected)}, found ${query.kind.show(seen[i])}`).toBe(true);
    });
    return resources;
  }

  /**
   * The laws of every module: check predicts just what apply changes, what is claimed is there, and a second
   * run changes nothing.
   *
   * @returns the resources changed
   */
  async converge(...tasks: readonly Task[]): Promise<readonly string[]> {
    const predicted = await this.predict(tasks);
    const changed = await this.apply(tasks);
    expect(predicted, 'check mode predicts what apply does').toEqual(changed);
    expect(await this.apply(tasks), 'a second run changes nothing').toEqual([]);
    return changed;
  }
}
