/** What a host has kept of a run (`host/keep`), and what later runs have changed of the same. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { decodeJournal, type JournalEntry } from '../keep/journal.ts';

export interface KeptRunKey {
  /** The run's whole name. */
  readonly run: string;
  /** Where the host keeps runs. */
  readonly directory: string;
}

export interface KeptRun {
  /** Undefined: nothing is kept of it. */
  readonly entries: readonly JournalEntry[] | undefined;
  /** The runs that are kept, the oldest first. */
  readonly runs: readonly string[];
  /** Later runs, with the names of what they have changed. */
  readonly later: readonly { readonly run: string; readonly things: readonly string[] }[];
}

function probeOne({ run, directory }: KeptRunKey): string {
  return `k=
for d in ${quote(directory)}/[0-9]*-[0-9]*-*; do
[ -d "$d" ] || continue
care_mark; printf 'run %s' "\${d##*/}"
[ "\${d##*/}" != ${quote(run)} ] || k=1
[ -n "$k" ] || continue
for j in "$d"/*.journal; do [ ! -f "$j" ] || { care_mark; cat -- "$j"; }; done
done
care_mark; printf end`;
}

/** A thing's name, the same in all journals. */
function nameOf(entry: JournalEntry): string {
  return entry.of === 'path' ? `file ${entry.path}` : entry.of === 'unit' ? `unit ${entry.name}` : entry.resource;
}

/** @param sections of one key, from the first `run` on */
function read({ run }: KeptRunKey, sections: readonly string[]): KeptRun {
  const runs: string[] = [];
  const journals = new Map<string, JournalEntry[]>();
  for (const section of sections) {
    if (section.startsWith('run ')) {
      runs.push(section.slice(4));
      journals.set(section.slice(4), []);
    } else journals.get(runs.at(-1) ?? '')?.push(...decodeJournal(section));
  }
  const later = runs.slice(runs.indexOf(run) + 1).map((each) => ({ run: each, things: [...new Set((journals.get(each) ?? []).map(nameOf))] }));
  return { entries: runs.includes(run) ? journals.get(run) : undefined, runs, later: runs.includes(run) ? later : [] };
}

/** Read by root only. The parts of a run's journal come in the order in which they were begun. */
export const keptRun = defineQuery<KeptRunKey, KeptRun>({
  name: 'kept-run',
  id: ({ run, directory }) => `${directory}/${run}`,
  describe: ({ run }) => `what is kept of run ${run}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse(keys, output) {
    const sections = output.sections.map((section) => section.toString('utf8'));
    let from = 0;
    return keys.map((key) => {
      const end = sections.indexOf('end', from);
      if (end === -1) throw new Error('what is kept is cut off');
      const fact = read(key, sections.slice(from, end));
      from = end + 1;
      return fact;
    });
  },
  // Journals hold names of commands; a message has no use for them.
  show: (fact) => (fact.entries === undefined ? 'nothing' : `${String(fact.entries.length)} entries`),
});

export { nameOf as thingName };
