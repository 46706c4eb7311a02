import { z } from 'zod';
import { timezone } from '../../host/kinds/identity.ts';
import { converge, failed, type Plan } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { attach, joinScripts, sh } from '../../support/shell.ts';
import { defineModule } from '../define.ts';

export const TimezoneArgs = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/, 'must be a zone of the tz database such as Asia/Kolkata or Etc/UTC')
    .describe('Zone of the tz database'),
});
type TimezoneArgs = z.output<typeof TimezoneArgs>;

function plan(args: TimezoneArgs, host: HostView): Plan {
  const query = timezone(args.name);
  const now = host.fact(query);
  const link = now.current !== args.name;
  // Debian 13 has no /etc/timezone any more; where there is one, programs read it.
  const file = now.file !== undefined && now.file !== args.name;
  if (!link && !file) return converge([]);
  if (!now.known && host.uncertain(query) === undefined) return failed(`the host's zone database has no ${args.name}`, 'check its spelling, or install the package tzdata (or tzdata-legacy for old names)');
  const old = link ? (now.current ?? 'none') : (now.file ?? 'none');
  return converge([
    {
      resource: 'timezone',
      what: `${old} → ${args.name}`,
      diff: { name: '/etc/localtime', before: `${old}\n`, after: `${args.name}\n` },
      script: joinScripts([
        sh`[ -f ${`/usr/share/zoneinfo/${args.name}`} ] || { printf 'there is no zone %s\\n' ${args.name} >&2; exit 1; }`,
        ...(link ? [sh`care_link ${`/usr/share/zoneinfo/${args.name}`} /etc/localtime`] : []),
        ...(file ? [sh`care_put ${attach(`${args.name}\n`)} /etc/timezone '' '' ''`] : []),
      ]),
      effects: [forgetTree('/etc/localtime'), forgetTree('/etc/timezone'), query.is({ current: args.name, file: now.file === undefined ? undefined : args.name, known: true })],
    },
  ]);
}

export const timezoneModule = defineModule({
  name: 'timezone',
  summary: 'Set the time zone',
  description: 'Running programs keep the old zone until they are restarted (cron and rsyslog among them).',
  args: TimezoneArgs,
  examples: [{ title: 'India', yaml: 'timezone:\n  name: Asia/Kolkata' }],
  queries: (args) => [timezone(args.name)],
  plan,
});
