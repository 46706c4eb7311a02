import { failed } from '../../host/plan.ts';
import { defineModule } from '../define.ts';
import { planUnit, unitQueries } from '../systemd/plan.ts';
import type { SystemdArgs } from '../systemd/schema.ts';
import { ServiceArgs } from './schema.ts';

function asSystemd(args: ServiceArgs): SystemdArgs {
  return { ...args, masked: undefined, daemon_reload: false, daemon_reexec: false, scope: 'system', no_block: false, unmet_conditions: 'fail' };
}

export const serviceModule = defineModule({
  name: 'service',
  summary: 'Start, stop and enable services',
  description: 'The part of `systemd` that other init systems have too. Only systemd is supported so far.',
  args: ServiceArgs,
  examples: [{ title: 'A running service', yaml: 'service:\n  name: nftables\n  state: started\n  enabled: true' }],
  queries: (args) => unitQueries(asSystemd(args)),
  plan: (args, host) =>
    host.base.service_mgr === 'systemd' ? planUnit(asSystemd(args), host) : failed(`services of ${host.base.service_mgr} are not supported: only systemd is`),
});
