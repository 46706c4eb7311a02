/**
 * Plans, runs and observes for real, on this machine, in a temporary directory: what the engine does with a
 * host, in small. `converge` holds a module to its laws: the changes' scripts work under every shell, the host
 * then shows exactly what their effects claim, and planning again changes nothing.
 */
import type { SiteArtifacts } from '../../../src/artifacts/site.ts';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FactStore } from '../../../src/host/fact-store.ts';
import { makeProbe } from '../../../src/host/observe.ts';
import type { Action, ActionPort, ActionResult, Change, Plan } from '../../../src/host/plan.ts';
import { PRELUDE } from '../../../src/host/prelude.ts';
import { byAnswerer, type AnyQuery, type Effect, type Query } from '../../../src/host/query.ts';
import { FactsNeeded, type HostView, type LocalFile, type LocalTree } from '../../../src/host/view.ts';
import type { Module } from '../../../src/modules/define.ts';
import { badInput } from '../../../src/support/diagnostic.ts';
import type { Secret } from '../../../src/support/secret.ts';
import type { Script } from '../../../src/support/shell.ts';
import type { Outcome } from '../../../src/transport/types.ts';
import { fakeBase, fakeFile, noArtifacts } from './fake-host.ts';
import { scriptOf } from './script-of.ts';
import { noService } from './no-service.ts';

/** The shells that hosts have. With busybox its own tools come first on PATH. */
export const shells = ['dash', 'busybox', 'bash'] as const;
export type Shell = (typeof shells)[number];

const ARGV: Readonly<Record<Shell, readonly [string, ...string[]]>> = { dash: ['dash'], busybox: ['busybox', 'sh'], bash: ['bash', '--posix'] };
const TIMEOUT_MS = 20_000;

const temporary: string[] = [];

// In memory where there is such a place: the scripts sync every file, and disks take their time over that.
const root = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A new empty directory, canonical; {@link sweep} removes it. */
export function scratch(): string {
  const path = realpathSync(mkdtempSync(join(root, 'care-exec-')));
  temporary.push(path);
  return path;
}

/** Removes what this helper made; call it in `afterEach` or `afterAll`. */
export function sweep(): void {
  for (const path of temporary.splice(0)) rmSync(path, { recursive: true, force: true });
}

// A host with busybox has busybox's tools: links to it, made once a machine and kept for the next run.
const busyboxTools = join(tmpdir(), `care-test-busybox-${String(userInfo().uid)}`);
function installBusybox(): void {
  if (existsSync(busyboxTools)) return;
  const fresh = mkdtempSync(join(tmpdir(), 'care-test-busybox-new-'));
  const installed = spawnSync('busybox', ['--install', '-s', fresh], { timeout: TIMEOUT_MS });
  if (installed.status !== 0) throw new Error(`busybox --install: ${installed.stderr.toString()}`);
  try {
    renameSync(fresh, busyboxTools);
  } catch (error) {
    // Another test process was first.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(busyboxTools)) throw error;
  }
}

function pathFor(shell: Shell): string {
  const path = process.env['PATH'] ?? '/usr/bin:/bin';
  if (shell !== 'busybox') return path;
  installBusybox();
  return `${busyboxTools}:${path}`;
}

export interface Ran {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs shell text. */
export function runText(shell: Shell, text: string, environment: Readonly<Record<string, string>> = {}): Ran {
  const [command, ...rest] = ARGV[shell];
  const ran = spawnSync(command, [...rest, '-c', text], { timeout: TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024, env: { PATH: pathFor(shell), HOME: '/', ...environment } });
  if (ran.error !== undefined) throw ran.error;
  return { status: ran.status ?? 255, stdout: ran.stdout, stderr: ran.stderr.toString() };
}

/** Starts shell text in a process group of its own; `kill` signals the whole group, as the runner's watchdog does. */
export function startText(shell: Shell, text: string): { kill(signal: NodeJS.Signals): void } {
  const [command, ...rest] = ARGV[shell];
  const child = spawn(command, [...rest, '-c', text], { detached: true, stdio: 'ignore', timeout: TIMEOUT_MS, env: { PATH: pathFor(shell), HOME: '/' } });
  return {
    kill(signal) {
      if (child.pid === undefined) throw new Error(`${command} did not start`);
      process.kill(-child.pid, signal);
    },
  };
}

/** Runs a change's script as the engine does: `set -eu`, the prelude, attachments in `$care_files`. */
export function runScript(shell: Shell, script: Script): Ran {
  return runPlain(shell, script, `set -eu\n${PRELUDE}\n`);
}

/** Runs a script as it is, as the engine does with an action's. */
function runPlain(shell: Shell, script: Script, before = ''): Ran {
  const files = mkdtempSync(join(tmpdir(), "care files '"));
  try {
    for (const { id, content } of script.attachments) {
      if (content.kind === 'bytes') writeFileSync(join(files, id), content.bytes);
      else cpSync(content.path, join(files, id));
    }
    return runText(shell, `${before}${script.text}`, { care_files: files });
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

/** The facts that this machine shows, in the order of the queries. */
export function observe(queries: readonly AnyQuery[], shell: Shell = 'dash'): readonly unknown[] {
  const probe = makeProbe(byAnswerer(queries).shell);
  const ran = runText(shell, probe.script.text);
  const facts = probe.read('here', ran.stdout);
  return queries.map((query) => facts.get(query.id));
}

/** One fact, typed by its query. */
export function observeOne<F>(query: Query<F>, shell: Shell = 'dash'): F {
  // Sound: the kind's own parser made it.
  return observe([query], shell)[0] as F;
}

export interface ExecOptions {
  readonly shell?: Shell;
  readonly check?: boolean;
  /** Controller files, as `fakeHost`'s; real files on disk so that they can be attached. */
  readonly local?: Readonly<Record<string, { readonly content: string | Buffer; readonly mode?: string }>>;
  readonly trees?: Readonly<Record<string, LocalTree['entries']>>;
  readonly artifacts?: SiteArtifacts | undefined;
  readonly templates?: Readonly<Record<string, string | Secret>>;
  /** Facts so far; given to see several tasks after one another. */
  readonly store?: FactStore;
}

function diskFile(directory: string, name: string, content: string | Buffer, mode: string): LocalFile {
  const path = join(directory, createHash('sha256').update(name).digest('hex').slice(0, 12));
  mkdirSync(directory, { recursive: true });
  writeFileSync(path, content);
  return { ...fakeFile(path, content, mode), bytes: () => readFileSync(path), size: statSync(path).size };
}

/** Plans on this machine's facts, observing what the plan asks for. */
export function planHere(module: Module, args: unknown, options: ExecOptions = {}): { readonly plan: Plan; readonly store: FactStore; readonly host: HostView } {
  const store = options.store ?? new FactStore(options.check ?? false);
  const controller = scratch();
  const host: HostView = {
    name: 'here',
    checkMode: options.check ?? false,
    user: userInfo().username,
    base: fakeBase,
    fact: <F>(query: Query<F>): F => {
      if (!store.has(query)) throw new FactsNeeded([query]);
      // Sound: only the query's own kind puts facts under its id.
      return store.value(query) as F;
    },
    uncertain: (query) => {
      if (!store.has(query)) throw new FactsNeeded([query]);
      return store.uncertain(query);
    },
    beforeJoin: () => undefined,
    touched: (query) => {
      if (!store.has(query)) throw new FactsNeeded([query]);
      return store.touched(query);
    },
    localFile(src) {
      if (options.trees?.[src] !== undefined) throw badInput('is-a-directory', `${src} is a directory`);
      const file = options.local?.[src];
      if (file === undefined) throw badInput('no-such-file', `there is no file ${src}`);
      return diskFile(controller, src, file.content, file.mode ?? '0644');
    },
    localTree(src) {
      const entries = options.trees?.[src];
      if (entries === undefined) throw badInput('no-such-folder', `there is no folder ${src}`);
      return { root: src, entries };
    },
    artifacts: () => options.artifacts ?? noArtifacts,
    render(src) {
      const text = options.templates?.[src];
      if (text === undefined) throw badInput('no-such-template', `there is no template ${src}`);
      return text;
    },
  };
  const prepared = module.prepare(args);
  for (let round = 0; round < 50; round += 1) {
    try {
      learn(store, prepared.queries(host).filter((q) => !store.has(q)), options.shell);
      return { plan: prepared.plan(host), store, host };
    } catch (error) {
      if (!(error instanceof FactsNeeded)) throw error;
      learn(store, error.queries, options.shell);
    }
  }
  throw new Error(`${module.name} asks for facts without end`);
}

function learn(store: FactStore, queries: readonly AnyQuery[], shell: Shell | undefined): void {
  const values = queries.length === 0 ? [] : observe(queries, shell);
  queries.forEach((query, i) => {
    store.observed(query, values[i]);
  });
}

/** Runs changes in order, and compares every fact that they claim with what is there now. */
export function applyChanges(changes: readonly Change[], shell: Shell): void {
  for (const change of changes) {
    const ran = runScript(shell, scriptOf(change));
    expect(ran.status, `${change.resource}: ${change.what}\n${scriptOf(change).text}\n${ran.stderr}`).toBe(0);
  }
  confirmEffects(changes.flatMap((c) => c.effects), shell);
}

/** Compares what effects say with what this machine shows. */
export function confirmEffects(effects: readonly Effect[], shell: Shell): void {
  const store = new FactStore(false);
  store.apply(effects, 'a change');
  const claims = store.takeClaims();
  const seen = observe(claims.map((c) => c.query), shell);
  claims.forEach((claim, i) => {
    const { kind } = claim.query;
    expect(kind.same(claim.expected, seen[i]), `${claim.query.id}: claimed ${kind.show(claim.expected)}, found ${kind.show(seen[i])}`).toBe(true);
  });
}

function outcomeOf(ran: Ran): Outcome {
  return { state: 'done', status: ran.status, stdout: ran.stdout, stderr: Buffer.from(ran.stderr), truncated: false, seconds: 0 };
}

/** What a conversation may use, on this machine. */
export function localPort(shell: Shell): ActionPort {
  return {
    run: (script) => Promise.resolve(outcomeOf(runPlain(shell, script))),
    forward: () => Promise.reject(new Error('no forwarding here')),
    service: noService(),
    download: (path) => Promise.resolve(createReadStream(path)),
    reconnect: () => Promise.reject(new Error('no connection here')),
    prompt: () => Promise.resolve(undefined),
    sleep: () => Promise.resolve(),
    signal: new AbortController().signal,
  };
}

/** Performs an action, and when it changed something compares its effects with what is there. */
export async function act(action: Action, shell: Shell = 'dash'): Promise<ActionResult> {
  const { perform } = action;
  const result = perform.type === 'script' ? perform.result(outcomeOf(runPlain(shell, perform.script))) : await perform.converse(localPort(shell));
  if (result.changed && result.failed !== true) confirmEffects(action.effects ?? [], shell);
  return result;
}

/**
 * Plans, applies, confirms, and plans again on fresh facts: the second plan must be `ok`.
 *
 * @returns the changes made; none when the first plan was `ok` already
 */
export function converge(module: Module, args: unknown, options: ExecOptions = {}): readonly Change[] {
  const { plan } = planHere(module, args, options);
  if (plan.type === 'ok') return [];
  if (plan.type !== 'changes') throw new Error(`${module.name} planned ${JSON.stringify(plan)}`);
  applyChanges(plan.changes, options.shell ?? 'dash');
  const again = planHere(module, args, { ...options, store: new FactStore(false) }).plan;
  expect(again.type === 'changes' ? again.changes.map((c) => `${c.resource}: ${c.what}`) : again.type, 'a second run must change nothing').toBe('ok');
  return plan.changes;
}
