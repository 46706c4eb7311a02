import { z } from 'zod';
import { content } from '../../host/kinds/content.ts';
import { kernelModule } from '../../host/kinds/kernel-module.ts';
import { removed } from '../../host/kinds/path-effects.ts';
import { converge, failed, type Change, type Plan } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { sh } from '../../support/shell.ts';
import { putText } from '../common/edit-text.ts';
import { lookAt, pathQueries, planning } from '../common/look.ts';
import { defineModule } from '../define.ts';

export const KernelModuleArgs = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be a module such as br_netfilter').describe('The module'),
  params: z.string().refine((text) => !/[\n\0]/.test(text), 'must be one line').default('').describe('Parameters such as `numdummies=2`; they count when the module is loaded'),
  state: z.enum(['present', 'absent']).default('present').describe('Whether it is loaded'),
  persistent: z.boolean().default(true).describe('The same at boot, by /etc/modules-load.d and /etc/modprobe.d'),
  unavailable: z.enum(['fail', 'ignore']).default('fail').describe('What it means that this kernel has no such module (a container cannot load any)'),
});
type KernelModuleArgs = z.output<typeof KernelModuleArgs>;

function bootFile(args: KernelModuleArgs, folder: string): string {
  return `/etc/${folder}/care-${args.name}.conf`;
}

function fileChange(host: HostView, path: string, text: string | undefined): Change | undefined {
  if (text !== undefined) return putText(host, { path, text, attributes: { mode: '0644', owner: 'root', group: 'root' } });
  return lookAt(host, path).exists ? { resource: `file ${path}`, what: 'remove', script: sh`rm -f -- ${path}`, effects: removed(path) } : undefined;
}

function kernelChange(args: KernelModuleArgs, host: HostView): Change | string | undefined {
  const query = kernelModule(args.name);
  const now = host.fact(query);
  const doubt = host.uncertain(query);
  const resource = `kernel module ${args.name}`;
  // A module brings parameters, file systems and devices along, and takes them away.
  const effects = forgetKinds('sysctl', 'kernel-module');
  if (args.state === 'absent') {
    if (now === 'builtin') return `${args.name} is built into the kernel and cannot be unloaded`;
    return now === 'loaded' ? { resource, what: 'unload', script: sh`modprobe -r -- ${args.name}`, effects: [effects, query.is('not-loaded')] } : undefined;
  }
  if (now === 'loaded' || now === 'builtin') return undefined;
  if (now === 'unavailable' && doubt === undefined) {
    return args.unavailable === 'ignore' ? undefined : `this kernel has no module ${args.name}, or there is no modprobe (package kmod)`;
  }
  const params = args.params.split(/\s+/).filter((word) => word !== '');
  return { resource, what: 'load', script: sh`modprobe -- ${args.name} ${params}`, effects: [effects, query.is('loaded')] };
}

function plan(args: KernelModuleArgs, host: HostView): Plan {
  const kernel = kernelChange(args, host);
  if (typeof kernel === 'string') return args.state === 'present' ? failed(kernel, 'boot a kernel that has it, or say unavailable: ignore') : failed(kernel);
  const present = args.state === 'present';
  const files = args.persistent
    ? [fileChange(host, bootFile(args, 'modprobe.d'), present && args.params !== '' ? `options ${args.name} ${args.params}\n` : undefined), fileChange(host, bootFile(args, 'modules-load.d'), present ? `${args.name}\n` : undefined)]
    : [];
  return converge([...files, kernel].filter((change) => change !== undefined));
}

export const kernelModuleModule = defineModule({
  name: 'kernel_module',
  summary: 'Load a kernel module, now and at boot',
  description: 'Asks whether the kernel has the feature: one that is built in needs no loading and is fine. Ansible’s module is `modprobe`.',
  args: KernelModuleArgs,
  examples: [{ title: 'For bridges in nftables', yaml: 'kernel_module:\n  name: br_netfilter' }],
  queries: (args) => {
    const files = args.persistent ? [bootFile(args, 'modprobe.d'), bootFile(args, 'modules-load.d')] : [];
    return [kernelModule(args.name), ...files.flatMap((path) => [...pathQueries(path), content(path)])];
  },
  plan: (args, host) => planning(() => plan(args, host)),
});
