/** Lines of sysctl.d(5). Pure. */
import { normalSysctl, sysctlPath } from '../../host/kinds/sysctl.ts';

function parseLine(line: string): { readonly path: string; readonly value: string } | undefined {
  if (/^\s*[#;]/.test(line)) return undefined;
  const [, name, value] = /^\s*-?\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
  return name === undefined || value === undefined ? undefined : { path: sysctlPath(name), value };
}

/** The lines with one setting of the parameter, where its last was (the last one counts), or none. */
export function editSysctl(lines: readonly string[], name: string, value: string | undefined): readonly string[] {
  const path = sysctlPath(name);
  const own = lines.map((line) => parseLine(line)).map((parsed) => (parsed?.path === path ? parsed : undefined));
  const settings = own.filter((parsed) => parsed !== undefined);
  if (value !== undefined && settings.length === 1 && normalSysctl(settings[0]?.value ?? '') === normalSysctl(value)) return lines;
  const last = own.findLastIndex((parsed) => parsed !== undefined);
  const wanted = value === undefined ? [] : [`${name} = ${value}`];
  if (last === -1) return [...lines, ...wanted];
  return lines.flatMap((line, i) => (i === last ? wanted : own[i] === undefined ? [line] : []));
}
