/** The life of a benchmark's process: it tidies up however it ends. */
export const say = (line: string): void => { process.stderr.write(`${line}\n`); };

/**
 * Runs it; an error is told and makes the exit status 1, a signal ends the process with the shell's status for it.
 *
 * @param tidy takes down what was brought up; called once more where a signal comes while it is at work, so it must bear that
 */
export async function runBench(bench: () => Promise<void>, tidy: () => Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { void tidy().then(() => process.exit(signal === 'SIGINT' ? 130 : 143)); });
  try {
    await bench();
  } catch (error) {
    say(error instanceof Error ? error.stack ?? error.message : String(error));
    process.exitCode = 1;
  } finally {
    await tidy();
  }
}
