/** `package` and `apt`: one plan under two names. */
import { versionInName } from '../../support/observation.ts';
import { defineModule } from '../define.ts';
import { packageQueries, planPackages } from './plan.ts';
import { PackageArgs } from './schema.ts';

const description = `
Installs with \`apt-get\`, never asks, keeps changed configuration files, and touches no package that was not
named (beyond what apt must for it). Where it differs from Ansible's \`apt\`:

- Recommended packages are not installed unless \`install_recommends\` is set.
- **Services of new packages do not start by being installed**: a temporary \`policy-rc.d\` says no, so that no
  service ever runs with its default configuration. Start them by a \`systemd\` task after their configuration.
  Services that run already are restarted by the upgrade of their package, as Debian does.
- Lists are fetched by themselves when an installation needs it: there are none, a source was changed, or a name
  is in none of them. \`update_cache\` forces that when there is something to install.
- \`latest\` decides by the lists that the host has; with \`update_cache\` they are fetched first, and \`--check\`
  then says *unknown*. Held packages are left alone.
- A virtual name is satisfied by any package that provides it.
- An installation that was cut off is finished first (\`dpkg --configure -a\`).
`.trim();

const common = {
  description,
  args: PackageArgs,
  queries: packageQueries,
  plan: planPackages,
  observes: (args: PackageArgs) => (args.state === 'absent' ? [] : (args.name ?? []).map((spec) => versionInName(spec.name)).filter((v) => v !== undefined)),
};

export const packageModule = defineModule({
  name: 'package',
  summary: 'Install, upgrade, hold and remove packages',
  ...common,
  examples: [
    { title: 'Install two packages', yaml: 'package:\n  name: [chrony, nftables]' },
    { title: 'Pin a version and hold it', yaml: 'package:\n  name: etcd-server=3.5.16-4\n  hold: true' },
    { title: 'Remove with configuration', yaml: 'package:\n  name: telnet\n  state: absent\n  purge: true' },
  ],
});

export const aptModule = defineModule({
  name: 'apt',
  summary: 'Install, upgrade, hold and remove Debian packages',
  ...common,
  examples: [
    { title: 'Fetch the package lists once a day', yaml: 'apt:\n  update_cache: true\n  cache_valid_time: 86400' },
    { title: 'Install from backports', yaml: 'apt:\n  name: haproxy\n  default_release: trixie-backports' },
    { title: 'Install a .deb of the controller', yaml: 'apt:\n  deb: exporter_1.2-1_amd64.deb' },
  ],
});
