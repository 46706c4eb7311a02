/** Files written whole or not at all. */
import { closeSync, fchmodSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename, dirname, extname, join } from 'node:path';
import { badInput } from '../../support/diagnostic.ts';

function sync(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes beside the file, syncs and renames, with the mode set before the name is visible.
 *
 * @param expected the content that the file had when the new one was made; undefined for none
 * @param mode for a new file; one that exists keeps its own
 * @throws Diagnostic when somebody else has changed the file meanwhile
 */
export function replaceFile(path: string, content: string | Uint8Array, expected: string | Uint8Array | undefined, mode = 0o644): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    const bytes = Buffer.from(content);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fchmodSync(fd, stats === undefined ? mode : stats.mode & 0o7777);
    fsyncSync(fd);
    const now = stats === undefined ? undefined : readFileSync(path);
    if (expected === undefined ? now !== undefined : now?.equals(Buffer.from(expected)) !== true) {
      throw badInput('file-changed', `${path} was changed by somebody else meanwhile; nothing was written to it`, { remedy: 'run the command again' });
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  sync(dirname(path));
}

const YAML_ENDINGS = ['', '.yml', '.yaml', '.json', '.age'];

/** Files of an inventory, or of another folder, that may hold secrets; hidden ones and links to folders left out. */
export function filesUnder(root: string): string[] {
  if (!statSync(root).isDirectory()) return [root];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(root, entry.name);
      if (entry.isDirectory()) return filesUnder(path);
      return entry.isFile() && YAML_ENDINGS.includes(extname(entry.name)) ? [path] : [];
    });
}
