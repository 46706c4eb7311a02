/** Where text leaves this program: masked, and unmoved by a reader that went away. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { failure } from '../../support/diagnostic.ts';
import { maskSecrets, type Secret } from '../../support/secret.ts';

/** A sink for text. `write` never throws; `close` throws a Diagnostic when something could not be written. */
export interface Output {
  write(text: string): void;
  /** Writes a secret as it is: only where showing it is what was asked for. */
  reveal(secret: Secret): void;
  close(): void;
  /** True for a terminal that can take colour and cursor movement. */
  readonly isTTY: boolean;
  /** Columns of a terminal; undefined elsewhere. */
  columns(): number | undefined;
}

/** What of a stream {@link streamOutput} needs; process.stdout and process.stderr are such. */
export interface TextStream {
  write(text: string): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/**
 * Text to a stream of this process. When the reader goes away (EPIPE: `| head`, a closed terminal), the rest is
 * dropped and the work goes on: a run must not be cut off in the middle because nobody looks any more.
 */
export function streamOutput(stream: TextStream): Output {
  let gone = false;
  let broken: NodeJS.ErrnoException | undefined;
  stream.on('error', (error) => {
    gone = true;
    if (error.code !== 'EPIPE' && error.code !== 'EIO') broken = error;
  });
  return {
    isTTY: stream.isTTY === true,
    columns: () => stream.columns,
    write(text) {
      if (!gone) stream.write(maskSecrets(text));
    },
    reveal(secret) {
      if (!gone) stream.write(secret.reveal());
    },
    close() {
      if (broken !== undefined) throw failure('output-write', `cannot write the output: ${broken.message}`, { cause: broken });
    },
  };
}

/**
 * Text to a file, made anew, written as it comes so that a killed run leaves what was reported up to then.
 *
 * @throws Diagnostic when the file cannot be opened
 */
export function fileOutput(path: string): Output {
  const problem = (what: string, cause: unknown): Error =>
    failure('output-write', `cannot ${what} the output file ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      remedy: 'give a writable path to --output-file, with room on its disk',
      cause,
    });
  let file: number;
  try {
    file = openSync(path, 'w');
  } catch (error) {
    throw problem('open', error);
  }
  let broken: Error | undefined;
  const put = (text: string): void => {
    if (broken !== undefined) return;
    const bytes = Buffer.from(text, 'utf8');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    } catch (error) {
      broken = problem('write', error);
    }
  };
  return {
    isTTY: false,
    columns: () => undefined,
    write: (text) => { put(maskSecrets(text)); },
    reveal: (secret) => { put(secret.reveal()); },
    close() {
      try {
        fsyncSync(file);
      } catch (error) {
        // A pipe or a device given as the file (/dev/stdout) cannot be synced.
        if (!(error instanceof Error && 'code' in error && (error.code === 'EINVAL' || error.code === 'ENOTSUP' || error.code === 'EROFS'))) {
          broken ??= problem('write', error);
        }
      } finally {
        closeSync(file);
      }
      if (broken !== undefined) throw broken;
    },
  };
}
