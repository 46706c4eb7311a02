/**
 * Rows: consecutive scripts of a chain that travel as one request and run in one session of the host, each with its own
 * status, output, time-out and answer. `docs/protocol.md` explains every part.
 */
import { isUtf8 } from 'node:buffer';
import { quote } from '../support/shell.ts';
import type { WireFile } from './frames.ts';

/** Scripts of a row, at most: what may go on for a while on a host that is cut off without noticing. */
export const ROW_SCRIPTS = 64;
/** Bytes of a row's scripts and attachments. */
export const ROW_BYTES = 192 * 1024;
/** Longer texts, and what is no text, are stored by dd as the attachments of other requests. */
const TEXT_LIMIT = 64 * 1024;

/** One script of a row. */
export interface RowScript {
  readonly sequence: number;
  readonly timeoutSeconds: number;
  /** Bytes of each output that come back. */
  readonly outputLimit: number;
  /** Functions that the script calls; the same text is written down once for a row. */
  readonly prelude: string;
  /** A name in `$care_files`, or empty: when it is there, the script is not run and counts as done. */
  readonly unless: string;
  readonly body: Buffer;
  readonly files: readonly WireFile[];
}

/**
 * Read by the executor with `.`, without arguments. It starts the session below, which says on descriptor 3 what begins (s),
 * ended (e), was killed before it began (n) or could not be stored (f), and makes the frames of that, so that whoever kills
 * the session leaves no half of one.
 *
 * V is the watchdog: it counts the seconds of the script in hand. Y answers for one script. It uses q, b, m and p of the
 * runner, and i, t (the first and the last of the row), h (its chain), c (the chain that failed), D, N, S.
 */
const DRIVER = String.raw`if [ $# = 0 ];then
V(){ trap 'kill $k;exit' TERM;u=;while :;do sleep 1& k=$!;wait $k
read -r a c t l<"$D/g"&&[ "$c" ]||continue
b "$F/.o$a";b "$F/.e$a"
[ "$a" = "$u" ]||{ u=$a n=0;continue;}
n=$((n+1));[ $n -ge $t ]||continue
true>"$D/t$a";trap - TERM;q $c;exit;done;}
Y(){ o=$F/.o$1 e=$F/.e$1;m "$o";os=$s ox=$x;m "$e"
echo "$N E $1 $2 $3 $os $ox $s $x">&4||exit 9
{ p "$o" $os $ox;p "$e" $s $x;}>&4;j=$(($1+1));}
F=$D/f$i;care_files=$F;export care_files
{ V </dev/null >/dev/null 2>&1 4>&- &
w=$!
$S /bin/sh "$D/s$i" "$D" </dev/null 3>&1 >/dev/null 2>&1 4>&-
r=$?
read -r a x<"$D/g";echo>"$D/g"
if [ -e "$D/t$a" ];then wait $w;else kill $w;fi 2>/dev/null
echo "x $i $r";}|{ j=$i v=0 L=1024
while read -r k a r l y;do case $k in
s)L=$l;echo "$N S $a">&4||exit 9;;
e)Y $a $r $y;[ $y$r = d0 ]||v=3;;
n)echo "$N E $a 0 n 0 0 0 0">&4||exit 9;j=$((a+1));;
f)echo "$N E $a 0 x 0 0 0 0">&4||exit 9;j=$((a+1)) v=3;;
x)if [ $v = 0 ]&&[ $j -le $t ];then v=3 y=d l=$L;[ $r != 0 ]||r=1
[ ! -e "$D/t$j" ]||y=t;[ ! -e "$D/k$j" ]||y=k;Y $j $r $y;fi
while [ $j -le $t ];do echo "$N E $j 0 n 0 0 0 0">&4||exit 9;j=$((j+1));done;break
esac;done;exit $v;}
case $? in 0);;3)c=$h;;*)exit;esac
o=;j=$i;while [ $j -le $t ];do o="$o $D/k$j $D/t$j" j=$((j+1));done
rm -rf "$F" "$D/s$i" $o
return
fi
`;

/**
 * The session: each script in a subshell of its own (so with the options, traps, variables and directory that a new shell
 * would have), its output in files. An attachment that is text is a variable `care_x_ID` of the session, written out to the
 * file that its script expects (care_m) unless that only copies it with care_cat.
 */
const SESSION = String.raw`care_d=$1 care_bad=
set --
care_cat(){ case $1 in "$care_files"/*[!a-z0-9/]*);;"$care_files"/*)eval "[ -z \"\${care_x_${'$'}{1##*/}+1}\" ]||{ printf %s \"\$care_x_${'$'}{1##*/}\";return;}";;esac
cat -- "$1";}
care_m(){ eval "printf %s \"\$care_x_$1\"">"$care_files/$1"||care_bad=1;}
care_c(){ echo "$1 $$ $2 $3">"$care_d/g"
[ ! -e "$care_d/z" ]||exit 1
if [ -e "$care_d/k$1" ];then echo "n $1">&3;return;fi
[ -z "$care_bad" ]||{ echo "f $1">&3;exit 0;}
echo "s $1 0 $3">&3
[ -z "$5" ]||[ ! -e "$care_files/$5" ]||{ echo "e $1 0 $3 d">&3;return;}
care_i=$1 care_l=$3 care_t=$4;shift $#
(eval "$care_t")>>"$care_files/.o$care_i" 2>>"$care_files/.e$care_i" 3>&-
care_r=$? care_y=d
[ ! -e "$care_d/k$care_i" ]||care_y=k
echo "e $care_i $care_r $care_l $care_y">&3
[ $care_y$care_r = d0 ]||exit 0;}
`;

/** A name that a shell's variable can end with, and an attachment of our own has. */
const PLAIN_ID = /^[a-z0-9]+$/;

function isText(file: WireFile): boolean {
  return file.bytes.length <= TEXT_LIMIT && PLAIN_ID.test(file.id) && !file.bytes.includes(0) && isUtf8(file.bytes);
}

/** The text that the host runs for a row, and the attachments that travel beside it. */
export function encodeRow(scripts: readonly RowScript[]): { readonly body: Buffer; readonly files: readonly WireFile[] } {
  const lines: string[] = [DRIVER, ...new Set(scripts.map((script) => script.prelude)), SESSION];
  const files = new Map<string, WireFile>();
  const texts = new Set<string>();
  for (const script of scripts) {
    for (const file of script.files) {
      if (!isText(file)) {
        files.set(file.id, file);
        continue;
      }
      if (!texts.has(file.id)) lines.push(`care_x_${file.id}=${quote(file.bytes.toString('utf8'))}`);
      texts.add(file.id);
      if (!file.copied) lines.push(`care_m ${file.id}`);
    }
    lines.push(`care_c ${[script.sequence, script.timeoutSeconds, script.outputLimit].join(' ')} ${quote(script.body.toString('utf8'))}${script.unless === '' ? '' : ` ${quote(script.unless)}`}`);
  }
  return { body: Buffer.from(`${lines.join('\n')}\n`), files: [...files.values()] };
}
