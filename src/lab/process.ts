/** Runs programs of this machine (docker, mmdebstrap, ssh-keygen): bounded in time and in output. */
import { spawn } from 'node:child_process';
import { failure } from '../support/diagnostic.ts';

/** The most that is kept of a program's output, per stream; what is over is dropped from the front. */
const KEPT_BYTES = 4 * 1024 * 1024;

export interface ProgramResult {
  /** Exit status, or 128 + signal number as shells have it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Milliseconds after which the program is killed and the call fails. */
  readonly timeoutMs: number;
  /** Sent to its standard input, which is then closed. Without it there is no standard input. */
  readonly input?: string | Buffer | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told each line of standard error as it comes, for progress. */
  readonly onErrorLine?: ((line: string) => void) | undefined;
}

class Tail {
  #chunks: Buffer[] = [];
  #size = 0;
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    while (this.#size > KEPT_BYTES && this.#chunks.length > 1) this.#size -= this.#chunks.shift()?.length ?? 0;
  }
  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** Signal numbers of signal(7) that a child may die of here. */
const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/**
 * Runs a program to its end, whatever its exit status.
 *
 * @throws Diagnostic `program-missing` when it is not installed, `program-timeout` when it was killed for
 *   its time, `program-cancelled` when the signal aborted it
 */
export async function runProgram(file: string, args: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
    });
    const out = new Tail();
    const err = new Tail();
    let line = '';
    let ended: 'timeout' | 'cancelled' | undefined;
    const kill = (why: 'timeout' | 'cancelled'): void => {
      ended ??= why;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
    };
    const timer = setTimeout(() => { kill('timeout'); }, options.timeoutMs);
    const onAbort = (): void => { kill('cancelled'); };
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted === true) onAbort();
    child.stdout?.on('data', (chunk: Buffer) => { out.push(chunk); });
    child.stderr?.on('data', (chunk: Buffer) => {
      err.push(chunk);
      if (options.onErrorLine === undefined) return;
      const lines = (line + chunk.toString('utf8')).split('\n');
      line = lines.pop() ?? '';
      for (const each of lines) options.onErrorLine(each);
    });
    // A program that ends without reading its input breaks the pipe; its exit status tells what happened.
    child.stdin?.on('error', () => undefined);
    if (options.input !== undefined) child.stdin?.end(options.input);
    const finish = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    child.on('error', (cause: NodeJS.ErrnoException) => {
      finish();
      reject(
        failure(cause.code === 'ENOENT' ? 'program-missing' : 'program-failed', `cannot run ${file}: ${cause.message}`, {
          remedy: cause.code === 'ENOENT' ? `install ${file}; ./scripts/setup does it on Debian and Ubuntu` : undefined,
          cause,
        }),
      );
    });
    child.on('close', (code, signal) => {
      finish();
      const what = [file, ...args.slice(0, 2)].join(' ');
      if (ended === 'timeout') {
        reject(failure('program-timeout', `${what} did not end within ${options.timeoutMs / 1000} s`, { detail: lastLines(err.text()) }));
      } else if (ended === 'cancelled') {
        reject(failure('program-cancelled', `${what} was cancelled`));
      } else {
        resolve({ status: code ?? 128 + (SIGNALS[signal ?? ''] ?? 0), stdout: out.text(), stderr: err.text() });
      }
    });
  });
}

/** The last lines of a program's output, for an error's detail. */
export function lastLines(text: string, count = 12): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
