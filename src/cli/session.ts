/** What a command's definition needs: the world, and a place for the exit status. */
import { ExitStatus } from '../support/diagnostic.ts';
import type { CliContext } from './context.ts';

export interface Session {
  readonly context: CliContext;
  /** Set by the action of the command that ran; for `lab ssh` and `lab exec` the status of the program run there. */
  status: number;
}

export function newSession(context: CliContext): Session {
  return { context, status: ExitStatus.ok };
}
