/** The shell that keeps what a batch of changes is about to replace: bounded, synced before the first change is made. */
import { quote, rawScript, type Script } from '../../support/shell.ts';

/** Where hosts keep what runs have replaced. */
export const KEPT_DIRECTORY = '/var/lib/care-provision/runs';

export interface KeepLimits {
  /** Default {@link KEPT_DIRECTORY}. */
  readonly directory?: string;
  /** Runs that are kept on a host, this one among them; at least 1. */
  readonly runs: number;
  /** Bytes of all runs on a host: half for a run, half for those before. */
  readonly bytes: number;
  /** A run that is not dropped, since this one puts it back. */
  readonly protects?: string | undefined;
}

/** Files of one directory, copied by one process. */
export interface CopyGroup {
  /** Below the run's directory. */
  readonly directory: string;
  readonly paths: readonly string[];
}

/** Something of which only the host can tell what is to be kept: it was not looked at, or it is a directory with all in it. */
export interface Choice {
  readonly path: string;
  readonly tree: boolean;
  /** Below the run's directory; its parent is made for it. */
  readonly copy: string;
  readonly ifKept: string;
  readonly ifAbsent: string;
  readonly ifNot: string;
}

export interface ToWrite {
  readonly run: string;
  readonly part: string;
  readonly groups: readonly CopyGroup[];
  /** In the order of the changes. */
  readonly lines: readonly (string | Choice)[];
}

/** Names of runs sort by time; these are what a shell's pattern calls them. */
const RUNS = '[0-9]*-[0-9]*-*';

/** Drops the oldest, until there is room for one more. `du` is asked only where there is something to drop. */
function makeRoom({ runs, bytes, protects }: KeepLimits): string {
  const drop = protects === undefined ? 'rm -rf -- "$1"' : `[ "\${1##*/}" = ${quote(protects)} ] || rm -rf -- "$1"`;
  return `set -- "$r"/${RUNS}
  [ -e "$1" ] || shift
  while [ $# -ge ${String(runs)} ] && [ $# -gt 0 ]; do ${drop}; shift; done
  while [ $# -gt 0 ] && u=$(du -sk -- "$r") && [ "\${u%%[!0-9]*}" -gt ${String(Math.floor(bytes / 2048))} ]; do ${drop}; shift; done`;
}

function copyGroup({ directory, paths }: CopyGroup): string {
  return `mkdir -- "$d"/${quote(directory)} && cp -pP -- ${paths.map(quote).join(' ')} "$d"/${quote(directory)}/ || exit 1
s="$s $d"/${quote(directory)}/*`;
}

/** busybox's du and GNU's both count in KiB with -k; a tree is as large as that says. What the run has kept by then counts, too: there may be many trees. */
function choose({ path, tree, copy, ifKept, ifAbsent, ifNot }: Choice, bytes: number): string {
  const [p, c] = [quote(path), quote(copy)];
  const say = (line: string): string => `printf '%s\\n' ${quote(line)} >>"$j"`;
  const fits = tree ? '[ -d "$p" ] && [ ! -L "$p" ]' : '{ [ -L "$p" ] || [ -f "$p" ]; }';
  return `p=${p}
if [ ! -e "$p" ] && [ ! -L "$p" ]; then ${say(ifAbsent)}
elif ${fits} && u=$(du -sk -- "$p") && v=$(du -sk -- "$d") && [ $((\${u%%[!0-9]*} + \${v%%[!0-9]*})) -le ${String(Math.floor(bytes / 2048))} ]; then
mkdir -- "$d"/${quote(copy.slice(0, copy.lastIndexOf('/')))} && cp -${tree ? 'a' : 'pP'} -- "$p" "$d"/${c} && ${say(ifKept)} || exit 1
y=1
else ${say(ifNot)}
fi || exit 1`;
}

/** Lines that are written by one printf, and choices. */
function pieces(lines: ToWrite['lines']): readonly (string[] | Choice)[] {
  const out: (string[] | Choice)[] = [];
  for (const line of lines) {
    const last = out.at(-1);
    if (typeof line !== 'string') out.push(line);
    else if (Array.isArray(last)) last.push(line);
    else out.push([line]);
  }
  return out;
}

/**
 * Copies and journal, in that order, synced before it ends. To stand before the changes, under `set -e`.
 *
 * The journal's line comes after its copy: a copy that is cut off has none. A copy is a file of its own rather than a hard link, since a
 * change may write into a file or change its mode where it is.
 */
export function keepScript(limits: KeepLimits, what: ToWrite): Script {
  const directory = limits.directory ?? KEPT_DIRECTORY;
  const copies = what.groups.length > 0 || what.lines.some((line) => typeof line !== 'string');
  return rawScript(`(
umask 077
r=${quote(directory)}
d=$r/${what.run} s= y=
[ -d "$d" ] || {
  [ -d "$r" ] || mkdir -p -m 0700 -- "$r" || [ -d "$r" ] || exit 1
  ${makeRoom(limits)}
  # Another session of the run may be a moment ahead: a delegated task's, or that of another name of the host.
  mkdir -- "$d" 2>/dev/null || [ -d "$d" ] || { echo "cannot make $d" >&2; exit 1; }
}
# Parts are read in the order in which the host has seen them begin: controllers of one run may disagree about the time.
j=
for f in "$d"/*-${what.part}.journal; do [ ! -f "$f" ] || j=$f; done
[ -n "$j" ] || { set -- "$d"/*.journal; [ -e "$1" ] || shift; j=$d/$(printf %05d $#)-${what.part}.journal; }
${copies ? `[ -d "$d"/${what.part} ] || mkdir -- "$d"/${what.part} || exit 1\n` : ''}${[
    ...what.groups.map(copyGroup),
    ...pieces(what.lines).map((piece) => (Array.isArray(piece) ? `printf '%s\\n' ${piece.map(quote).join(' \\\n')} >>"$j" || exit 1` : choose(piece, limits.bytes))),
  ].join('\n')}
[ -z "$y" ] || { sync; exit; }
sync "$j" "$d" $s 2>/dev/null || sync
) || { echo 'what is to be replaced cannot be kept for a rollback, so it is not replaced' >&2; exit 1; }`);
}
