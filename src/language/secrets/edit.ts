/** `secrets edit`: a secret in the editor, in a private folder in memory where there is one, and gone afterwards. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { badInput, failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { replaceFile } from './files.ts';
import { readIdentities, type IdentityOptions } from './identity.ts';
import { canRead, encryptFor, readRecipients } from './recipients.ts';
import { decryptBytes, isAgeFile, openScalar } from './values.ts';
import { findSecrets, replaceSecrets } from './yaml-secrets.ts';

export interface EditOptions extends IdentityOptions {
  /** The editor's command line; default `$VISUAL`, `$EDITOR`, `vi`. */
  readonly editor?: string;
}

/**
 * Edits a wholly encrypted file (one that does not exist is made), or one `!secret` value of a YAML file.
 *
 * @param key keys of the value, joined by dots; undefined for a whole file
 * @returns whether anything was changed and saved
 * @throws Diagnostic when the editor fails (nothing is saved then), or the file changed meanwhile
 */
export async function editSecret(inventory: string, path: string, key: string | undefined, options: EditOptions = {}): Promise<boolean> {
  const recipients = readRecipients(inventory);
  if (!canRead(readIdentities(options), recipients)) throw badInput('lock-out', 'none of your own keys is among the recipients: you could not read what you save', { remedy: 'care-provision secrets init' });
  return key === undefined ? await editFile(path, recipients, options) : await editValue(path, key, recipients, options);
}

async function editFile(path: string, recipients: readonly string[], options: EditOptions): Promise<boolean> {
  const before = existsSync(path) ? readFileSync(path) : undefined;
  if (before !== undefined && !isAgeFile(before)) {
    throw badInput('not-encrypted', `${path} is not encrypted as a whole`, { remedy: 'name the key of the !secret value to edit, or encrypt the file with: care-provision secrets encrypt' });
  }
  const old = before === undefined ? '' : decryptBytes(before, { file: { path, text: '' }, start: 0, end: 0 }, options).toString('utf8');
  const edited = await inEditor(basename(path).replace(/\.age$/, ''), old, options);
  if (edited === old) return false;
  replaceFile(path, await encryptFor(recipients, edited), before);
  return true;
}

async function editValue(path: string, key: string, recipients: readonly string[], options: EditOptions): Promise<boolean> {
  const file = { path, text: readFileSync(path, 'utf8') };
  const scalars = findSecrets(file);
  const scalar = scalars.find((s) => s.path.join('.') === key);
  if (scalar === undefined) throw badInput('unknown-secret', `${path} has no !secret ${key}`, { remedy: scalars.length === 0 ? 'it holds no !secret values' : `it has: ${scalars.map((s) => s.path.join('.')).join(', ')}` });
  const old = openScalar(scalar, options).reveal();
  // Editors end a file with a line break; one that the value did not have is taken off again.
  const shown = old.endsWith('\n') ? old : `${old}\n`;
  const edited = await inEditor(key, shown, options);
  const value = old.endsWith('\n') ? edited : edited.replace(/\n$/, '');
  if (value === old) return false;
  replaceFile(path, replaceSecrets(file, new Map([[scalar, await encryptFor(recipients, value)]])), file.text);
  return true;
}

/** A folder that lives in memory, where the system has one that we may write to. */
function privateParent(environment: Readonly<Record<string, string | undefined>>): string {
  for (const candidate of [environment['XDG_RUNTIME_DIR'], '/dev/shm']) {
    if (candidate !== undefined && candidate !== '' && statSync(candidate, { throwIfNoEntry: false })?.isDirectory() === true) return candidate;
  }
  return tmpdir();
}

async function inEditor(name: string, content: string, options: EditOptions): Promise<string> {
  const environment = options.environment ?? process.env;
  const folder = mkdtempSync(join(privateParent(environment), 'care-secret-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  const stop = (signal: NodeJS.Signals): void => {
    remove();
    process.removeListener(signal, stop);
    process.kill(process.pid, signal);
  };
  // The terminal's Ctrl-C is the editor's business; the folder goes with this process however it ends.
  const ignore = (): void => undefined;
  process.on('exit', remove).on('SIGTERM', stop).on('SIGHUP', stop).on('SIGINT', ignore);
  try {
    const path = join(folder, name.replaceAll(/[^A-Za-z0-9._-]/g, '_') || 'secret');
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
    await runEditor(options.editor ?? environment['VISUAL'] ?? environment['EDITOR'] ?? 'vi', path, environment);
    return new Secret(readFileSync(path, 'utf8')).reveal();
  } finally {
    remove();
    process.off('exit', remove).off('SIGTERM', stop).off('SIGHUP', stop).off('SIGINT', ignore);
  }
}

function runEditor(editor: string, path: string, environment: Readonly<Record<string, string | undefined>>): Promise<void> {
  return new Promise((resolve, reject) => {
    // No core dump may hold the secret. As git does: the editor is a shell command line, the path an argument of its own.
    const child = spawn('/bin/sh', ['-c', `ulimit -c 0; ${editor} "$@"`, editor, path], { stdio: 'inherit', env: environment });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(failure('editor-failed', `the editor ended with ${signal ?? `status ${String(code)}`}; nothing was saved`, { remedy: 'set EDITOR to one that works here' }));
    });
  });
}
