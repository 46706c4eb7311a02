/** Decides what to do about packages. Pure. */
import { aptCandidate, aptLists } from '../../host/kinds/apt.ts';
import { packageState, packageVersion, type PackageFact } from '../../host/kinds/package.ts';
import { converge, failed, type Change, type Join, type Plan } from '../../host/plan.ts';
import { forgetAll, forgetKinds, type AnyQuery, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { joinScripts, rawScript, type Script } from '../../support/shell.ts';
import { planDeb } from './deb.ts';
import { upgradeAction } from './latest.ts';
import type { PackageArgs, PackageSpec } from './schema.ts';
import { installOptions, installScript, installTogetherScript, installWord, removeScript, unlessInstalled, updateScript } from './scripts.ts';
import { setHold } from './shell.ts';

/** Default age in seconds up to which lists are fresh when nothing but the lists is managed. */
const LISTS_FRESH_SECONDS = 3600;

/** What is to be done about one package. */
export interface Need {
  readonly spec: PackageSpec;
  /** `install`, `install 1.2`, `upgrade 1.1 → 1.2`; undefined: only the hold mark differs. */
  readonly what: string | undefined;
  /** Version known to be there afterwards. */
  readonly version: string | undefined;
  readonly fact: PackageFact;
}

/** The facts that a plan asks for; candidates only where an answer depends on them. */
export function packageQueries(args: PackageArgs): readonly AnyQuery[] {
  if (args.name === undefined) return args.deb === undefined ? [aptLists] : [];
  const queries: AnyQuery[] = args.name.map((spec) => packageState(spec.name));
  for (const spec of args.name) {
    if (args.state !== 'absent' && (spec.version !== undefined || args.state === 'latest')) queries.push(packageVersion(spec.name));
    if (args.state === 'latest') queries.push(aptCandidate({ name: spec.name, release: args.default_release }));
  }
  if (args.state === 'latest' && args.update_cache) queries.push(aptLists);
  return queries;
}

export function planPackages(args: PackageArgs, host: HostView): Plan {
  if (host.base.pkg_mgr !== 'apt') return failed(`packages of ${host.base.distribution} are not supported: only apt is`, 'use hosts with Debian or Ubuntu, or guard the task with when: pkg_mgr == "apt"');
  if (args.deb !== undefined) return planDeb(args, args.deb, host);
  if (args.name === undefined) return planLists(args, host);
  if (args.state === 'absent') return planRemoval(args, args.name, host);
  if (args.state === 'latest' && args.update_cache && !listsFresh(host, args.cache_valid_time ?? 0)) return upgradeAction(args, args.name, host);
  return planInstallation(args, args.name, host);
}

function listsFresh(host: HostView, maxAge: number): boolean {
  const lists = host.fact(aptLists);
  return lists.updated > 0 && !lists.outdated && (maxAge === 0 ? false : host.base.epoch - lists.updated <= maxAge);
}

function planLists(args: PackageArgs, host: HostView): Plan {
  if (listsFresh(host, args.cache_valid_time ?? LISTS_FRESH_SECONDS)) return converge([]);
  return converge([
    {
      resource: 'apt lists',
      what: 'fetch',
      script: updateScript(args),
      effects: [forgetKinds('apt-candidate'), aptLists.is({ updated: host.base.epoch, outdated: false })],
    },
  ]);
}

function versionFits(installed: string, wanted: string): boolean {
  return wanted.endsWith('*') ? installed.startsWith(wanted.slice(0, -1)) : installed === wanted;
}

/** `unknown`: check mode cannot tell. */
type Decision = { readonly type: 'fine' } | { readonly type: 'need'; readonly what: string; readonly version: string | undefined } | { readonly type: 'unknown'; readonly because: string };

function decide(args: PackageArgs, spec: PackageSpec, fact: PackageFact, host: HostView): Decision {
  const exact = spec.version?.endsWith('*') === true ? undefined : spec.version;
  if (fact.state === 'interrupted') return { type: 'need', what: 'finish its interrupted installation', version: exact };
  if (fact.state !== 'installed') {
    // A name that only others provide is satisfied by any of them; a real package is not.
    const satisfied = fact.providedBy.length > 0 && spec.version === undefined && host.fact(aptCandidate({ name: spec.name, release: args.default_release })).version === undefined;
    return satisfied ? { type: 'fine' } : { type: 'need', what: spec.version === undefined ? 'install' : `install ${spec.version}`, version: exact };
  }
  if (spec.version === undefined && args.state !== 'latest') return { type: 'fine' };
  const installed = host.fact(packageVersion(spec.name));
  if (installed === undefined) return { type: 'unknown', because: host.uncertain(packageVersion(spec.name)) ?? `the version of ${spec.name} is not known` };
  if (spec.version !== undefined) {
    return versionFits(installed, spec.version) ? { type: 'fine' } : { type: 'need', what: `version ${installed} → ${spec.version}`, version: exact };
  }
  const candidate = host.fact(aptCandidate({ name: spec.name, release: args.default_release })).version;
  if (candidate === undefined || candidate === installed || (fact.hold && !args.allow_change_held_packages)) return { type: 'fine' };
  return { type: 'need', what: `upgrade ${installed} → ${candidate}`, version: candidate };
}

/** Whether apt may install the package together with those of the tasks before and after. */
function joins(args: PackageArgs, spec: PackageSpec): boolean {
  return args.state === 'present' && spec.version === undefined && args.hold === undefined && !args.update_cache;
}

function joinKey(args: PackageArgs): string {
  return `package ${JSON.stringify([installOptions(args), args.policy_rc_d, args.lock_timeout])}`;
}

/**
 * A package that was absent before those of the tasks before it were to be installed. It is wanted by name, so it is
 * installed with them, whether or not one of them would bring it along.
 */
function neededAlongside(args: PackageArgs, specs: readonly PackageSpec[], host: HostView): Need | undefined {
  const [spec] = specs;
  if (spec === undefined || specs.length !== 1 || !joins(args, spec)) return undefined;
  const fact = host.beforeJoin(joinKey(args), packageState(spec.name));
  if (fact === undefined || fact.hold || fact.providedBy.length > 0 || (fact.state !== 'absent' && fact.state !== 'config-files')) return undefined;
  return { spec, what: 'install', version: undefined, fact };
}

function planInstallation(args: PackageArgs, specs: readonly PackageSpec[], host: HostView): Plan {
  const alongside = neededAlongside(args, specs, host);
  if (alongside !== undefined) return converge(installationChanges(args, [alongside]));
  const needs: Need[] = [];
  for (const spec of specs) {
    const fact = host.fact(packageState(spec.name));
    const decision = decide(args, spec, fact, host);
    if (decision.type === 'unknown') return decision;
    const holdDiffers = args.hold !== undefined && args.hold !== fact.hold && !(decision.type === 'fine' && fact.state !== 'installed');
    if (decision.type === 'need') needs.push({ spec, what: decision.what, version: decision.version, fact });
    else if (holdDiffers) needs.push({ spec, what: undefined, version: undefined, fact });
  }
  return converge(installationChanges(args, needs));
}

/**
 * One change a package, though one apt-get installs them all: the first change's script does the work for
 * the others, which only set their marks. They stand and fall together, and the report names each.
 */
export function installationChanges(args: PackageArgs, needs: readonly Need[]): readonly Change[] {
  const installs = needs.filter((need) => need.what !== undefined);
  return needs.map((need) => {
    const hold = args.hold ?? need.fact.hold;
    const holdChanges = args.hold !== undefined && (need.what !== undefined || args.hold !== need.fact.hold);
    const join = needs.length === 1 && need.what === 'install' && !need.fact.hold && joins(args, need.spec) ? joined(args, need) : undefined;
    const scripts: Script[] = [];
    if (join !== undefined) scripts.push(unlessInstalled(need.spec.name, installScript(args, installs)));
    else if (need.what !== undefined) scripts.push(need === installs[0] ? installScript(args, installs) : rawScript(`: installed together with ${installs[0]?.spec.name ?? ''}`));
    if (holdChanges || (need.what !== undefined && need.fact.hold)) scripts.push(setHold(need.spec.name, hold));
    const words = [need.what, holdChanges && hold !== need.fact.hold ? (hold ? 'hold' : 'unhold') : undefined].filter((word) => word !== undefined);
    const first: readonly Effect[] = need === installs[0] ? [forgetAll] : [];
    return {
      resource: `package ${need.spec.name}`,
      what: words.join(', '),
      script: joinScripts(scripts),
      effects: [...first, ...packageClaims(need, hold)],
      ...(join === undefined ? {} : { join }),
    };
  });
}

function joined(args: PackageArgs, need: Need): Join {
  return { by: 'words', key: joinKey(args), words: [installWord(need.spec)], together: (words, mark) => installTogetherScript(args, words, need.spec, mark) };
}

function packageClaims(need: Need, hold: boolean): readonly Effect[] {
  const state = packageState(need.spec.name).is({ state: 'installed', hold, providedBy: need.fact.providedBy });
  if (need.what === undefined) return [state];
  const version = packageVersion(need.spec.name);
  return [state, need.version === undefined ? version.forget() : version.is(need.version)];
}

function planRemoval(args: PackageArgs, specs: readonly PackageSpec[], host: HostView): Plan {
  const there = specs.filter(({ name }) => {
    const { state } = host.fact(packageState(name));
    return state === 'installed' || state === 'interrupted' || (args.purge && state === 'config-files');
  });
  const changes = there.map((spec, i): Change => {
    const fact: PackageFact = { state: args.purge ? 'absent' : 'config-files', hold: false, providedBy: [] };
    return {
      resource: `package ${spec.name}`,
      what: args.purge ? 'purge' : 'remove',
      script: i === 0 ? removeScript(args, there) : rawScript(`: removed together with ${there[0]?.name ?? ''}`),
      effects: [...(i === 0 ? [forgetAll] : []), packageState(spec.name).is(fact), packageVersion(spec.name).is(undefined)],
    };
  });
  return converge(changes);
}
