import { defineModule } from '../define.ts';
import { planUnit, unitQueries } from './plan.ts';
import { SystemdArgs } from './schema.ts';

export const systemdModule = defineModule({
  name: 'systemd',
  summary: 'Start, stop, enable and mask systemd units',
  description: `
One change a unit covers enabling and starting together. A start is done only when the unit then really runs:
one whose \`Condition…=\` is not met is a failure here (Ansible says ok) unless \`unmet_conditions: ignore\`.
Before a start, restart or reload, unit files are read again whenever systemd says that they have changed, so
\`daemon_reload\` is hardly ever needed; by itself it never counts as a change.

A \`static\` unit (one without an \`[Install]\` section) counts as enabled and as not enabled: nothing can be
done about it either way. A oneshot without \`RemainAfterExit=yes\` cannot be kept \`started\`: enable its timer.
`.trim(),
  args: SystemdArgs,
  examples: [
    { title: 'Start now and at boot', yaml: 'systemd:\n  name: chrony\n  state: started\n  enabled: true' },
    { title: 'Restart, in a handler', yaml: 'systemd:\n  name: ssh.service\n  state: restarted' },
    { title: 'Never let it run', yaml: 'systemd:\n  name: rpcbind.socket\n  state: stopped\n  masked: true' },
  ],
  queries: unitQueries,
  plan: planUnit,
});
