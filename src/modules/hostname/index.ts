import { z } from 'zod';
import { hostname } from '../../host/kinds/identity.ts';
import { mount } from '../../host/kinds/mount.ts';
import { converge, type Plan } from '../../host/plan.ts';
import { forgetKinds, forgetTree } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { attach, joinScripts, sh } from '../../support/shell.ts';
import { defineModule } from '../define.ts';

export const HostnameArgs = z.strictObject({
  // hostname(7): labels of up to 63, 64 in all for the kernel.
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i, 'must be a host name: letters, digits, hyphens and dots')
    .max(64)
    .describe('The name, short or with its domain'),
});
type HostnameArgs = z.output<typeof HostnameArgs>;

function plan(args: HostnameArgs, host: HostView): Plan {
  const now = host.fact(hostname);
  const file = now.configured !== args.name;
  const kernel = now.running !== args.name;
  if (!file && !kernel) return converge([]);
  const text = attach(`${args.name}\n`);
  const mounted = file && host.fact(mount('/etc/hostname')) !== null;
  const write = mounted ? sh`cat ${text} >/etc/hostname` : sh`care_put ${text} /etc/hostname 0644 root root`;
  const old = file ? (now.configured ?? 'none') : now.running;
  return converge([
    {
      resource: 'hostname',
      what: `${old} → ${args.name}`,
      diff: { name: '/etc/hostname', before: `${old}\n`, after: `${args.name}\n` },
      script: joinScripts([...(file ? [write] : []), ...(kernel ? [sh`hostname -- ${args.name}`] : [])]),
      effects: [forgetTree('/etc/hostname'), forgetKinds('base-facts'), hostname.is({ configured: args.name, running: args.name })],
    },
  ]);
}

export const hostnameModule = defineModule({
  name: 'hostname',
  summary: 'Name the host, now and at boot',
  description: 'Writes /etc/hostname and tells the kernel. /etc/hosts is left alone: see `hosts_entry`.',
  args: HostnameArgs,
  examples: [{ title: 'A name', yaml: 'hostname:\n  name: db1' }],
  queries: () => [hostname],
  plan,
});
