/** Kernel parameters as they are now, read from /proc/sys by one process. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { outputLines } from './claims.ts';

/**
 * The file of a parameter. sysctl.d(5): with a dot as first separator, dots and slashes change places;
 * with a slash first, the name is a path as it stands.
 */
export function sysctlPath(name: string): string {
  const slashFirst = /^[^./]*\//.test(name);
  const path = slashFirst ? name : name.replaceAll(/[./]/g, (c) => (c === '.' ? '/' : '.'));
  return `/proc/sys/${path}`;
}

/** A value with its white space made single: the kernel separates by tabs what people write with spaces. */
export function normalSysctl(value: string): string {
  return value.trim().replaceAll(/\s+/g, ' ');
}

export interface SysctlFact {
  /** White space made single. */
  readonly value: string;
  /** False in a container whose /proc/sys is read-only, and for parameters that only tell. */
  readonly writable: boolean;
}

/** A parameter; undefined when the kernel has none of that name or does not let it be read. */
export const sysctl = defineQuery<string, SysctlFact | undefined>({
  name: 'sysctl',
  lasting: true,
  id: (name) => sysctlPath(name),
  describe: (name) => `sysctl ${name}`,
  probe: (names) => {
    const paths = names.map((name) => quote(sysctlPath(name))).join(' ');
    return `LC_ALL=C grep -sH '' ${paths}\ncare_mark\nfor p in ${paths}; do [ ! -w "$p" ] || printf '%s\\n' "$p"; done`;
  },
  parse: (names, output) => {
    const lines = outputLines(output.head);
    const writable = new Set(outputLines(output.sections[0]));
    return names.map((name) => {
      const path = sysctlPath(name);
      const own = lines.filter((line) => line.startsWith(`${path}:`)).map((line) => line.slice(path.length + 1));
      return own.length === 0 ? undefined : { value: normalSysctl(own.join(' ')), writable: writable.has(path) };
    });
  },
  show: (fact) => fact?.value ?? 'not there',
});
