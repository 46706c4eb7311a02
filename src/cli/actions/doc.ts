/** `doc`: the reference of modules and roles, from what the program itself checks against. */
import { basename, join } from 'node:path';
import { openProject } from '../../language/playbook/project.ts';
import { loadRole } from '../../language/playbook/role.ts';
import { findModule } from '../../modules/registry.ts';
import { badInput, Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { packageRoot } from '../../support/package-root.ts';
import type { DocFlags } from '../commands/doc.ts';
import type { CliContext } from '../context.ts';
import { moduleDoc, sortedModules } from '../doc/module-doc.ts';
import { moduleList, moduleMarkdown, modulesMarkdown, moduleText } from '../doc/render.ts';
import { roleMarkdown, roleText } from '../doc/role-doc.ts';
import { projectRoot } from './project.ts';

/** Columns of text where there is no terminal, and the most that is easy to read. */
const WIDTH = 100;

function roleAction(context: CliContext, name: string, flags: DocFlags, width: number): void {
  const root = projectRoot(context.cwd);
  const directory = openProject(root, join(root, 'playbooks'), join(packageRoot(), 'roles')).findRole(name, undefined);
  const role = loadRole(basename(name), directory, undefined);
  context.stdout.write(flags.format === 'markdown' ? roleMarkdown(role) : roleText(role, context.paint, width));
}

/** @throws Diagnostic `usage` for a module and a role together, `unknown-module`, `unknown-role` */
export function docAction(context: CliContext, module: string | undefined, flags: DocFlags): ExitStatus {
  const width = Math.min(context.stdout.columns() ?? WIDTH, WIDTH);
  if (flags.role !== undefined) {
    if (module !== undefined) throw new Diagnostic({ kind: 'usage', code: 'doc-both', summary: 'give a module or --role, not both' });
    roleAction(context, flags.role, flags, width);
    return ExitStatus.ok;
  }
  if (module === undefined) {
    context.stdout.write(flags.format === 'markdown' ? modulesMarkdown(sortedModules().map(moduleDoc)) : moduleList(sortedModules(), context.paint));
    return ExitStatus.ok;
  }
  const found = findModule(module);
  if (found === undefined) throw badInput('unknown-module', `there is no module ${module}`, { remedy: suggestion(module, sortedModules().map((each) => each.name)) ?? 'care-provision doc lists them' });
  const doc = moduleDoc(found);
  context.stdout.write(flags.format === 'markdown' ? moduleMarkdown(doc) : moduleText(doc, context.paint, width));
  return ExitStatus.ok;
}
