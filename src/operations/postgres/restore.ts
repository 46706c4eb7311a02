/** Where the playbook of role postgres_backup is that takes a cluster back to an earlier state. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findProjectRoot } from '../../language/playbook/project.ts';
import { packageRoot } from '../../support/package-root.ts';

const PLAYBOOK = path.join('playbooks', 'postgres-restore.yml');

/** The project's own, where it has one, else the program's. It may be that neither exists. */
export function restorePlaybook(inventory: string): string {
  const own = path.join(findProjectRoot(inventory), PLAYBOOK);
  return existsSync(own) ? own : path.join(packageRoot(), PLAYBOOK);
}
