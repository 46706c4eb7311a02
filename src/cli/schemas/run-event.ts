/** The lines of `--output json` as zod schemas. The compiler holds them to the types that the run emits. */
import { z } from 'zod';
import type { RunEvent } from '../../run/events.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import type { ErrorLine, JsonLine } from '../reporters/json.ts';

const count = z.int().nonnegative();
const seconds = z.number().nonnegative().describe('seconds');
const host = z.string().describe("the host's inventory name");
const role = z.string().describe('the role; empty for a task of the play itself');
const task = z.string().describe("the task's name, templated");
const time = z.iso.datetime().describe('UTC, RFC 3339');
const run = z.string().describe('identifies the run, also in `care-provision history`; empty when it ended before it began');

const Counts = z
  .strictObject({ ok: count, changed: count, failed: count, unreachable: count, skipped: count, unknown: count, rescued: count, ignored: count })
  .describe('tasks by how they ended');

const Start = z
  .strictObject({
    type: z.literal('start'),
    run,
    time,
    mode: z.enum(['apply', 'check', 'verify']),
    inventory: z.string(),
    playbook: z.string(),
    hosts: z.array(host),
    version: z.string().describe('of care-provision'),
    controller: z.string().describe('the machine that runs care-provision'),
    user: z.string().describe('who runs it there'),
    origin: z.string().exactOptional().describe('where that user came from: `ssh 192.0.2.7`, `sudo by alice`'),
    arguments: z.array(z.string()).describe("the command's words, secrets masked"),
    revisions: z
      .array(
        z.strictObject({
          of: z.enum(['inventory', 'playbook', 'roles']),
          path: z.string(),
          commit: z.string().nullable().describe('null: not under git, or git could not tell'),
          branch: z.string().nullable(),
          dirty: z.boolean().nullable().describe('whether there is something that is not in the commit'),
        }),
      )
      .describe('which state of the inputs was read'),
  })
  .describe('the run begins');

const Play = z.strictObject({ type: z.literal('play'), play: z.string(), hosts: z.array(host) }).describe('a play begins on these hosts');

const TaskStart = z.strictObject({ type: z.literal('task-start'), host, role, task, module: z.string() }).describe('a task begins on a host');

const Task = z
  .strictObject({
    type: z.literal('task'),
    host,
    play: z.string(),
    role,
    task,
    module: z.string(),
    status: z.enum(['ok', 'changed', 'failed', 'skipped', 'unreachable', 'unknown', 'ignored', 'rescued']).describe('in check mode `changed` means would change; `unknown`: check mode could not tell'),
    seconds,
    msg: z.string().exactOptional().describe('one line for people'),
    item: z.string().exactOptional().describe('the item of a loop'),
    at: z.string().describe('file:line:column of the task'),
    handler: z.boolean(),
    error: z.string().exactOptional().describe('the whole error of a failure'),
    result: z.string().exactOptional().describe('what debug and verbose output show'),
  })
  .describe('a task ended on a host');

const Retry = z.strictObject({ type: z.literal('retry'), host, task, attempt: count, of: count }).describe('a task with `until` is tried again');

const Change = z
  .strictObject({
    type: z.literal('change'),
    host,
    role,
    task,
    resource: z.string().describe('the thing changed, the same in check and in apply: `file /etc/hosts`'),
    what: z.string().describe('what is done to it: `mode 0644 → 0600`'),
    handler: z.boolean(),
    diff: z.string().exactOptional().describe('unified diff, with --diff'),
    unknown: z.boolean().exactOptional().describe('check mode: it may change, depending on what cannot be known before'),
    seen: z.strictObject({ modified: time, owner: z.string() }).exactOptional().describe('what the file showed just before it was changed: when it was last written, and whose it is'),
    delegated_to: z.string().exactOptional().describe('the host that it was made on, where the task is delegated to another one than `host`'),
  })
  .describe('one change of one resource, made (apply) or predicted (check)');

const ObservationLine = z
  .strictObject({
    type: z.literal('observation'),
    host,
    subject: z.enum(['certificate', 'backup', 'version']),
    name: z.string().describe('the path of a certificate; what was backed up, and where; a product in lower case'),
    time: z.iso.datetime().exactOptional().describe('of a certificate: when it ends; of a backup: when it was finished. UTC, RFC 3339'),
    version: z.string().exactOptional().describe('of a product'),
    state: z.string().exactOptional().describe('only what is not as it should be: `expired`, `absent`, `unreadable`'),
  })
  .describe('something with an age or an end that the run saw by the way');

const Warning = z.strictObject({ type: z.literal('warning'), host: host.exactOptional(), message: z.string() }).describe('something to look at that stops nothing');

const Summary = z
  .strictObject({
    type: z.literal('summary'),
    run,
    time,
    status: z.literal(Object.values(ExitStatus)).describe('the exit status of the run; docs/exit-statuses.md explains each. With `--notify` the command may end with 5 in place of 0'),
    seconds,
    total: Counts,
    hosts: z.record(host, Counts),
    unfinished: z.array(host).exactOptional().describe('hosts that the run left before their end, since it was interrupted or ended by failures elsewhere: nobody knows whether they are converged'),
    skipped_plays: z.array(z.string()).exactOptional().describe('plays that were left out, since an upstream file that they install is not to be had and all their hosts say `care_artifacts_missing: skip`'),
    roles: z.record(role, Counts),
    slowest: z.array(z.strictObject({ host, role, task, seconds })).describe('slowest first'),
  })
  .describe('how the run ended; always the last line');

const ErrorLineSchema = z
  .strictObject({
    type: z.literal('error'),
    kind: z.enum(['bad-input', 'usage', 'unreachable', 'failed', 'locked', 'interrupted', 'defect']),
    code: z.string().describe('stable word for the kind of error, e.g. `unknown-module`'),
    message: z.string(),
    file: z.string().exactOptional(),
    line: z.int().positive().exactOptional().describe('from 1'),
    column: z.int().positive().exactOptional().describe('from 1'),
    detail: z.string().exactOptional(),
    remedy: z.string().exactOptional().describe('what to do'),
  })
  .describe('an error that ended the run early; only before the summary');

/** An event as a run emits it. */
export const RunEventSchema = z.discriminatedUnion('type', [Start, Play, TaskStart, Task, Retry, Change, ObservationLine, Warning, Summary]);

/** One line of `--output json`. */
export const JsonLineSchema = z
  .discriminatedUnion('type', [Start, Play, TaskStart, Task, Retry, Change, ObservationLine, Warning, ErrorLineSchema, Summary])
  .describe('One line of care-provision --output json');

/** The texts of docs/json-output.md: the schema of each line by its type. */
export const LINE_SCHEMAS = { start: Start, play: Play, 'task-start': TaskStart, task: Task, retry: Retry, change: Change, observation: ObservationLine, warning: Warning, error: ErrorLineSchema, summary: Summary } as const satisfies Record<JsonLine['type'], z.ZodType>;

// Both directions: whatever a run can emit is in the schema, and whatever the schema allows is an event.
type Mutable<T> = T extends readonly (infer U)[] ? Mutable<U>[] : T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Assert<T extends true> = T;
export type EventsAgree = Assert<Same<z.output<typeof RunEventSchema>, Mutable<RunEvent>>>;
export type ErrorsAgree = Assert<Same<z.output<typeof ErrorLineSchema>, Mutable<ErrorLine>>>;
