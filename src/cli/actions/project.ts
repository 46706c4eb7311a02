/** Which project a command works on when no file says so. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProjectRoot } from '../../language/playbook/project.ts';
import { packageRoot } from '../../support/package-root.ts';

/** The project around the working directory, else the one that comes with the program. */
export function projectRoot(cwd: string): string {
  const root = findProjectRoot(cwd);
  return existsSync(join(root, 'playbooks')) || existsSync(join(root, 'roles')) ? root : packageRoot();
}
