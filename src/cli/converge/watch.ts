/** `converge watch`: finds a run that was missed, hangs or has died, and tells whom the inventory names, once of each. */
import path from 'node:path';
import { longestInterval } from '../../run/converge/calendar.ts';
import { health, type Ailment, type Health } from '../../run/converge/health.ts';
import { PolicySchema, readPolicy, type Policy } from '../../run/converge/policy.ts';
import { loadInventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import { isAlive } from '../../state/inventory-lock.ts';
import { readRecord, readWatch, writeWatch, type ConvergeRecord, type ConvergeWatch } from '../../state/converge-record.ts';
import type { Environment } from '../../state/open-store.ts';
import { Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import type { ConvergeWatchFlags } from '../commands/converge.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { readNotify, type Notify } from '../notify/config.ts';
import { sendMessages } from '../notify/reporter.ts';
import { noRecord, writeConvergeMetrics } from './metrics.ts';
import { nameOf, unitsOf } from './names.ts';
import { alarm } from './tell.ts';

/** What systemd says of the unit that has called for this one (systemd.exec(5), MONITOR_*; since version 251). */
export interface Failure {
  /** `timeout`, `signal`, `exit-code`, `core-dump`, `oom-kill` … */
  readonly result: string;
  /** A number, or the name of a signal. */
  readonly status: string;
  readonly invocation: string;
}

export function failureOf(environment: Environment): Failure | undefined {
  const result = environment['MONITOR_SERVICE_RESULT'];
  if (result === undefined || result === '' || result === 'success') return undefined;
  return { result, status: environment['MONITOR_EXIT_STATUS'] ?? '', invocation: environment['MONITOR_INVOCATION_ID'] ?? '' };
}

/**
 * What the failed unit means. Pure.
 *
 * @returns undefined when the run itself has told of its failure
 */
export function ailmentOf(failure: Failure, record: ConvergeRecord | undefined, now: number): { readonly what: Ailment; readonly at: number; readonly text: string } | undefined {
  const begun = record?.begun ?? undefined;
  const own = begun !== undefined && begun.invocation === failure.invocation;
  const at = own ? Date.parse(begun.at) : now;
  if (failure.result === 'timeout') return { what: 'hung', at, text: `systemd has ended the run, which did not come to its end in time${own ? ` (${String(begun.timeout)} s)` : ''}` };
  const ended = own && record?.ended !== null && record?.ended !== undefined && record.ended.at >= begun.at ? record.ended : undefined;
  // It has come to its end, and was heard, or had nothing to say.
  if (ended !== undefined && ended.told !== false) return undefined;
  const how = failure.result === 'exit-code' ? `ended with status ${failure.status}` : `was ended: ${failure.result}${failure.status === '' ? '' : ` ${failure.status}`}`;
  if (ended !== undefined) return { what: 'died', at, text: `the run ended with status ${String(ended.status)} (${ended.outcome}), and could tell nobody` };
  return { what: 'died', at, text: own ? `the run ${how}, without a word` : `the run ${how} before it had begun` };
}

interface Known {
  readonly policy: Policy;
  readonly notify: Notify | undefined;
}

/** The policy and whom to tell by the inventory alone, so that a broken playbook keeps nobody from hearing of it. */
function known(inventories: readonly string[], extraVars: ReturnType<typeof parseExtraVars>): Known {
  const secrets = inventorySecrets(inventories);
  const inventory = loadInventory(inventories, { decryptFile: secrets.decryptFile });
  const notify = readNotify({ inventory, secrets }, extraVars);
  try {
    return { policy: readPolicy({ inventory, secrets }, extraVars), notify };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // That the policy is wrong is said by the run; when it is due is then by the defaults.
    return { policy: PolicySchema.parse({}), notify };
  }
}

/** What is wrong and has not been told of. */
function untold(found: Health['ailments'], watch: ConvergeWatch): Health['ailments'] {
  return found.filter(({ what, at }) => {
    const told = what === 'missed' ? watch.missed : watch.broken;
    return told === null || Date.parse(told) < at;
  });
}

/**
 * @returns 0 when all is well or was told of before; 3 when something is wrong and was told now; 5 when it could not be told
 * @throws Diagnostic for an inventory that cannot be read
 */
export async function convergeWatchAction(context: CliContext, inventory: string, flags: ConvergeWatchFlags, now: () => number = Date.now): Promise<ExitStatus> {
  const { environment } = context;
  const name = nameOf(flags.name, inventory);
  const inventories = [inventory, ...flags.inventory];
  const at = now();
  const record = readRecord(name, environment);
  const watch = readWatch(name, environment) ?? { format: 1, since: new Date(at).toISOString(), missed: null, broken: null, looked: null };
  const { policy, notify } = known(inventories, parseExtraVars(flags.extraVars, context.cwd));
  const found = health({ policy, record, watch, alive: record?.begun !== null && record?.begun !== undefined && isAlive(record.begun), now: at });
  const failure = failureOf(environment);
  const pending = watch.pending === undefined ? undefined : { ...watch.pending, at: Date.parse(watch.pending.at) };
  // systemd says it once, to the call of that moment.
  const failed = (failure === undefined ? undefined : ailmentOf(failure, record, at)) ?? pending;
  // What systemd says of a run says more than that its process is gone.
  const ailments = [...found.ailments.filter((one) => failed === undefined || one.what === 'missed'), ...(failed === undefined ? [] : [failed])];
  if (flags.metrics !== undefined) writeConvergeMetrics(path.resolve(context.cwd, flags.metrics), record ?? noRecord(name), { ...found, ailments }, { interval: longestInterval(policy), since: watch.since, looked: new Date(at).toISOString() });
  const fresh = untold(ailments, watch);
  const lines = fresh.map((one) => `${one.what}: ${one.text}`);
  context.stdout.write(`${lines.length > 0 ? lines.map(maskSecrets).join('\n') : ailments.length > 0 ? `${ailments.map((one) => one.what).join(', ')}: told of already` : 'the nightly run is as it should be'}\n`);
  const undelivered = await tell(context, { name, inventories, notify, fresh, at });
  const later = (old: string | null, of: readonly Ailment[]): string | null => fresh.filter((one) => of.includes(one.what)).reduce<string | null>((latest, one) => (latest === null || Date.parse(latest) < one.at ? new Date(one.at).toISOString() : latest), old);
  // What nobody heard of is told of again.
  const told = undelivered === 0 ? { missed: later(watch.missed, ['missed']), broken: later(watch.broken, ['hung', 'died']) } : {};
  const { pending: _told, ...rest } = watch;
  const again = undelivered === 0 || failed === undefined || failed.what === 'missed' ? {} : { pending: { what: failed.what, at: new Date(failed.at).toISOString(), text: failed.text } };
  await writeWatch(name, { ...rest, ...told, ...again, looked: new Date(at).toISOString() }, environment);
  if (fresh.length === 0) return ExitStatus.ok;
  return undelivered === 0 ? ExitStatus.failed : ExitStatus.notNotified;
}

interface Telling {
  readonly name: string;
  readonly inventories: readonly string[];
  readonly notify: Notify | undefined;
  readonly fresh: Health['ailments'];
  readonly at: number;
}

/** @returns how many messages could not be sent */
async function tell(context: CliContext, { name, inventories, notify, fresh, at }: Telling): Promise<number> {
  const warn = (message: string): void => { context.stderr.write(`${context.paintError('yellow', 'warning:')} ${maskSecrets(message)}\n`); };
  if (fresh.length === 0) return 0;
  if (notify === undefined) {
    warn('the inventory does not say whom to tell (notify, docs/reports.md)');
    return 0;
  }
  let failed = 0;
  for (const one of fresh) {
    if (!notify.events.includes(one.what)) continue;
    const message = alarm(one.what, inventories.join(','), [one.text, `see: care-provision converge status ${inventories.join(' -i ')}`, `log: journalctl -u ${unitsOf(name).service}`], notify.link, at);
    failed += await sendMessages(notify, message, { warn, stop: uninterrupted() });
  }
  return failed;
}

/**
 * Begins to watch: what was due before is not missed.
 *
 * @param anew whether the timer's times are others than before: by those, too, nothing was due until now
 * @throws Diagnostic
 */
export async function beginWatch(name: string, environment: Environment, now: number, anew: boolean): Promise<void> {
  const watch = readWatch(name, environment);
  if (watch === undefined || anew) await writeWatch(name, { format: 1, missed: null, broken: null, looked: null, ...watch, since: new Date(now).toISOString() }, environment);
}

export function refuseUnlessRoot(what: string): void {
  if (process.getuid?.() !== 0) throw new Diagnostic({ kind: 'usage', code: 'not-root', summary: `${what} writes units of the system, which only root may`, remedy: 'call it as root, with --user for who is to run it' });
}
