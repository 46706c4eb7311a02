/** The scripts that act on units. */
import { systemctl, type UnitKey } from '../../host/kinds/unit.ts';
import { joinScripts, rawScript, sh, type Script } from '../../support/shell.ts';

export interface UnitOptions {
  readonly noBlock: boolean;
  readonly ignoreConditions: boolean;
}

/** The manager reads its files again when it says that this unit's have changed; asked at the last moment. */
export function reloadIfNeeded(key: UnitKey): Script {
  const ctl = rawScript(systemctl(key.scope));
  return sh`if [ "$(${ctl} show -p NeedDaemonReload --value -- ${key.name})" = yes ]; then ${ctl} daemon-reload; fi`;
}

export function daemonReload(key: Pick<UnitKey, 'scope'>, verb: 'daemon-reload' | 'daemon-reexec'): Script {
  return rawScript(`${systemctl(key.scope)} ${verb}`);
}

/** `enable`, `disable`, `mask`, `unmask`. */
export function unitFileVerb(key: UnitKey, verb: string): Script {
  return sh`${rawScript(`${systemctl(key.scope)} --quiet ${verb}`)} -- ${key.name}`;
}

/** What a failed start has to say, on stderr, and the end. */
function explain(key: UnitKey): Script {
  const ctl = rawScript(systemctl(key.scope));
  return sh`{
  ${ctl} status --no-pager --full --lines=20 -- ${key.name} >&2 || :
  exit 1
}`;
}

/** Waits for nothing: systemctl itself returns when the job is done. A unit that then does not run is an error. */
function mustBeActive(key: UnitKey, options: UnitOptions): Script {
  const ctl = rawScript(systemctl(key.scope));
  const unmet = options.ignoreConditions ? rawScript(':') : sh`{ printf 'unit %s was not started: a condition of the unit is not met on this host (see systemctl status)\\n' ${key.name} >&2; exit 1; }`;
  return sh`case $(${ctl} show -p ActiveState --value -- ${key.name}) in
active | reloading) ;;
*)
  if [ "$(${ctl} show -p ConditionResult --value -- ${key.name})" = no ]; then ${unmet}
  else ${explain(key)}
  fi
  ;;
esac`;
}

/** `start`, `stop`, `restart`, `reload`. A failed unit's start limit does not stop a start that was asked for. */
export function stateVerb(key: UnitKey, verb: 'start' | 'stop' | 'restart' | 'reload', options: UnitOptions): Script {
  const ctl = rawScript(systemctl(key.scope));
  const block = rawScript(options.noBlock ? '--no-block ' : '');
  const acts = verb === 'start' || verb === 'restart';
  const run = (word: string): Script => sh`${ctl} ${block}${rawScript(word)} -- ${key.name} || ${explain(key)}`;
  const reload = sh`if ${ctl} --quiet is-active -- ${key.name}; then
  ${run('reload')}
else
  ${run('start')}
fi`;
  const parts = [
    ...(acts ? [sh`${ctl} reset-failed -- ${key.name} 2>/dev/null || :`] : []),
    verb === 'reload' ? reload : run(verb),
    ...(verb === 'stop' || options.noBlock ? [] : [mustBeActive(key, options)]),
  ];
  return joinScripts(parts);
}
