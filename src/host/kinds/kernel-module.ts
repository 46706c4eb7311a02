/** Whether the kernel has a feature that comes as a module. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { outputLines, section } from './claims.ts';

/**
 * `builtin`: part of the kernel itself, needs no loading and can't be unloaded. `unavailable`: modprobe
 * finds no such module for this kernel, or there is no modprobe.
 */
export type KernelModuleState = 'loaded' | 'builtin' | 'not-loaded' | 'unavailable';

/** Module names are the same with `-` and `_` (modprobe(8)); the kernel itself uses `_`. */
export function kernelName(name: string): string {
  return name.replaceAll('-', '_');
}

export const kernelModule = defineQuery<string, KernelModuleState>({
  name: 'kernel-module',
  lasting: true,
  id: kernelName,
  describe: (name) => `kernel module ${name}`,
  // /sys/module has loaded modules and the builtin ones that take parameters; modules.builtin lists all builtin ones.
  probe: (names) => {
    const pattern = names.map((name) => kernelName(name).replaceAll('_', '[-_]')).join('|');
    return [
      `cut -d ' ' -f 1 /proc/modules 2>/dev/null`,
      'care_mark',
      `grep -E ${quote(`/(${pattern})\\.ko`)} "/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null`,
      `for m in ${names.map((name) => quote(kernelName(name))).join(' ')}; do [ ! -d "/sys/module/$m" ] || echo "/$m.ko"; done`,
      'care_mark',
      'PATH=$PATH:/usr/sbin:/sbin',
      `for m in ${names.map((name) => quote(kernelName(name))).join(' ')}; do modprobe -n -q "$m" >/dev/null 2>&1 </dev/null && echo "$m"; done`,
    ].join('\n');
  },
  parse: (names, output) => {
    const loaded = new Set(outputLines(output.head));
    const builtin = new Set(outputLines(section(output.sections, 0)).map((line) => kernelName(line.replace(/^.*\//, '').replace(/\.ko.*$/, ''))));
    const available = new Set(outputLines(section(output.sections, 1)));
    return names.map(kernelName).map((name) => (loaded.has(name) ? 'loaded' : builtin.has(name) ? 'builtin' : available.has(name) ? 'not-loaded' : 'unavailable'));
  },
});
