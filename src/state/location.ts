/** Where this program keeps its state on the controller. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The state directory: `CARE_STATE`, else `$XDG_STATE_HOME/care-provision`, else
 * `~/.local/state/care-provision` (XDG Base Directory Specification 0.8: a relative XDG_STATE_HOME is ignored).
 */
export function stateDirectory(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const own = environment['CARE_STATE'];
  if (own !== undefined && own !== '') return resolve(own);
  const xdg = environment['XDG_STATE_HOME'];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'care-provision');
  return join(environment['HOME'] ?? homedir(), '.local', 'state', 'care-provision');
}

export function historyFile(directory = stateDirectory()): string {
  return join(directory, 'history.sqlite');
}

export function locksFile(directory = stateDirectory()): string {
  return join(directory, 'locks.sqlite');
}
