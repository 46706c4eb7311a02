/** Handlers that earlier, cut-off runs still owe this host (see src/state/pending-handlers.ts). */
import { listPendingProbe, parsePending, PENDING_DIRECTORY, type PendingNote } from '../../state/pending-handlers.ts';
import { defineQuery } from '../define-query.ts';

/** Key: the directory, normally {@link PENDING_DIRECTORY}. Fact: the notes, by id. */
export const pendingHandlers = defineQuery<string, readonly PendingNote[]>({
  name: 'pending-handlers',
  id: (directory) => directory,
  describe: (directory) => `pending handlers in ${directory}`,
  probe: (directories) => directories.map((d) => `${listPendingProbe(d)}\nprintf end\ncare_mark`).join('\n'),
  parse(directories, output) {
    // What stands before the first mark is the first note; every directory ends with a section `end`.
    const sections = [output.head, ...output.sections];
    let from = 0;
    return directories.map(() => {
      const end = sections.findIndex((s, i) => i >= from && s.toString('latin1') === 'end');
      if (end === -1) throw new Error('the list of pending handlers is cut off');
      const notes = parsePending(sections.slice(from, end));
      from = end + 1;
      return notes;
    });
  },
});

export { PENDING_DIRECTORY };
