/**
 * `converge:` of the inventory: what a nightly run may do by itself, and when. A variable of the group `all`, as `notify` is, checked
 * by `validate` and before any host is touched. What follows from it is decided in `decide.ts`.
 */
import { z } from 'zod';
import { spanOf } from '../../language/positions.ts';
import { schemaErrors } from '../../language/schema-errors.ts';
import { badInput, DiagnosticList, type Diagnostic } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import type { ValueMap } from '../../support/value.ts';
import type { Loaded } from '../load.ts';
import { Variables } from '../variables.ts';

/** From Monday, as ISO 8601 counts. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

// YAML 1.1, which inventories are read by, takes 22:00 for a number of base 60: it has to be quoted.
const clock = (last: string): z.ZodString => z.string('must be text: quote it, "22:00"').regex(new RegExp(`^(([01][0-9]|2[0-3]):[0-5][0-9]${last})$`), 'must be a time of day: "22:00"');
const Days = z.union([z.enum(DAYS).transform((one) => [one]), z.array(z.enum(DAYS)).min(1)]);

const known = new Set(Intl.supportedValuesOf('timeZone'));
function isTimeZone(name: string): boolean {
  if (known.has(name)) return true;
  try {
    // Aliases such as UTC and Asia/Kolkata are not in the list, yet understood.
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Z]/.test(name);
  } catch {
    return false;
  }
}

const Window = z
  .strictObject({
    days: Days.default([...DAYS]).describe('The days on which it begins: `mon` … `sun`, one or a list; every day'),
    from: clock('').describe('Its beginning, by the clock of `time_zone`: `"22:00"`'),
    to: clock('|24:00').describe('Its end; earlier than `from`: on the next day'),
  })
  .refine((window) => window.from !== window.to, { message: 'a window that ends when it begins is none; for a whole day say from "00:00" to "24:00"', path: ['to'] });

const Freeze = z
  .strictObject({
    from: z.iso.date('must be a date: "2026-12-20"').describe('The first day, by the clock of `time_zone`'),
    to: z.iso.date('must be a date: "2027-01-04"').describe('The last day'),
    reason: z.string().min(1).max(200).describe('Why: said wherever the run says that it only reports'),
  })
  .refine((freeze) => freeze.from <= freeze.to, { message: 'ends before it begins', path: ['to'] });

const Verdict = z.enum(['mend', 'report']);
export type Verdict = z.output<typeof Verdict>;

const Unattended = z.strictObject({
  default: Verdict.default('mend').describe('What holds for roles and tags that are not named, and for tasks of no role'),
  roles: z.record(z.string(), Verdict).default({}).describe('By role; of a role within another the inner one counts'),
  tags: z.record(z.string(), Verdict).default({}).describe('By tag. Of several that hold for a task, its role included, `report` wins'),
});

const Schedule = z.strictObject({
  at: clock('').default('02:00').describe('When it begins, by the clock of `time_zone`'),
  days: Days.default([...DAYS]).describe('On which days'),
  jitter: z.int().min(0).max(21_600).default(900).describe('Seconds over which sites are spread, each always by the same part of it'),
  timeout: z.int().min(60).max(86_400).default(7200).describe('Seconds after which a run hangs, and is ended'),
});

export const PolicySchema = z.strictObject({
  mode: z.enum(['report', 'mend']).default('report').describe('`report`: say what has drifted; `mend`: put it right, too, as far as the rest of the policy lets it'),
  unattended: Unattended.prefault({}).describe('What may be mended with nobody watching, and what is only reported'),
  time_zone: z.string().refine(isTimeZone, 'must be a name of the time zone database: Asia/Kolkata, UTC').default('UTC').describe('By whose clock `schedule`, `windows` and `freeze` are meant'),
  schedule: Schedule.prefault({}).describe('When the run begins'),
  windows: z.array(Window).min(1).max(50).optional().describe('When it may mend; none: always'),
  freeze: z.array(Freeze).max(200).default([]).describe('Days on which nothing is mended'),
  max_changes: z.int().min(1).max(1_000_000).default(200).describe('More than so many changes, over all hosts, are no drift but a mistake: none is made'),
  remind_days: z.int().min(0).max(365).default(7).describe('Days after which the same drift, left as it is, is told of again; 0: every night'),
  max_fail_percentage: z.number().min(0).max(100).default(20).describe('When more of the hosts than that cannot be reached or fail, nothing more is mended'),
});

export type Policy = z.output<typeof PolicySchema>;
export type Window = z.output<typeof Window>;
export type Freeze = z.output<typeof Freeze>;

/** The variable's name. */
const NAME = 'converge';

/**
 * Reads `converge` of the inventory; its defaults when there is none.
 *
 * @throws Diagnostic or DiagnosticList (bad input) that point at what is wrong
 */
export function readPolicy(loaded: Pick<Loaded, 'inventory' | 'secrets'> & Partial<Pick<Loaded, 'project'>>, extraVars: ValueMap): Policy {
  // The implicit localhost has the variables of `all`, and the controller is what converges.
  const scope = new Variables({ inventory: loaded.inventory, extraVars, mode: 'verify', diff: false, decrypt: loaded.secrets.decrypt }).hostScope('localhost');
  if (!scope.has(NAME)) return PolicySchema.parse({});
  const value = scope.get(NAME);
  const fallback = spanOf(loaded.inventory.variablesOf('localhost'), NAME);
  const parsed = PolicySchema.safeParse(value);
  if (!parsed.success) throw schemaErrors(parsed.error, value, { what: 'the variable converge', schema: PolicySchema, fallback, code: 'bad-policy' });
  if (loaded.project !== undefined) checkRoles(parsed.data, value, loaded.project);
  return parsed.data;
}

/** A misspelt role would be mended, or left alone, against what somebody has meant. @throws Diagnostic or DiagnosticList */
function checkRoles(policy: Policy, value: unknown, project: Pick<Loaded['project'], 'findRole'>): void {
  const roles = at(at(value, 'unattended'), 'roles');
  const wrong = Object.keys(policy.unattended.roles).flatMap((name): readonly Diagnostic[] => {
    try {
      project.findRole(name, undefined);
      return [];
    } catch (error) {
      const remedy = error instanceof Error && 'remedy' in error && typeof error.remedy === 'string' ? error.remedy : suggestion(name, []);
      return [badInput('bad-policy', `the variable converge: there is no role ${name}`, { span: typeof roles === 'object' && roles !== null ? spanOf(roles, name) : undefined, remedy })];
    }
  });
  const [first, ...rest] = wrong;
  if (first !== undefined) throw rest.length === 0 ? first : new DiagnosticList([first, ...rest]);
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
