/** Keeps a CA's file on the controller: never half-written, never overwritten unseen, readable by its owner only. */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';
import { isMissing } from '../../support/missing.ts';

/** The file's text; undefined when there is none. @throws Error when it cannot be read */
export function readKept(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Replaces the file. With `before` undefined the file must not exist, and that holds even when two do it at once.
 * @throws Error when the file is no longer what it was
 */
export function keep(path: string, text: string, before: string | undefined): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = openSync(beside, 'wx', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (readKept(path) !== before) throw new Error(`${path} was changed by somebody else in the meantime`);
    if (before === undefined) linkSync(beside, path);
    else renameSync(beside, path);
    const directory = openSync(dirname(path), 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  } finally {
    rmSync(beside, { force: true });
  }
}
