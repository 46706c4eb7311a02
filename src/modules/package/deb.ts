/** A .deb file of the controller. */
import { packageState, packageVersion, PACKAGE_NAME } from '../../host/kinds/package.ts';
import { converge, failed, type Plan } from '../../host/plan.ts';
import { forgetAll } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { attachFile, joinScripts, sh } from '../../support/shell.ts';
import type { PackageArgs } from './schema.ts';
import { installOptions } from './scripts.ts';
import { aptScript, denyServices, refreshLists, setHold } from './shell.ts';

export interface DebName {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** Reads `NAME_VERSION_ARCH.deb` (dpkg-name(1)); an epoch's colon stands as `%3a`. Undefined for any other name. */
export function parseDebName(path: string): DebName | undefined {
  const [, name, version, architecture] = /^([^_]+)_([^_]+)_([a-z0-9-]+)\.deb$/.exec(path.replace(/^.*\//, '')) ?? [];
  if (name === undefined || version === undefined || architecture === undefined || !PACKAGE_NAME.test(name)) return undefined;
  return { name, version: version.replace(/%3a/i, ':'), architecture };
}

/** Installs the file unless that very version is there. */
export function planDeb(args: PackageArgs, src: string, host: HostView): Plan {
  const deb = parseDebName(src);
  if (deb === undefined) return failed(`${src} is not named NAME_VERSION_ARCH.deb, so what it holds cannot be told`, 'rename it as dpkg-name(1) does');
  const state = packageState(deb.name);
  const version = packageVersion(deb.name);
  const fact = host.fact(state);
  const installed = host.fact(version);
  const hold = args.hold ?? fact.hold;
  const fits = fact.state === 'installed' && installed === deb.version;
  if (fits && hold === fact.hold) return converge([]);
  const file = host.localFile(src);
  const upload = attachFile(file.path, file.size, file.sha256);
  const words = `${deb.name} ${deb.version}`;
  // apt takes a file only by a path that ends in .deb, and reads it as the user _apt where it can.
  const install = sh`care_dir=$(mktemp -d)
chmod 0755 "$care_dir"
cp ${upload} "$care_dir/package.deb"
chmod 0644 "$care_dir/package.deb"
care_holds=$(dpkg-deb -W --showformat='\${Package} \${Version}' "$care_dir/package.deb")
if [ "$care_holds" != ${words} ]; then
  rm -rf "$care_dir"
  printf 'the file holds %s, its name says %s\\n' "$care_holds" ${words} >&2
  exit 1
fi
care_status=0
care_install ${installOptions(args)} install "$care_dir/package.deb" || care_status=$?
rm -rf "$care_dir"
[ "$care_status" -eq 0 ] || exit "$care_status"
`;
  const body = joinScripts([refreshLists([], args.update_cache ? (args.cache_valid_time ?? 0) : undefined), denyServices(args.policy_rc_d), install], '');
  const scripts = [...(fits ? [] : [aptScript(body, args.lock_timeout)]), ...(args.hold !== undefined || fact.hold ? [setHold(deb.name, hold)] : [])];
  const what = [...(fits ? [] : [installed === undefined ? `install ${deb.version} from ${src}` : `version ${installed} → ${deb.version} from ${src}`]), ...(hold === fact.hold ? [] : [hold ? 'hold' : 'unhold'])];
  return converge([
    {
      resource: `package ${deb.name}`,
      what: what.join(', '),
      script: joinScripts(scripts),
      effects: [...(fits ? [] : [forgetAll]), state.is({ state: 'installed', hold, providedBy: fact.providedBy }), version.is(deb.version)],
    },
  ]);
}
