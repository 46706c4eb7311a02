/** From arguments to exit status: parse, run the one command, print whatever error comes. */
import { CommanderError } from 'commander';
import { Diagnostic, ExitStatus } from '../support/diagnostic.ts';
import type { CliContext } from './context.ts';
import { formatError } from './errors.ts';
import { buildProgram } from './program.ts';
import { statusOf } from './reporters/cli-reporter.ts';
import { newSession } from './session.ts';

/**
 * @param args the words after the program's name
 * @returns the exit status; never throws
 */
export async function main(args: readonly string[], context: CliContext): Promise<number> {
  const session = newSession(context);
  try {
    await buildProgram(session).parseAsync([...args], { from: 'user' });
    return session.status;
  } catch (error) {
    // Commander has printed its message and the suggestion. Status 0 is --help and --version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.ok : ExitStatus.usage;
    context.stderr.write(`${formatError(error, context.paintError)}\n`);
    return statusOf(error);
  }
}

/** Closes the outputs; an output that could not be written turns success into an error. */
export function finish(status: number, context: CliContext): number {
  try {
    context.stdout.close();
  } catch (error) {
    context.stderr.write(`${formatError(error, context.paintError)}\n`);
    if (status === ExitStatus.ok) return error instanceof Diagnostic ? error.exitStatus : ExitStatus.internal;
  }
  return status;
}
