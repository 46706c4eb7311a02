/** `converge status`: how the nightly run of an inventory is, in one look. */
import { decideByTime } from '../../run/converge/decide.ts';
import { health } from '../../run/converge/health.ts';
import { freezeAt, localMoment, nextScheduled, openWindow } from '../../run/converge/calendar.ts';
import { readPolicy } from '../../run/converge/policy.ts';
import { loadInventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import { isAlive } from '../../state/inventory-lock.ts';
import { readRecord, readWatch } from '../../state/converge-record.ts';
import { ExitStatus } from '../../support/diagnostic.ts';
import type { ConvergeStatusFlags } from '../commands/converge.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { installedPurpose } from './install.ts';
import { nameOf, unitsOf } from './names.ts';
import { statusLines, type Look, type TimerLook } from './status-text.ts';
import { booted, properties } from './systemctl.ts';
import { calendarOf, type Purpose } from './units.ts';

/** `@1732586400` as milliseconds since 1970; undefined for none. */
function moment(text: string | undefined): number | undefined {
  const seconds = Number(/^@(\d+)/.exec(text ?? '')?.[1] ?? NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

async function timerOf(name: string): Promise<TimerLook | undefined> {
  if (!booted()) return undefined;
  const units = unitsOf(name);
  const [timer, watch, service] = await Promise.all([
    properties(units.timer, ['LoadState', 'ActiveState', 'UnitFileState', 'NextElapseUSecRealtime']),
    properties(units.watchTimer, ['LoadState', 'ActiveState']),
    properties(units.service, ['ActiveState', 'Result', 'ExecMainStatus']),
  ]);
  if (timer['LoadState'] !== 'loaded') return undefined;
  return {
    active: timer['ActiveState'] === 'active', enabled: timer['UnitFileState'] === 'enabled', watched: watch['ActiveState'] === 'active', next: moment(timer['NextElapseUSecRealtime']),
    service: `${service['ActiveState'] ?? ''}${service['Result'] === 'success' || service['Result'] === undefined ? '' : `, ${service['Result']} ${service['ExecMainStatus'] ?? ''}`}`,
  };
}

/** @throws Diagnostic for an inventory that cannot be read, or whose policy is wrong */
export async function convergeStatusAction(context: CliContext, inventory: string, flags: ConvergeStatusFlags, now: () => number = Date.now): Promise<ExitStatus> {
  const name = nameOf(flags.name, inventory);
  const inventories = [inventory, ...flags.inventory];
  const at = now();
  const purpose: Purpose | undefined = booted() ? installedPurpose(name) : undefined;
  // The unit's state is not that of who looks.
  const environment = purpose === undefined ? context.environment : { ...context.environment, CARE_STATE: purpose.state };
  const secrets = inventorySecrets(inventories);
  const policy = readPolicy({ inventory: loadInventory(inventories, { decryptFile: secrets.decryptFile }), secrets }, parseExtraVars(flags.extraVars, context.cwd));
  const record = readRecord(name, environment);
  const watch = readWatch(name, environment);
  const found = health({ policy, record, watch, alive: record?.begun !== null && record?.begun !== undefined && isAlive(record.begun), now: at });
  const timer = await timerOf(name);
  const decision = decideByTime(policy, at);
  const stale = purpose !== undefined && (purpose.calendar !== calendarOf(policy.schedule, policy.time_zone) || purpose.jitter !== policy.schedule.jitter || purpose.timeout !== policy.schedule.timeout);
  const open = openWindow(policy, at);
  const look: Look = {
    name, inventory: inventories.join(','), now: at, record, watch, health: found, timer, purpose, stale,
    due: timer?.next ?? nextScheduled(policy, at), policy, decision,
    freeze: freezeAt(policy, at), window: open === undefined ? 'closed' : open === 'always' ? 'always' : `open, ${open.from} to ${open.to}`,
    local: (time) => localMoment(time, policy.time_zone),
  };
  const bad = found.ailments.length > 0 || (timer !== undefined && (!timer.active || !timer.enabled || !timer.watched)) || (record?.ended !== null && record?.ended !== undefined && ![ExitStatus.ok, ExitStatus.drift].some((one) => one === record.ended?.status));
  if (flags.output === 'json') {
    context.stdout.write(`${JSON.stringify({ name, inventory: look.inventory, time: new Date(at).toISOString(), installed: purpose !== undefined, outdated: stale, timer: timer ?? null, running: found.running === undefined ? null : new Date(found.running).toISOString(), ailments: found.ailments.map((one) => ({ ...one, at: new Date(one.at).toISOString() })), next: look.due === undefined ? null : new Date(look.due).toISOString(), last: record?.ended ?? null, begun: record?.begun?.at ?? null, last_success: record?.lastSuccess ?? null, policy, mends_now: decision.mend, because: decision.mend ? null : decision.because }, undefined, 2)}\n`);
  } else context.stdout.write(`${statusLines(look, context.paint).join('\n')}\n`);
  if (bad) return ExitStatus.failed;
  return record?.ended?.status === ExitStatus.drift ? ExitStatus.drift : ExitStatus.ok;
}
