import { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { normalSysctl, sysctl, sysctlPath } from '../../host/kinds/sysctl.ts';
import { converge, failed, type Change, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { attach, sh } from '../../support/shell.ts';
import { AbsolutePath } from '../arguments.ts';
import { joinLines, putText, splitLines, textOf } from '../common/edit-text.ts';
import { pathQueries, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';
import { editSysctl } from './edit.ts';

export const SysctlArgs = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9_][A-Za-z0-9_./:@-]*$/, 'must be a parameter such as net.ipv4.ip_forward')
      .refine((name) => !sysctlPath(name).slice(1).split('/').some((part) => part === '' || part === '.' || part === '..'), 'must be a parameter such as net.ipv4.ip_forward')
      .describe('The parameter'),
    value: z
      .union([z.string(), z.number(), z.boolean()])
      .transform((value) => (typeof value === 'boolean' ? (value ? '1' : '0') : String(value)))
      .refine((value) => value.trim() !== '' && !/[\n\0]/.test(value), 'must be one line')
      .optional()
      .describe('Its value'),
    state: z.enum(['present', 'absent']).default('present').describe('`absent` takes it out of the file; the kernel keeps its value until it boots'),
    sysctl_file: AbsolutePath.default('/etc/sysctl.d/90-care.conf').describe('File that sets it at boot'),
    reload: z.boolean().default(true).describe('Set it now as well'),
    ignoreerrors: z.boolean().default(false).describe('Where the kernel has no such parameter or lets nobody write it (a container): be content with the file'),
  })
  .refine((args) => args.state === 'absent' || args.value !== undefined, { message: 'value is needed', path: ['value'] });
type SysctlArgs = z.output<typeof SysctlArgs>;

function fileChange(args: SysctlArgs, host: HostView): Change | undefined {
  const lines = splitLines(textOf(host, args.sysctl_file) ?? '');
  const wanted = editSysctl(lines, args.name, args.state === 'present' ? args.value : undefined);
  return joinLines(wanted) === joinLines(lines) ? undefined : putText(host, { path: args.sysctl_file, text: joinLines(wanted), attributes: {} });
}

/** The change of the running kernel; a text says why it cannot be. */
function kernelChange(args: SysctlArgs, value: string, host: HostView): Change | string | undefined {
  const query = sysctl(args.name);
  const now = host.fact(query);
  const doubt = host.uncertain(query);
  const wanted = normalSysctl(value);
  if (now?.value === wanted) return undefined;
  if (doubt === undefined && now === undefined) return args.ignoreerrors ? undefined : `the kernel has no parameter ${args.name} (or it cannot be read)`;
  if (doubt === undefined && now?.writable === false) return args.ignoreerrors ? undefined : `the parameter ${args.name} cannot be written on this host (a container’s /proc/sys is read-only)`;
  return {
    resource: `sysctl ${args.name}`,
    what: `${now?.value ?? 'unset'} → ${wanted}`,
    diff: { before: `${now?.value ?? ''}\n`, after: `${wanted}\n` },
    script: sh`cat ${attach(`${value}\n`)} >${sysctlPath(args.name)} || { printf 'the kernel does not take %s for %s\\n' ${value} ${args.name} >&2; exit 1; }`,
    effects: [query.is({ value: wanted, writable: true })],
  };
}

function plan(args: SysctlArgs, host: HostView): Plan {
  const kernel = args.state === 'present' && args.reload && args.value !== undefined ? kernelChange(args, args.value, host) : undefined;
  if (typeof kernel === 'string') return failed(kernel, 'load the kernel module that has it in an earlier task, or say ignoreerrors: true');
  return converge([fileChange(args, host), kernel].filter((change) => change !== undefined));
}

export const sysctlModule = defineModule({
  name: 'sysctl',
  summary: 'Set kernel parameters, now and at boot',
  description: 'The value is written to /proc/sys and to `sysctl_file`; no sysctl command is needed. Ansible’s default file is /etc/sysctl.conf, which Debian 13 no longer reads.',
  args: SysctlArgs,
  examples: [{ title: 'Forward packets', yaml: 'sysctl:\n  name: net.ipv4.ip_forward\n  value: 1' }],
  queries: (args) => [...pathQueries(args.sysctl_file), content(args.sysctl_file), ...(args.state === 'present' && args.reload ? [sysctl(args.name)] : [])],
  plan: (args, host) => planning(() => plan(args, host)),
});
