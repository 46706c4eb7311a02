/** Units: what is to be stopped before files are put back, and what is to run again afterwards. Pure. */
import { systemUnit, type UnitFact, type UnitKey } from '../../host/kinds/unit.ts';
import type { ShellChange } from '../../host/plan.ts';
import { joinScripts, type Script } from '../../support/shell.ts';
import { ENABLED, MASKED, unitSideEffects } from '../systemd/plan.ts';
import { reloadIfNeeded, stateVerb, unitFileVerb } from '../systemd/script.ts';
import { runs, type KeptUnits } from './things.ts';

/** Of one unit: changes before the files, and after them. */
export interface UnitRestore {
  readonly first: ShellChange | undefined;
  readonly last: ShellChange | undefined;
}

const OPTIONS = { noBlock: false, ignoreConditions: false } as const;

interface Step {
  readonly what: string;
  readonly script: Script;
  readonly claim: Partial<UnitFact>;
}

function change(key: UnitKey, steps: readonly Step[], why: string, reload: boolean): ShellChange | undefined {
  if (steps.length === 0) return undefined;
  const claim: UnitFact = { id: undefined, load: undefined, active: undefined, sub: undefined, unitFile: undefined, needReload: undefined, conditionMet: undefined, fleeting: undefined, ...Object.assign({}, ...steps.map((step) => step.claim)) as Partial<UnitFact> };
  return {
    resource: `unit ${key.name}`,
    what: `put back: ${steps.map((step) => step.what).join(', ')}${why}`,
    script: joinScripts([...(reload ? [reloadIfNeeded(key)] : []), ...steps.map((step) => step.script)]),
    effects: [unitSideEffects, systemUnit(key.name).is(claim)],
  };
}

/**
 * What brings a unit back to what it was. Only what the run is known to have changed is: enabling, masking, running.
 *
 * @param now the unit as it is
 */
export function restoreUnit(unit: KeptUnits, now: UnitFact): UnitRestore {
  const key: UnitKey = { name: unit.name, scope: 'system' };
  const { before, after } = unit;
  const came = before.load === 'not-found' || before.load === '';
  const file = now.unitFile ?? '';
  const verb = (what: string, unitFile: string): Step => ({ what, script: unitFileVerb(key, what), claim: { unitFile } });
  const first: Step[] = [];
  const last: Step[] = [];
  const fileChanged = after.unitFile !== undefined && after.unitFile !== before.unitFile;
  const stateChanged = after.active !== undefined && runs(after.active) !== runs(before.active);
  if (stateChanged && !runs(before.active) && runs(now.active)) first.push({ what: 'stop', script: stateVerb(key, 'stop', OPTIONS), claim: { active: 'inactive' } });
  if ((fileChanged || came) && !ENABLED.includes(before.unitFile) && file === 'enabled') first.push(verb('disable', came ? 'disabled' : before.unitFile));
  if (fileChanged && MASKED.includes(file) && !MASKED.includes(before.unitFile)) last.push(verb('unmask', ENABLED.includes(before.unitFile) ? 'enabled' : before.unitFile));
  if (fileChanged && before.unitFile === 'enabled' && file !== 'enabled') last.push(verb('enable', 'enabled'));
  if (stateChanged && runs(before.active) && !runs(now.active)) last.push({ what: 'start', script: stateVerb(key, 'start', OPTIONS), claim: { active: 'active' } });
  if (fileChanged && MASKED.includes(before.unitFile) && !MASKED.includes(file)) last.push(verb('mask', 'masked'));
  return { first: now.load === 'not-found' ? undefined : change(key, first, came ? ': it was not there before' : '', false), last: change(key, last, '', true) };
}

/** Restarts or reloads a unit as a handler of the run did that no playbook at hand has. */
export function repeatHandler(unit: string, did: string): ShellChange {
  const key: UnitKey = { name: unit, scope: 'system' };
  const verb = did.includes('reload') ? 'reload' : 'restart';
  return {
    resource: `unit ${unit}`,
    what: `${verb}, as the run's handler did`,
    script: joinScripts([reloadIfNeeded(key), stateVerb(key, verb, OPTIONS)]),
    effects: [unitSideEffects, systemUnit(unit).forget()],
  };
}
