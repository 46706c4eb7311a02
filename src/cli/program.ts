/**
 * The command tree. Commands are thin: words, options and texts here and in `commands/`, the work in `actions/`,
 * imported only when a command runs, so that `--help` loads neither clients nor schemas.
 */
import { Command, Help } from 'commander';
import { packageVersion } from '../support/package-root.ts';
import { applyCommand, checkCommand, verifyCommand } from './commands/apply.ts';
import { artifactsCommand } from './commands/artifacts.ts';
import { clusterCommand } from './commands/cluster.ts';
import { completionCommand } from './commands/completion.ts';
import { convergeCommand } from './commands/converge.ts';
import { dbCommand } from './commands/db.ts';
import { docCommand } from './commands/doc.ts';
import { driftCommand } from './commands/drift.ts';
import { drillCommand } from './commands/drill.ts';
import { historyCommand } from './commands/history.ts';
import { inventoryCommand } from './commands/inventory.ts';
import { labCommand } from './commands/lab.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { factsCommand, runAdHocCommand } from './commands/run.ts';
import { secretsCommand } from './commands/secrets.ts';
import { trustCommand } from './commands/trust.ts';
import { validateCommand } from './commands/validate.ts';
import { vaultCommand } from './commands/vault.ts';
import { versionCommand } from './commands/version.ts';
import { workerCommand } from './commands/worker.ts';
import type { Session } from './session.ts';

const EPILOGUE = `
Exit statuses: 0 converged, 2 drift found, 3 a host failed, 4 a host unreachable,
5 somebody could not be notified, 64 wrong usage, 65 bad input, 75 locked by another run, 130 interrupted, 1 a defect.

First steps: docs/getting-started.md`;

/** Settings that hold for every command of the tree. */
function settle(command: Command, session: Session): void {
  const { stdout, stderr } = session.context;
  command
    .exitOverride()
    // A repeatable option's empty list is no default worth showing.
    .configureHelp({ optionDescription: (option) => new Help().optionDescription(option).replace(' (default: [])', '') })
    .showHelpAfterError('(--help says more)')
    .configureOutput({
      writeOut: (text) => { stdout.write(text); },
      writeErr: (text) => { stderr.write(text); },
      getOutHelpWidth: () => stdout.columns() ?? 100,
      getErrHelpWidth: () => stderr.columns() ?? 100,
    });
  for (const child of command.commands) settle(child, session);
}

/** The whole tree. Actions set `session.status`. */
export function buildProgram(session: Session): Command {
  const program = new Command('care-provision')
    .description('Takes bare Debian hosts to a running CARE platform, and keeps them there. Agentless: needs sshd and sh on a host.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .enablePositionalOptions()
    .addHelpText('after', EPILOGUE);
  const makers = [
    applyCommand,
    checkCommand,
    verifyCommand,
    rollbackCommand,
    workerCommand,
    validateCommand,
    inventoryCommand,
    runAdHocCommand,
    factsCommand,
    secretsCommand,
    trustCommand,
    historyCommand,
    driftCommand,
    convergeCommand,
    artifactsCommand,
    clusterCommand,
    dbCommand,
    docCommand,
    drillCommand,
    vaultCommand,
    labCommand,
    completionCommand,
    versionCommand,
  ];
  for (const make of makers) program.addCommand(make(session, program));
  settle(program, session);
  return program;
}
