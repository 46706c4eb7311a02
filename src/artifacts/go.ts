/** Runs the Go toolchain: bounded in time and output, ended with its caller, and with errors that say why in a few lines. */
import { execFile, type ExecFileException } from 'node:child_process';

const OUTPUT_BYTES = 4 * 1024 * 1024;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface GoOptions {
  readonly cwd: string;
  readonly env: Environment;
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @returns what it wrote to standard output
 * @throws Error with the last lines of what it said, or why it could not be run
 */
export async function runGo(args: readonly string[], options: GoOptions): Promise<string> {
  const { cwd, env, seconds, signal } = options;
  return new Promise((resolve, reject) => {
    execFile('go', args, { cwd, env: { ...env }, timeout: seconds * 1000, killSignal: 'SIGKILL', maxBuffer: OUTPUT_BYTES, encoding: 'utf8', ...(signal === undefined ? {} : { signal }) }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(reasonOf(error, stderr, seconds), { cause: error }));
    });
  });
}

function reasonOf(error: ExecFileException, stderr: string, seconds: number): string {
  if (error.code === 'ENOENT') return 'there is no `go` on this machine';
  if (error.killed === true) return `it took more than ${String(seconds)} s`;
  const said = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('go: downloading '));
  return said.slice(-12).join('\n') || error.message;
}
