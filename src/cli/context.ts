/** What every command gets of the outside world; tests put their own in. */
import { painter, wantsColour, type Paint } from './terminal/colour.ts';
import { streamOutput, type Output } from './terminal/output.ts';
import type { ExitStatus } from '../support/diagnostic.ts';

export interface CliContext {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Colours for stdout and for stderr, each by what it is connected to. */
  readonly paint: Paint;
  readonly paintError: Paint;
  /** True when a person is at the keyboard: both stdin and stderr are terminals. */
  readonly interactive: boolean;
}

/** What a command's action gives back. */
export type ActionResult = Promise<ExitStatus>;

/** The context of this process. */
export function processContext(): CliContext {
  const stdout = streamOutput(process.stdout);
  const stderr = streamOutput(process.stderr);
  return {
    stdout,
    stderr,
    environment: process.env,
    cwd: process.cwd(),
    paint: painter(wantsColour(stdout.isTTY, process.env)),
    paintError: painter(wantsColour(stderr.isTTY, process.env)),
    interactive: process.stdin.isTTY && stderr.isTTY,
  };
}
