import { Command } from 'commander';
import { packageVersion } from '../../support/package-root.ts';
import type { Session } from '../session.ts';

export function versionCommand(session: Session): Command {
  return new Command('version').description('print the version of this program and of Node').action(() => {
    session.context.stdout.write(`care-provision ${packageVersion()} (Node ${process.version})\n`);
  });
}
