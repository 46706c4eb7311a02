/**
 * Golden cases for modules, as data. `goldenCases(module, folder)` makes one test of every case in the
 * `*.yaml` files of a folder. A file is a list of cases:
 *
 *   - name: what the case shows
 *     args: { path: /etc/x, state: directory }      # as the task gives them (parsed by the module's schema)
 *     user: root                                    # as whom scripts run; default root
 *     check: false                                  # check mode
 *     facts:                                        # query kind → query id without the kind → the fact
 *       stat:
 *         /etc/x: { exists: false }
 *     uncertain: { 'stat:/etc/x': 'package x' }     # facts that cannot be relied on, and why
 *     base: { os_family: Debian }                   # base facts that differ from the Debian 13 of `fakeBase`
 *     local: { motd: { content: "hi\n", mode: "0644" } }     # controller files that host.localFile finds
 *     trees: { site: [{ path: a, type: directory }] }         # what host.localTree finds
 *     templates: { x.conf.hbs: "text" }             # what host.render gives
 *     expect:
 *       plan: changes                               # ok | changes | action | unknown | failed | skipped | refused (schema)
 *       changes:                                    # exactly these, in order; each field given is compared
 *         - resource: directory /etc/x
 *           what: create, mode 0755
 *           script: mkdir /etc/x                    # the whole text (surrounding blanks trimmed)
 *           has: [mkdir, chmod]                     # texts that the script holds
 *           lacks: [hunter2]                        # texts that it does not hold
 *           diff: { before: "", after: "x\n" }
 *           effects:                                # exactly these, in order; `value` may be left out
 *             - { set: 'stat:/etc/x', value: { exists: true, type: directory } }
 *             - { forget: 'fullStat:/etc/x' }
 *             - { forget-kinds: [tree] }            # or: all. `[tree]` also stands for what `forgetAbove(path, true)`
 *                                                   # forgets; what `forgetAbove(path, false)` does is left out
 *             - { removed-tree: /etc/x }
 *             - { forget-tree: /etc/x }
 *       action: { resource: command, mutates: true, has: [...] }   # as for a change, when plan is action
 *       msg: no such parent                         # a part of the plan's message (failed, unknown, skipped, refused)
 *       values: { stat: { exists: false } }         # a part of what register gets
 *
 * A fact that is not given is what the path's absence means where its kind is about a path (`absent`);
 * any other fact that is not given fails the case. `<<: *others` merges maps. YAML tags: `!bytes text` is a Buffer, `!secret text` a
 * Secret, `!sha256 text` the hex digest of a text.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, type ScalarTag } from 'yaml';
import { z } from 'zod';
import type { Action, Change, Diff, Plan } from '../../../src/host/plan.ts';
import { forgetKinds, type Effect } from '../../../src/host/query.ts';
import type { Module } from '../../../src/modules/define.ts';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { revealed, Secret } from '../../../src/support/secret.ts';
import { rawScript, type Script } from '../../../src/support/shell.ts';
import { fakeHost } from './fake-host.ts';

const EffectCase = z.union([
  z.strictObject({ set: z.string(), value: z.unknown().optional() }),
  z.strictObject({ forget: z.string() }),
  z.strictObject({ 'forget-kinds': z.union([z.literal('all'), z.array(z.string())]) }),
  z.strictObject({ 'removed-tree': z.string() }),
  z.strictObject({ 'forget-tree': z.string() }),
]);
const ChangeCase = z.strictObject({
  resource: z.string().optional(),
  what: z.string().optional(),
  script: z.string().optional(),
  has: z.array(z.string()).optional(),
  lacks: z.array(z.string()).optional(),
  diff: z.strictObject({ before: z.unknown(), after: z.unknown() }).optional(),
  effects: z.array(EffectCase).optional(),
  mutates: z.boolean().optional(),
});
export type ChangeCase = z.output<typeof ChangeCase>;

const Case = z.strictObject({
  name: z.string(),
  args: z.unknown(),
  user: z.string().optional(),
  check: z.boolean().optional(),
  facts: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  uncertain: z.record(z.string(), z.string()).optional(),
  base: z.record(z.string(), z.unknown()).optional(),
  local: z.record(z.string(), z.strictObject({ content: z.union([z.string(), z.instanceof(Buffer)]), mode: z.string().optional() })).optional(),
  trees: z.record(z.string(), z.array(z.strictObject({ path: z.string(), type: z.enum(['file', 'directory', 'link']), target: z.string().optional() }))).optional(),
  templates: z.record(z.string(), z.union([z.string(), z.instanceof(Secret)])).optional(),
  expect: z.strictObject({
    plan: z.enum(['ok', 'changes', 'action', 'unknown', 'failed', 'skipped', 'refused']),
    changes: z.array(ChangeCase).optional(),
    action: ChangeCase.optional(),
    msg: z.string().optional(),
    values: z.record(z.string(), z.unknown()).optional(),
  }),
});
export type GoldenCase = z.output<typeof Case>;

const tags: ScalarTag[] = [
  { tag: '!bytes', resolve: (text) => Buffer.from(text, 'utf8') },
  { tag: '!secret', resolve: (text) => new Secret(text) },
  { tag: '!sha256', resolve: (text) => createHash('sha256').update(text).digest('hex') },
];

/** The cases of one YAML text, checked. */
export function readCases(text: string): readonly GoldenCase[] {
  return z.array(Case).parse(parse(text, { customTags: tags, merge: true }));
}

/** Effects as the cases write them. */
export function effectData(effect: Effect): unknown {
  switch (effect.type) {
    case 'set':
      return { set: effect.query.id, value: effect.value };
    case 'forget':
      return { forget: effect.query.id };
    case 'forget-kinds':
      return { 'forget-kinds': effect.kinds };
    case 'removed-tree':
      return { 'removed-tree': effect.path };
    case 'forget-tree':
      return { 'forget-tree': effect.path };
  }
}

function checkScript(wanted: ChangeCase, script: Script): void {
  if (wanted.script !== undefined) expect(script.text.trim()).toBe(wanted.script.trim());
  for (const text of wanted.has ?? []) expect(script.text).toContain(text);
  for (const text of wanted.lacks ?? []) expect(script.text).not.toContain(text);
}

function checkDiff(wanted: ChangeCase, diff: Diff | undefined): void {
  if (wanted.diff === undefined) return;
  expect(diff).toBeDefined();
  for (const side of ['before', 'after'] as const) {
    const want = wanted.diff[side];
    const got = diff?.[side];
    if (want instanceof Secret) {
      expect(got, `${side} must be a Secret`).toBeInstanceOf(Secret);
      expect(got === undefined ? undefined : revealed(got)).toBe(want.reveal());
    } else {
      expect(got).toBe(want);
    }
  }
}

/** Forgetting the directories above a path takes many effects, of which a case shows one; see the top of this file. */
function shortened(effects: readonly Effect[]): readonly Effect[] {
  const isTree = (effect: Effect | undefined): boolean => effect?.type === 'forget' && effect.query.kind.name === 'tree';
  return effects.flatMap((effect, i) => {
    if (effect.type !== 'forget' || !isTree(effect)) return [effect];
    return effect.query.id.startsWith('tree:attributes ') && !isTree(effects[i - 1]) ? [forgetKinds('tree')] : [];
  });
}

function checkEffects(wanted: ChangeCase, effects: readonly Effect[]): void {
  if (wanted.effects === undefined) return;
  const got = shortened(effects).map((effect, i) => {
    const want = wanted.effects?.[i];
    return effect.type === 'set' && want !== undefined && 'set' in want && !('value' in want) ? { set: effect.query.id } : effectData(effect);
  });
  expect(got).toEqual(wanted.effects);
}

function checkChange(wanted: ChangeCase, change: Change): void {
  if (wanted.resource !== undefined) expect(change.resource).toBe(wanted.resource);
  if (wanted.what !== undefined) expect(change.what).toBe(wanted.what);
  // What a service is told is what the diff shows.
  checkScript(wanted, change.script ?? rawScript(String(change.diff?.after)));
  checkDiff(wanted, change.diff);
  checkEffects(wanted, change.effects);
}

function checkAction(wanted: ChangeCase, action: Action): void {
  if (wanted.resource !== undefined) expect(action.resource).toBe(wanted.resource);
  if (wanted.what !== undefined) expect(action.what).toBe(wanted.what);
  if (wanted.mutates !== undefined) expect(action.mutates).toBe(wanted.mutates);
  if (action.perform.type === 'script') checkScript(wanted, action.perform.script);
  checkEffects(wanted, action.effects ?? []);
}

type Planned = Plan | { readonly type: 'refused'; readonly msg: string };

/** The plan of a case; a schema that refuses the arguments is `refused`, a Diagnostic while planning `failed`. */
export function planCase(module: Module, golden: GoldenCase): Planned {
  let prepared;
  try {
    prepared = module.prepare(golden.args);
  } catch (error) {
    if (error instanceof z.ZodError) return { type: 'refused', msg: z.prettifyError(error) };
    throw error;
  }
  const host = fakeHost(golden);
  try {
    prepared.queries(host);
    return prepared.plan(host);
  } catch (error) {
    if (error instanceof Diagnostic) return { type: 'failed', msg: error.format() };
    throw error;
  }
}

function messageOf(plan: Planned): string {
  if (plan.type === 'unknown' || plan.type === 'skipped') return plan.because;
  return 'msg' in plan ? (plan.msg ?? '') : '';
}

/** Compares one case with what the module plans. */
export function checkCase(module: Module, golden: GoldenCase): void {
  const plan = planCase(module, golden);
  const wanted = golden.expect;
  expect(plan.type, messageOf(plan)).toBe(wanted.plan);
  if (wanted.changes !== undefined) {
    const changes = plan.type === 'changes' ? plan.changes : [];
    if (changes.length !== wanted.changes.length) expect(changes.map((c) => `${c.resource}: ${c.what}`)).toEqual(wanted.changes.map((c) => `${String(c.resource)}: ${String(c.what)}`));
    changes.forEach((change, i) => {
      checkChange(wanted.changes?.[i] ?? {}, change);
    });
  }
  if (wanted.action !== undefined && plan.type === 'action') checkAction(wanted.action, plan.action);
  if (wanted.msg !== undefined) expect(messageOf(plan)).toContain(wanted.msg);
  if (wanted.values !== undefined) expect('values' in plan ? plan.values : undefined).toMatchObject(wanted.values);
}

/**
 * Registers one vitest test per case found in the `*.yaml` files of `folder`.
 *
 * @param module the module under test
 * @param folder `import.meta.url` of the test file, or a folder's path
 */
export function goldenCases(module: Module, folder: string): void {
  const directory = folder.startsWith('file:') ? fileURLToPath(new URL('.', folder)) : folder;
  const files = readdirSync(directory).filter((name) => name.endsWith('.yaml')).sort();
  if (files.length === 0) throw new Error(`no golden cases in ${directory}`);
  for (const file of files) {
    describe(`${module.name}: ${file}`, () => {
      for (const golden of readCases(readFileSync(join(directory, file), 'utf8'))) {
        test(golden.name, () => {
          checkCase(module, golden);
        });
      }
    });
  }
}
