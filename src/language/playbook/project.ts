/** Where things are: playbooks, roles, files, templates, as Ansible looks them up. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { badInput } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import type { SourceFile, Span } from '../../support/source.ts';
import type { Value } from '../../support/value.ts';
import { readdirSync } from 'node:fs';
import { parseYaml, readSourceFile } from '../yaml.ts';
import type { Attributes } from './model.ts';
import { loadRole, type Role } from './role.ts';

export interface Project {
  /** The folder that holds `playbooks/`, `roles/` and, commonly, `inventory/`. */
  readonly root: string;
  /** Folders that hold roles, first match wins. */
  readonly rolePaths: readonly string[];
  readYaml(file: string, usedAt: Span | undefined): { readonly source: SourceFile; readonly content: Value };
  /** A role that was found, read once. @throws Diagnostic or DiagnosticList for what is wrong in it */
  readRole(name: string, directory: string, usedAt: Span | undefined): Role;
  /** @throws Diagnostic with the nearest known role */
  findRole(name: string, usedAt: Span | undefined): string;
  findTaskFile(name: string, at: Attributes, usedAt: Span): string;
  /** A file of `files/` or `templates/`. @throws Diagnostic that lists where was looked */
  findFile(kind: 'files' | 'templates', src: string, at: Attributes, usedAt: Span | undefined): string;
}

function isFile(file: string): boolean {
  return existsSync(file) && statSync(file).isFile();
}

function isDirectory(file: string): boolean {
  return existsSync(file) && statSync(file).isDirectory();
}

/** The nearest folder at or above `from` that holds `playbooks/` or `roles/`; else `from` itself. */
export function findProjectRoot(from: string): string {
  const start = isDirectory(from) ? path.resolve(from) : path.dirname(path.resolve(from));
  for (let dir = start; ; dir = path.dirname(dir)) {
    if (isDirectory(path.join(dir, 'playbooks')) || isDirectory(path.join(dir, 'roles'))) return dir;
    if (path.dirname(dir) === dir) return start;
  }
}

/** Messages name files as the user would: relative to where they stand, when that is shorter. */
function displayPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}

/**
 * @param root the project's folder
 * @param shippedRoles the roles that come with the program, looked at last
 * @param used is told of every file that is used, and of every role's folder, before it is read
 */
export function openProject(root: string, playbookDirectory: string, shippedRoles: string, used: (path: string) => void = () => undefined): Project {
  const rolePaths = [...new Set([path.join(playbookDirectory, 'roles'), path.join(root, 'roles'), shippedRoles])];
  const parsed = new Map<string, { source: SourceFile; content: Value }>();
  const roles = new Map<string, Role>();

  function firstExisting(candidates: readonly string[], what: string, usedAt: Span | undefined, test: (file: string) => boolean): string {
    const found = candidates.find(test);
    if (found !== undefined) {
      used(found);
      return found;
    }
    throw badInput('file-not-found', `${what} is not there`, { span: usedAt, detail: `looked for:\n${candidates.map((c) => `  ${displayPath(c)}`).join('\n')}` });
  }

  return {
    root,
    rolePaths,
    readYaml(file, usedAt) {
      const known = parsed.get(file);
      if (known !== undefined) return known;
      if (!isFile(file)) throw badInput('file-not-found', `${displayPath(file)} is not there`, { span: usedAt });
      used(file);
      const source = readSourceFile(file, displayPath(file));
      const result = { source, content: parseYaml(source, { dialect: 'strict' }) };
      parsed.set(file, result);
      return result;
    },
    readRole(name, directory, usedAt) {
      const key = `${name}\0${directory}`;
      const role = roles.get(key) ?? loadRole(name, directory, usedAt);
      roles.set(key, role);
      return role;
    },
    findRole(name, usedAt) {
      const candidates = path.isAbsolute(name) ? [name] : rolePaths.map((p) => path.join(p, name));
      const found = candidates.find(isDirectory);
      if (found !== undefined) {
        used(found);
        return found;
      }
      const known = rolePaths.filter(isDirectory).flatMap((p) => readdirSync(p).filter((n) => isDirectory(path.join(p, n))));
      throw badInput('unknown-role', `there is no role ${name}`, { span: usedAt, detail: `looked in:\n${rolePaths.map((p) => `  ${displayPath(p)}`).join('\n')}`, remedy: suggestion(name, known) });
    },
    findTaskFile(name, at, usedAt) {
      const role = at.role?.role.directory;
      const candidates = path.isAbsolute(name) ? [name] : [path.join(at.directory, name), ...(role === undefined ? [] : [path.join(role, 'tasks', name)])];
      return firstExisting([...new Set(candidates)], `the task file ${name}`, usedAt, isFile);
    },
    findFile(kind, src, at, usedAt) {
      const role = at.role?.role.directory;
      const bases = [...(role === undefined ? [] : [path.join(role, kind), role]), path.join(at.directory, kind), at.directory, path.join(playbookDirectory, kind), playbookDirectory, path.join(root, kind)];
      const candidates = path.isAbsolute(src) ? [src] : [...new Set(bases.map((b) => path.join(b, src)))];
      return firstExisting(candidates, `${kind === 'templates' ? 'the template' : 'the file'} ${src}`, usedAt, existsSync);
    },
  };
}
