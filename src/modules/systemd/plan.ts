/** Decides what to do about a unit. Pure. */
import { stat } from '../../host/kinds/path.ts';
import { unit, unitConditions, unitName, UNIT_FOLDERS, type UnitFact, type UnitKey } from '../../host/kinds/unit.ts';
import { action, converge, failed, ok, type Plan } from '../../host/plan.ts';
import { forgetKinds, type AnyQuery, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { joinScripts, type Script } from '../../support/shell.ts';
import { daemonReload, reloadIfNeeded, stateVerb, unitFileVerb, type UnitOptions } from './script.ts';
import type { SystemdArgs } from './schema.ts';

/**
 * What starting, stopping or enabling one unit may change elsewhere: other units (dependencies, conflicts,
 * `Also=`), and what is mounted. Files are not forgotten: a service that rewrites a
 * file that this program manages is a conflict, which confirm is to find.
 */
export const unitSideEffects: Effect = forgetKinds('unit', 'mount');

/** Unit file states in which the unit starts at boot as far as it can be made to (systemctl(1), is-enabled). */
export const ENABLED: readonly string[] = ['enabled', 'static', 'alias', 'generated', 'transient'];
const NOT_ENABLED: readonly string[] = ['disabled', 'static', 'indirect', 'generated', 'transient', 'masked', 'masked-runtime', 'linked', 'linked-runtime', 'alias', ''];
export const MASKED: readonly string[] = ['masked', 'masked-runtime'];

interface Step {
  readonly what: string;
  readonly script: Script;
}

export function unitQueries(args: SystemdArgs): readonly AnyQuery[] {
  return args.name === undefined ? [] : [unit({ name: unitName(args.name), scope: args.scope })];
}

/** The unit file that an administrator, or this run, would have written. */
function localFile(key: UnitKey): string {
  return `${UNIT_FOLDERS[0] ?? ''}/${key.name.replace(/@[^.]*\./, '@.')}`;
}

/**
 * The unit as it will be found. One that is not there may come by an earlier change of the same run: from a
 * package, whose scripts enable a unit and (by our policy-rc.d) do not start it, or from a unit file, which
 * is neither enabled nor started.
 *
 * @returns undefined when it neither is nor will be there
 */
function expectedUnit(key: UnitKey, fact: UnitFact, host: HostView): UnitFact | undefined {
  if (fact.load !== 'not-found') return fact;
  const blank = { id: undefined, load: 'loaded', active: 'inactive', sub: undefined, needReload: undefined, conditionMet: undefined, fleeting: undefined };
  if (key.scope === 'system' && host.fact(stat(localFile(key))).exists) return { ...blank, unitFile: 'disabled' };
  return host.uncertain(unit(key)) === undefined ? undefined : { ...blank, unitFile: 'enabled' };
}

export function planUnit(args: SystemdArgs, host: HostView): Plan {
  if (args.name === undefined) return managerAction(args, host);
  const key: UnitKey = { name: unitName(args.name), scope: args.scope };
  const seen = host.fact(unit(key));
  if (seen.load === 'no-systemd') return failed(`systemd does not answer on this host, so unit ${key.name} cannot be managed`, args.scope === 'user' ? 'enable lingering for the user (loginctl enable-linger)' : 'boot the host with systemd as process 1');
  const now = expectedUnit(key, seen, host);
  if (now === undefined) {
    if (args.masked !== true) return failed(`there is no unit ${key.name} on this host`, 'install its package or write its unit file in an earlier task');
  } else {
    const trouble = impossible(args, key, now);
    if (trouble !== undefined) return trouble;
  }
  const fact = now ?? seen;
  const steps = unitSteps(args, key, fact, () => seen.load !== 'loaded' || args.scope !== 'system' || host.fact(unitConditions(key.name)));
  if (steps.length === 0) {
    const stale = args.daemon_reexec || (args.daemon_reload && (fact.needReload !== false || host.uncertain(unit(key)) !== undefined));
    return stale ? managerAction(args, host) : ok();
  }
  const runs = ['started', 'restarted', 'reloaded'].includes(args.state ?? '');
  const prepare = managerScripts(args);
  const reload = prepare.length > 0 ? prepare : runs && seen.load !== 'masked' ? [reloadIfNeeded(key)] : [];
  return converge([
    {
      resource: args.scope === 'system' ? `unit ${key.name}` : `unit ${key.name} of user ${host.user}`,
      what: steps.map((step) => step.what).join(', '),
      script: joinScripts([...reload, ...steps.map((step) => step.script)]),
      effects: [unitSideEffects, ...claims(args, key, fact, reload.length > 0, seen.load === 'not-found')],
    },
  ]);
}

/** Reasons to refuse before anything is done. */
function impossible(args: SystemdArgs, key: UnitKey, fact: UnitFact): Plan | undefined {
  const wantsRun = args.state === 'started' || args.state === 'restarted' || args.state === 'reloaded';
  if (MASKED.includes(fact.unitFile ?? '') && args.masked === undefined && (wantsRun || args.enabled === true)) return failed(`unit ${key.name} is masked`, 'say masked: false to unmask it');
  if (args.enabled === true && fact.unitFile === 'indirect') return failed(`unit ${key.name} is not enabled itself but by others (it is "indirect")`, 'enable the units that its Also= names');
  if (args.state === 'started' && fact.fleeting === true) return failed(`unit ${key.name} is a oneshot that does not remain after it has run, so it can be run but not be kept started`, 'enable its timer, use state: restarted in a handler, or set RemainAfterExit=yes');
  return undefined;
}

function unitSteps(args: SystemdArgs, key: UnitKey, fact: UnitFact, conditionsMet: () => boolean): readonly Step[] {
  const options: UnitOptions = { noBlock: args.no_block, ignoreConditions: args.unmet_conditions === 'ignore' };
  const file = fact.unitFile ?? '';
  const masked = MASKED.includes(file);
  const verb = (what: string): Step => ({ what, script: unitFileVerb(key, what) });
  const steps: Step[] = [];
  if (args.masked === false && masked) steps.push(verb('unmask'));
  if (args.enabled === true && !ENABLED.includes(file)) steps.push(verb('enable'));
  if (args.enabled === false && !NOT_ENABLED.includes(file)) steps.push(verb('disable'));
  const state = stateStep(args, key, fact, { ...options, conditionsMet });
  if (state !== undefined) steps.push(state);
  // Last: a masked unit cannot be stopped by name in the same breath on older systemd.
  if (args.masked === true && !masked) steps.push(verb('mask'));
  return steps;
}

function stateStep(args: SystemdArgs, key: UnitKey, fact: UnitFact, options: UnitOptions & { readonly conditionsMet: () => boolean }): Step | undefined {
  const running = fact.active === 'active' || fact.active === 'reloading';
  switch (args.state) {
    case undefined:
      return undefined;
    case 'started':
      if (running || (options.ignoreConditions && (fact.conditionMet === false || !options.conditionsMet()))) return undefined;
      return { what: fact.active === 'failed' ? 'start (it had failed)' : 'start', script: stateVerb(key, 'start', options) };
    case 'stopped':
      return fact.active === 'inactive' || fact.active === 'failed' ? undefined : { what: 'stop', script: stateVerb(key, 'stop', options) };
    case 'restarted':
      return { what: 'restart', script: stateVerb(key, 'restart', options) };
    case 'reloaded':
      return { what: running ? 'reload' : 'start', script: stateVerb(key, 'reload', options) };
  }
}

/** What will be observed, and no more: nothing of the run state when nobody waits for it. */
function claims(args: SystemdArgs, key: UnitKey, fact: UnitFact, reloaded: boolean, guessed: boolean): readonly Effect[] {
  const runs = args.state === 'started' || args.state === 'restarted' || args.state === 'reloaded';
  const unsure = args.no_block || (runs && args.unmet_conditions === 'ignore');
  if (args.state !== undefined && unsure) return [unit(key).forget()];
  const active = runs ? 'active' : args.state === 'stopped' ? 'inactive' : fact.active;
  const changesFile = (args.masked === false && MASKED.includes(fact.unitFile ?? '')) || args.masked === true || (args.enabled !== undefined && !(args.enabled ? ENABLED : NOT_ENABLED).includes(fact.unitFile ?? ''));
  // A unit that was not there when observed may turn out static: then enabling it is no error, nor does it show.
  const unitFile = args.masked === true ? 'masked' : !changesFile ? (guessed ? undefined : fact.unitFile) : args.enabled === undefined || guessed ? undefined : args.enabled ? 'enabled' : 'disabled';
  return [
    unit(key).is({
      id: guessed ? undefined : fact.id,
      load: changesFile || guessed ? undefined : fact.load,
      active,
      sub: active === fact.active && args.state === undefined ? fact.sub : undefined,
      unitFile,
      needReload: reloaded ? false : undefined,
      conditionMet: undefined,
      fleeting: fact.fleeting,
    }),
  ];
}

function managerScripts(args: SystemdArgs): readonly Script[] {
  return [...(args.daemon_reexec ? [daemonReload(args, 'daemon-reexec')] : []), ...(args.daemon_reload ? [daemonReload(args, 'daemon-reload')] : [])];
}

/** Reading files again is no change of the host, as in Ansible: it is reported as done, never as changed. */
function managerAction(args: SystemdArgs, host: HostView): Plan {
  if (host.checkMode) return ok();
  return action({
    resource: 'systemd manager',
    what: args.daemon_reexec ? 'daemon-reexec' : 'daemon-reload',
    mutates: true,
    perform: {
      type: 'script',
      script: joinScripts(managerScripts(args)),
      result: (outcome) => (outcome.status === 0 ? { changed: false } : { changed: false, failed: true, msg: outcome.stderr.toString('utf8').trim() || `systemctl ended with status ${String(outcome.status)}` }),
    },
    effects: [forgetKinds('unit')],
  });
}
