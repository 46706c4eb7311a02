/** Files that others read while runs go on: written whole or not at all. */
import { accessSync, chmodSync, closeSync, constants, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Diagnostic, failure } from '../../support/diagnostic.ts';

export interface WholeFile {
  /**
   * Puts a new file with this text in the place of the old one. Whoever made the text has masked it: here a secret could hit markup.
   *
   * @throws Diagnostic
   */
  write(text: string): void;
}

function isDirectory(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * A file to be written later, looked at now: a path that cannot be written is told before a run and not after it.
 *
 * @param option as the user wrote it, for messages: `--report`
 * @param mode of the new file
 * @throws Diagnostic `usage`
 */
export function wholeFile(file: string, option: string, mode: number): WholeFile {
  const directory = path.dirname(file);
  if (isDirectory(file)) throw new Diagnostic({ kind: 'usage', code: 'output-file', summary: `${option} ${file} is a directory`, remedy: 'name a file in it' });
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new Diagnostic({ kind: 'usage', code: 'output-file', summary: `${option} ${file} cannot be written: ${isDirectory(directory) ? 'no permission for its directory' : `there is no directory ${directory}`}`, remedy: 'make the directory, or name another file', cause });
  }
  return {
    write(text) {
      // In the same directory, so that the rename replaces the old file in one step; hidden, so that nobody takes it for one.
      const fresh = path.join(directory, `.${path.basename(file)}.${String(process.pid)}.new`);
      try {
        const descriptor = openSync(fresh, 'w', mode);
        try {
          // The umask must not decide who may read it.
          chmodSync(fresh, mode);
          writeFileSync(descriptor, text);
          fsyncSync(descriptor);
        } finally {
          closeSync(descriptor);
        }
        renameSync(fresh, file);
      } catch (cause) {
        rmSync(fresh, { force: true });
        throw failure('output-write', `cannot write ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { remedy: `give a writable path to ${option}, with room on its disk`, cause });
      }
    },
  };
}
