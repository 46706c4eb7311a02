/** `state: latest` over stale lists: what is newest is only known after a fetch, so the host decides. */
import { packageState } from '../../host/kinds/package.ts';
import { action, type ActionResult, type Plan } from '../../host/plan.ts';
import { forgetAll } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { joinScripts, rawScript, sh } from '../../support/shell.ts';
import type { Outcome } from '../../transport/types.ts';
import type { PackageArgs, PackageSpec } from './schema.ts';
import { installOptions, installWord } from './scripts.ts';
import { aptScript, denyServices } from './shell.ts';

const MARK = 'care-versions:';

/** Tells from the versions printed before and after whether anything was upgraded. */
export function upgradeResult(outcome: Outcome): ActionResult {
  if (outcome.status !== 0) {
    return { changed: false, failed: true, msg: outcome.stderr.toString('utf8').trim() || `apt-get ended with status ${String(outcome.status)}` };
  }
  const [before, after] = outcome.stdout
    .toString('utf8')
    .split('\n')
    .filter((line) => line.startsWith(MARK))
    .map((line) => line.slice(MARK.length).trim());
  if (before === undefined || after === undefined) return { changed: true, failed: true, msg: 'apt-get ended well but the versions before and after were not printed' };
  return before === after ? { changed: false } : { changed: true, msg: `${before} → ${after}`, diff: { before: `${before}\n`, after: `${after}\n` } };
}

/**
 * Fetches the lists, then installs or upgrades. Held packages are left alone unless allowed. In check mode
 * the answer is unknown: fetching lists would change the host.
 */
export function upgradeAction(args: PackageArgs, specs: readonly PackageSpec[], host: HostView): Plan {
  if (host.checkMode) return { type: 'unknown', because: 'the newest versions are known only after the package lists are fetched' };
  const held = args.allow_change_held_packages ? [] : specs.filter((spec) => host.fact(packageState(spec.name)).hold);
  const wanted = specs.filter((spec) => !held.includes(spec));
  const versions = sh`printf '${rawScript(MARK)} %s\\n' "$(dpkg-query -W -f='\${Package} \${Version}; ' ${specs.map((spec) => spec.name)} 2>/dev/null | tr -d '\\n')"`;
  const install = wanted.length === 0 ? rawScript(':') : sh`care_apt ${installOptions(args)} install -- ${wanted.map(installWord)}`;
  const body = joinScripts([versions, rawScript('care_apt_update'), denyServices(args.policy_rc_d), install, versions]);
  return action({
    resource: `package ${specs.map((spec) => spec.name).join(' ')}`,
    what: 'install the newest version',
    mutates: true,
    perform: { type: 'script', script: aptScript(body, args.lock_timeout), result: upgradeResult },
    effects: [forgetAll],
  });
}
