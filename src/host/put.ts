/** Files whose content is ours: one by itself, or those of one directory together. */
import { createHash } from 'node:crypto';
import { copying, joinScripts, rawScript, sh, type Script } from '../support/shell.ts';
import type { JoinedFile } from './plan.ts';

/** What `care_put` of the prelude is given; an empty text keeps what is there. */
export interface FilePut {
  readonly path: string;
  /** The shell word of the file that holds the content on the host, with its attachment. */
  readonly source: Script;
  /** Bytes. */
  readonly size: number;
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

/** Larger files, and those that are not sent, are written one by one. */
const LARGEST = 32 * 1024;
const LARGEST_TOGETHER = 96 * 1024;
const MOST_TOGETHER = 48;

export function putScript(put: FilePut): Script {
  return copying(sh`care_put ${put.source} ${put.path} ${put.mode} ${put.owner} ${put.group}`);
}

/** How the change may be made with its neighbours, if its file is small. */
export function joinOfPut(put: FilePut): JoinedFile | undefined {
  return put.size > LARGEST ? undefined : { by: 'file', key: put.path.slice(0, put.path.lastIndexOf('/') + 1), put };
}

/** How many of these, which are of one directory, go together. */
export function goTogether(puts: readonly FilePut[]): number {
  let bytes = 0;
  const end = puts.findIndex((put, i) => i >= MOST_TOGETHER || (bytes += put.size) > LARGEST_TOGETHER);
  return end === -1 ? puts.length : end;
}

/** The name of the file that says, in the row, that this one has been made. */
export function putMark(put: FilePut): string {
  return `.made-${createHash('sha256').update(JSON.stringify([put.path, put.source.text, put.mode, put.owner, put.group])).digest('hex').slice(0, 16)}`;
}

/**
 * `care_puts MARK SRC PATH MODE OWNER GROUP …`, all paths of one directory: does what care_put does for each, with one private
 * directory, one chown and chmod for all in a row that are to be alike, and one wait for the disk: **all contents are synced
 * before the first is renamed**. They are renamed in order. It stops at the first that cannot be made, silently: that one's own
 * script, which comes later, says why. What was made leaves a mark beside the attachments.
 */
const CARE_PUTS = rawScript(`care_puts() (
  care_temp "$3" || exit 0
  i=0 c=$(($# / 6)) r= f= l=
  while :; do
    w=
    if [ $i -lt $c ]; then
      a=$((i * 6))
      eval "s=\\\${$((a + 2))} n=\\\${$((a + 3))} m=\\\${$((a + 4))} o=\\\${$((a + 5))} g=\\\${$((a + 6))}"
      n=../\${n##*/}
      if [ -d "$n" ]; then c=$i; continue; fi
      if { [ -z "$m" ] || [ -z "$o" ] || [ -z "$g" ]; } && [ -f "$n" ] && [ ! -L "$n" ]; then
        a=$(stat -c '%a %u %g' "$n") || { c=$i; continue; }
        m=\${m:-\${a%% *}} a=\${a#* }
        o=\${o:-\${a% *}} g=\${g:-\${a#* }}
      fi
      care_cat "$s" >$i || { c=$i; continue; }
      w="\${m:-644} $o\${g:+:$g}"
    fi
    if [ "$w" != "$r" ]; then
      if [ -n "$f" ]; then
        a=\${r#* }
        [ -z "$a" ] || chown -- "$a" $f || break
        chmod "00\${r%% *}" $f || break
        l="$l$f" f=
      fi
      r=$w
    fi
    [ -n "$w" ] || break
    f="$f $i" i=$((i + 1))
  done
  [ -n "$l" ] || exit 0
  sync $l 2>/dev/null || sync || exit 0
  for i in $l; do
    a=$((i * 6))
    eval "n=\\\${$((a + 3))} w=\\\${$((a + 1))}"
    mv -fT $i "../\${n##*/}" || exit 0
    true >"$care_files/$w" || exit 0
  done
) 2>/dev/null`);

/** Tries to make all, and never fails. To be followed by the script of each that has left no {@link putMark}. */
export function putsTogether(puts: readonly FilePut[]): Script {
  const words = puts.map((put, i) => {
    // What is to be kept of a file that is written twice is what it gets first.
    const before = puts.slice(0, i).findLast((other) => other.path === put.path);
    const kept = before === undefined ? put : { mode: put.mode || before.mode, owner: put.owner || before.owner, group: put.group || before.group };
    return sh`${putMark(put)} ${put.source} ${put.path} ${kept.mode} ${kept.owner} ${kept.group}`;
  });
  return copying(joinScripts([CARE_PUTS, rawScript('care_puts \\'), joinScripts([...words, rawScript('|| :')], ' \\\n')]));
}
