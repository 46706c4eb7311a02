/** A role on disk: found by name, its files read once. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import type { Span } from '../../support/source.ts';
import { isMap, type ValueMap } from '../../support/value.ts';
import { parseYaml, readSourceFile } from '../yaml.ts';
import { parseWithSchema } from './parse-schema.ts';
import { optionDefaults, roleSpecSchema, type RoleSpec } from './role-spec.ts';

export interface Role {
  readonly name: string;
  readonly directory: string;
  readonly spec: RoleSpec;
  /** Defaults of the options: lowest precedence of all variables. */
  readonly defaults: ValueMap;
  /** `vars/main.yml`: constants of the role. */
  readonly vars: ValueMap;
}

/** Reads a YAML file that holds a map (or nothing). @throws Diagnostic */
export function readMapFile(file: string, dialect: 'strict' | 'ansible'): ValueMap {
  const source = readSourceFile(file);
  const value = parseYaml(source, { dialect });
  if (value === null) return {};
  if (!isMap(value)) throw badInput('not-a-map', `${file} must hold a map of variables`, { span: { file: source, start: 0, end: 1 } });
  return value;
}

/**
 * @param directory the role's folder, which must hold `role.yml`
 * @throws Diagnostic or DiagnosticList for what is wrong in it
 */
export function loadRole(name: string, directory: string, usedAt: Span | undefined): Role {
  const specFile = path.join(directory, 'role.yml');
  if (!existsSync(specFile)) {
    throw badInput('role-without-spec', `role ${name} has no role.yml`, { span: usedAt, detail: `looked for ${specFile}`, remedy: 'describe the role there: summary, options, requires (docs/playbooks.md)' });
  }
  const raw = readMapFile(specFile, 'strict');
  const spec = parseWithSchema(roleSpecSchema, raw, `role ${name}`);
  const varsFile = path.join(directory, 'vars', 'main.yml');
  return {
    name,
    directory,
    spec,
    defaults: optionDefaults(spec, raw),
    vars: existsSync(varsFile) ? readMapFile(varsFile, 'strict') : {},
  };
}
