/**
 * Handlers that a host is still owed, noted on the host itself before the change that notifies them is made,
 * and struck off after they have run. So a run that is cut off at any point leaves a note, and the next run
 * (from any controller) runs what is owed.
 */
import { createHash } from 'node:crypto';
import { attach, joinScripts, quote, rawScript, sh, Script } from '../support/shell.ts';

export const PENDING_DIRECTORY = '/var/lib/care-provision/pending';

/** A note: `id` is its file name, `text` its content (the engine's own JSON). */
export interface PendingNote {
  readonly id: string;
  readonly text: string;
}

/** A file name that is the same for the same handler in every run: a hash of what identifies it. */
export function pendingId(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

function checkedId(id: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,63}$/.test(id)) throw new RangeError(`not an id of a pending handler: ${id}`);
  return id;
}

/**
 * Notes handlers as owed. To be run in the same script as the change, before it; a note that is already there
 * stays. Durable (written beside, synced, renamed) before the script goes on. Needs `set -e` of the caller.
 */
export function notePending(notes: readonly PendingNote[], directory = PENDING_DIRECTORY): Script {
  const make = sh`[ -d ${directory} ] || ( umask 077; mkdir -p -- ${directory} ) || exit 1`;
  const each = notes.map((note) => {
    const path = `${directory}/${checkedId(note.id)}`;
    // Of this session: another name of the host may note the same at the same time.
    const beside = rawScript(`${quote(`${directory}/.${note.id}.`)}$$.new`);
    // `sync FILE` is coreutils 8.24's; where it is not known, everything is synced.
    return sh`[ -f ${path} ] || { ( umask 077; cat ${attach(note.text)} > ${beside} ) && { sync ${beside} 2>/dev/null || sync; } && mv -f -- ${beside} ${path}; } || exit 1`;
  });
  return joinScripts([make, ...each]);
}

/** Strikes handlers off, after they have run. */
export function clearPending(ids: readonly string[], directory = PENDING_DIRECTORY): Script {
  if (ids.length === 0) return new Script(':');
  return sh`rm -f -- ${ids.map((id) => `${directory}/${checkedId(id)}`)}`;
}

/** Read-only: prints, for each note, its id, a newline and its content; one `care_mark` after each. */
export function listPendingProbe(directory = PENDING_DIRECTORY): string {
  return sh`for care_note in ${directory}/*; do
  [ -f "$care_note" ] || continue
  printf '%s\n' "\${care_note##*/}"
  cat -- "$care_note"
  care_mark
done`.text;
}

/** Reads what {@link listPendingProbe} printed: the sections, the first being what came before the first mark. */
export function parsePending(sections: readonly Buffer[]): readonly PendingNote[] {
  const notes: PendingNote[] = [];
  for (const section of sections) {
    const text = section.toString('utf8');
    const end = text.indexOf('\n');
    if (end > 0) notes.push({ id: text.slice(0, end), text: text.slice(end + 1) });
  }
  return notes.sort((a, b) => (a.id < b.id ? -1 : 1));
}
