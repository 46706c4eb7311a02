/** The scripts that the package modules run. */
import { joinScripts, rawScript, sh, type Script } from '../../support/shell.ts';
import type { PackageArgs, PackageSpec } from './schema.ts';
import { aptScript, denyServices, refreshLists } from './shell.ts';

interface Wanted {
  readonly spec: PackageSpec;
}

export function installWord(spec: PackageSpec): string {
  return spec.version === undefined ? spec.name : `${spec.name}=${spec.version}`;
}

/** Options of `apt-get install` that the arguments ask for. */
export function installOptions(args: PackageArgs): readonly string[] {
  return [
    args.install_recommends ? '--install-recommends' : '--no-install-recommends',
    ...(args.default_release === undefined ? [] : ['-t', args.default_release]),
    ...(args.allow_downgrade ? ['--allow-downgrades'] : []),
    ...(args.allow_change_held_packages || args.hold !== undefined ? ['--allow-change-held-packages'] : []),
  ];
}

export function installScript(args: PackageArgs, wanted: readonly Wanted[]): Script {
  const names = wanted.map(({ spec }) => spec.name);
  const words = wanted.map(({ spec }) => installWord(spec));
  const install = sh`care_install ${installOptions(args)} install -- ${words}`;
  return aptScript(joinScripts([refreshLists(names, args.update_cache ? (args.cache_valid_time ?? 0) : undefined), denyServices(args.policy_rc_d), install], ''), args.lock_timeout);
}

/** One apt-get for the packages of several tasks; when it fails, the first task's own, so that each fails for itself. */
export function installTogetherScript(args: PackageArgs, words: readonly string[], own: PackageSpec, mark: string): Script {
  const options = installOptions(args);
  const install = sh`care_install ${options} install -- ${words} && { { true >"$care_files"/${mark}; } 2>/dev/null || :; } || {
  echo 'the packages of several tasks could not be installed together: now each by itself' >&2
  care_install ${options} install -- ${installWord(own)}
}
`;
  return aptScript(joinScripts([refreshLists(words, undefined), denyServices(args.policy_rc_d), install], ''), args.lock_timeout);
}

/** Leaves a package alone that an installation before has brought. */
export function unlessInstalled(name: string, install: Script): Script {
  return sh`if [ "$(dpkg-query -W -f='\${db:Status-Status}' -- ${name} 2>/dev/null)" != installed ]; then
${install}
fi`;
}

export function removeScript(args: PackageArgs, specs: readonly PackageSpec[]): Script {
  const options = args.autoremove ? ['--auto-remove'] : ['--no-auto-remove'];
  const held = args.allow_change_held_packages ? ['--allow-change-held-packages'] : [];
  return aptScript(sh`care_apt ${[...options, ...held]} ${args.purge ? 'purge' : 'remove'} -- ${specs.map((spec) => spec.name)}`, args.lock_timeout);
}

export function updateScript(args: PackageArgs): Script {
  return aptScript(rawScript('care_apt_update'), args.lock_timeout);
}
