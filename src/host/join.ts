/** Which of the waiting changes are made in one go. */
import { createHash } from 'node:crypto';
import { joinScripts, sh, type Script } from '../support/shell.ts';
import type { Pending } from './pending.ts';
import type { Join, JoinedFile, JoinedWords, ShellChange } from './plan.ts';
import { goTogether, putScript, putsTogether, putMark } from './put.ts';

/** What is run for one change of a batch. */
export interface BatchScript {
  readonly script: Script;
  /** Finds something that the one before it has left, if it runs in the same row. */
  readonly keepWithPrevious: boolean;
  /** A file beside the attachments: when it is there, in the same row, this one's work is done. */
  readonly unless: string | undefined;
  /** The longest that any of those allows which this one makes. */
  readonly timeoutSeconds: number;
}

/**
 * The scripts of a batch, in order: the first of each row of joined changes makes them all. What is to be noted before any
 * of them is noted before that.
 *
 * @param rows whether the host runs consecutive scripts in one session, so that one finds what another has left
 * @param first to be run before all of them, in the first one's script
 */
export function batchScripts(batch: readonly Pending<ShellChange>[], rows: boolean, first?: Script): readonly BatchScript[] {
  const out: BatchScript[] = [];
  for (let at = 0; at < batch.length; ) {
    const run = joinedRun(batch, at, rows);
    const before = [...(at === 0 && first !== undefined ? [first] : []), ...run.flatMap((pending) => pending.before ?? [])];
    const timeouts = run.map(({ change, timeoutSeconds }) => change.timeoutSeconds ?? timeoutSeconds);
    runScripts(run).forEach(({ script, unless }, i) => {
      const noted = i === 0 && before.length > 0 ? joinScripts([...before, script]) : script;
      out.push({ script: noted, keepWithPrevious: i > 0, unless: rows ? unless : undefined, timeoutSeconds: i === 0 ? Math.max(...timeouts) : timeouts[i] ?? 0 });
    });
    at += run.length;
  }
  return out;
}

/** The change at this place and those behind it that are made with it. */
function joinedRun(batch: readonly Pending<ShellChange>[], at: number, rows: boolean): readonly Pending<ShellChange>[] {
  const first = joinOf(batch[at]);
  let end = at + 1;
  if (first !== undefined && (first.by === 'words' || rows)) {
    for (let next = joinOf(batch[end]); next?.by === first.by && next.key === first.key; next = joinOf(batch[end])) end += 1;
  }
  const run = batch.slice(at, end);
  const files = joinsOf(run, 'file');
  return files.length > 1 ? run.slice(0, Math.max(1, goTogether(files.map((file) => file.put)))) : run;
}

function runScripts(run: readonly Pending<ShellChange>[]): readonly { readonly script: Script; readonly unless?: string }[] {
  const own = run.map((pending) => pending.change.script);
  if (run.length < 2) return own.map((script) => ({ script }));
  const joins = joinsOf(run, 'words');
  const [first] = joins;
  if (first !== undefined) {
    const words = joins.flatMap((join) => join.words);
    const mark = `.joined-${createHash('sha256').update(JSON.stringify([first.key, words])).digest('hex').slice(0, 16)}`;
    return own.map((script, i) => (i === 0 ? { script: first.together(words, mark) } : { script, unless: mark }));
  }
  const puts = joinsOf(run, 'file').map((join) => join.put);
  return puts.map((put, i) => (i === 0 ? { script: joinScripts([putsTogether(puts), sh`[ -e "$care_files"/${putMark(put)} ] || ${putScript(put)}`]) } : { script: putScript(put), unless: putMark(put) }));
}

function joinsOf(run: readonly Pending<ShellChange>[], by: 'words'): readonly JoinedWords[];
function joinsOf(run: readonly Pending<ShellChange>[], by: 'file'): readonly JoinedFile[];
function joinsOf(run: readonly Pending<ShellChange>[], by: Join['by']): readonly Join[] {
  return run.flatMap((pending) => joinOf(pending) ?? []).filter((join) => join.by === by);
}

/** An environment of its own keeps a change by itself, and so does a file's script that does more than put it there. */
function joinOf(pending: Pending<ShellChange> | undefined): Join | undefined {
  if (pending === undefined || Object.keys(pending.environment).length > 0) return undefined;
  const { join, script } = pending.change;
  return join?.by === 'file' && script.text !== putScript(join.put).text ? undefined : join;
}
