/** The file of a saved plan: what check mode predicted, for a person to read and for apply to hold on to. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { badInput } from '../../support/diagnostic.ts';
import { canonicalJson, digest } from '../gate.ts';

const Observed = z.strictObject({ id: z.string(), of: z.string(), seen: z.string(), digest: z.string().nullable(), doubt: z.string().nullable() });

const PlannedChange = z.strictObject({
  role: z.string(),
  task: z.string(),
  place: z.string(),
  handler: z.boolean(),
  resource: z.string(),
  what: z.string(),
  /** Unified and masked, as `--diff` shows it. */
  diff: z.string().exactOptional(),
  /** Whether it would be made cannot be told. */
  unknown: z.boolean(),
  result: z.string().nullable(),
  /** What the host showed of the things that the decision rests on. */
  state: z.array(Observed),
  /** The earlier change of the plan that may make another step of this one; null: only what is written here will do. */
  doubt: z.string().nullable(),
});

const UnknownTask = z.strictObject({ role: z.string(), task: z.string(), place: z.string(), because: z.string() });

const PlannedHost = z.strictObject({ changes: z.array(PlannedChange), unknown: z.array(UnknownTask) });

const Revision = z.strictObject({ of: z.enum(['inventory', 'playbook', 'roles']), path: z.string(), commit: z.string().nullable(), branch: z.string().nullable(), dirty: z.boolean().nullable() });

const Body = {
  /** Version of this format. */
  care_provision_plan: z.literal(1),
  /** The run of check that made it. */
  run: z.string(),
  made_at: z.iso.datetime(),
  made_by: z.string(),
  version: z.string(),
  /** Paths and words as the command had them. */
  inventory: z.array(z.string()),
  playbooks: z.array(z.string()),
  limit: z.string().nullable(),
  tags: z.array(z.string()),
  skip_tags: z.array(z.string()),
  start_at_task: z.string().nullable(),
  /** Names only: what they were is seen by what they make. */
  extra_vars: z.array(z.string()),
  revisions: z.array(Revision),
  /** Every file that was read, by its path from the folder that check was run in. */
  inputs: z.record(z.string(), z.string()),
  hosts: z.record(z.string(), PlannedHost),
};

const SavedPlanSchema = z.strictObject({ ...Body, digest: z.string() });

export type PlannedChange = z.output<typeof PlannedChange>;
export type PlannedHost = z.output<typeof PlannedHost>;
export type UnknownTask = z.output<typeof UnknownTask>;
export type SavedPlan = z.output<typeof SavedPlanSchema>;
export type PlanBody = Omit<SavedPlan, 'digest'>;

/** The largest file that is taken for a plan, bytes. */
const LARGEST = 256 * 1024 * 1024;

function digestOf(body: PlanBody): string {
  return digest(canonicalJson(body));
}

/** The file's text, with a final newline. */
export function planText(body: PlanBody): string {
  return `${JSON.stringify({ ...body, digest: digestOf(body) }, undefined, 1)}\n`;
}

/**
 * @param name for messages
 * @throws Diagnostic `bad-plan` when it cannot be read, `edited-plan` when it is not what check has written
 */
export function parsePlan(text: string, name: string): SavedPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badInput('bad-plan', `${name} is not a whole plan: ${error instanceof Error ? error.message : String(error)}`, { remedy: 'make it anew: care-provision check INVENTORY --out FILE' });
  }
  const parsed = SavedPlanSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw badInput('bad-plan', `${name} is no plan that this version reads: ${issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`}`, { remedy: 'make it anew: care-provision check INVENTORY --out FILE' });
  }
  const { digest: written, ...body } = parsed.data;
  if (written !== digestOf(body)) throw badInput('edited-plan', `${name} is not what check has written: somebody has edited it, or it was damaged`, { detail: 'A plan is applied whole or not at all.', remedy: 'make another one: leave things out with --limit, --tags and --skip-tags' });
  return parsed.data;
}

/** @throws Diagnostic as {@link parsePlan} */
export function readPlan(file: string): SavedPlan {
  const text = readFileSync(file, 'utf8');
  if (text.length > LARGEST) throw badInput('bad-plan', `${file} is larger than any plan`);
  return parsePlan(text, file);
}
