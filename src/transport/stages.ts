/**
 * The shell programs that run on targets. `docs/protocol.md` explains every part.
 *
 * Stage 1 stands in the argument list, so it is short and holds nothing secret. It says hello and then
 * loads stage 2, a text of known length, from its input; stage 2 is one of the programs below.
 */
import { quoteForLoginShell } from './quoting.ts';

/** Stage 1 as one line of POSIX sh without any character that a login shell could take for its own. */
export function stageOne(nonce: string): string {
  return [
    `N=${nonce}`,
    'echo',
    'echo "$N H"',
    'read -r n||exit 1',
    // busybox `head -c` reads ahead and a plain dd reads short; the second dd is for one without fullblock.
    // F tells stage 2 which one it was.
    'F=',
    's=$(dd bs=$n count=1 iflag=fullblock 2>/dev/null)&&F=1||s=$(dd bs=1 count=$n 2>/dev/null)',
    // A text cut short by a lost connection must not run in part.
    'case $s in *"#$N")eval "$s";;esac',
    'exit 1',
  ].join(';');
}

export interface SudoHop {
  readonly user: string;
  /** Undefined: sudo is told not to ask. */
  readonly promptToken: string | undefined;
}

/** The command line for the login shell of the target. */
export function firstHop(nonce: string, sudo: SudoHop | undefined): string {
  const program = `/bin/sh -c ${quoteForLoginShell(stageOne(nonce))}`;
  if (sudo === undefined) return `exec ${program}`;
  const how = sudo.promptToken === undefined ? '-n' : `-S -p ${quoteForLoginShell(sudo.promptToken)}`;
  return `exec sudo ${how} -u ${quoteForLoginShell(sudo.user)} -- ${program}`;
}

/** Frames a stage 2 text for stage 1: its length in bytes, then the text, ending in the nonce. */
export function frameStage(nonce: string, program: string): Buffer {
  const text = Buffer.from(`${program}\n#${nonce}`, 'utf8');
  return Buffer.concat([Buffer.from(`${String(text.length)}\n`), text]);
}

/** What a runner does before anything else: a script that only looks, and how its answer ends. */
export interface FirstLook {
  readonly text: string;
  /** A random word that stands in no argument list, so that nobody on the host can put it into a file that is looked at. */
  readonly mark: string;
}

/**
 * The script runs in a child of the runner, its output goes straight to the channel: no private directory, no process
 * group, no watchdog, for what asks a question and is done. The trap says that it is over, and how.
 */
function firstLook({ text, mark }: FirstLook): string {
  return String.raw`echo "$N O $a">&4
(trap 'printf "\n%s%s L %s\n" ${mark} $N $?' EXIT
${text}
) </dev/null >&4 4>&- &
p=$!`;
}

/**
 * The runner. Until the first request it is one process that waits for input: a host that is as it should be costs nothing
 * more. Then a reader takes requests from the channel, stores them and hands them to an executor
 * through a pipe, so that the end of the channel or a request to kill is seen while a script runs.
 *
 * fd 0: requests; fd 4: answers, closed in scripts. Functions: q ends a process group, b bounds a growing
 * output, w is the watchdog of one script, m measures an output, p prints it, G gets bytes exactly,
 * R is the reader, X the executor. `$p` is the first look while no request has come: none comes before its answer has
 * been read, and until then its process id is not another's, since nobody has waited for it.
 *
 * `$care_runner_pid`, for scripts, is the process that lives as long as the connection (the host lock hangs on it).
 *
 * Directories: root gets memory; others prefer /tmp, because logind empties a user's /dev/shm when his last
 * session ends (RemoveIPC, logind.conf(5)), and a runner reached through sudo is no session.
 *
 * @param directory a random word; the private directories of this runner are named with it
 * @param look what is asked along with the start
 */
export function runnerProgram(directory: string, look?: FirstLook): string {
  return String.raw`umask 022;cd /;export care_runner_pid=$$
exec 4>&1 >/dev/null
p= S= a=- h=$PATH
command -v setsid >/dev/null&&S=setsid
PATH=/;command -v printf >/dev/null&&[ $S ]&&a=r;PATH=$h
[ "$F" ]&&command -v gzip >/dev/null&&a=${'$'}{a}z
${look === undefined ? '' : firstLook(look)}
trap '[ -z "$p" ]||kill $p 2>/dev/null' EXIT
trap 'exit 1' HUP INT TERM
read -r k i t l h d n u||exit 0
p=
c="/tmp /dev/shm";[ ! -w /run ]||c="/dev/shm /run /tmp"
D=${'$'}{c%% *}/.care-${directory} E=/var/tmp/.care-${directory}-l
mkdir -m 700 "$D" "$E" 2>/dev/null||{ rmdir "$D" "$E";D= E=
for b in $c;do mkdir -m 700 "$b/.care-${directory}"&&{ D=$b/.care-${directory};break;};done
for b in /var/tmp /tmp;do mkdir -m 700 "$b/.care-${directory}-l"&&{ E=$b/.care-${directory}-l;break;};done;} 2>/dev/null
trap 'rm -rf "$D" "$E"' EXIT
echo>"$D/g"&&[ -n "$D" ]&&[ -n "$E" ]||{ echo "$N F">&4;exit 1;}
echo "$N R $D $E $a">&4
q(){ kill -TERM -$1||kill -TERM $1;j=0
while { kill -0 -$1||kill -0 $1;}&&[ $j -lt 25 ];do sleep .2||sleep 1;j=$((j+1));done
kill -KILL -$1||kill -KILL $1;} 2>/dev/null
b(){ [ -s "$1" ]||return 0
[ $(wc -c <"$1") -gt $((l*2+8388608)) ]||return 0
[ -e "$1.h" ]||head -c $l "$1">"$1.h"
tail -c $l "$1">"$1.t";true>"$1";}
w(){ trap 'kill $k;exit' TERM;a=0;while [ $a -lt $t ];do sleep 1& k=$!;wait $k;a=$((a+1));b "$o";b "$e";done
true>"$D/t$i";trap - TERM;q $p;}
m(){ s=0 x=0;if [ -e "$1.h" ];then x=1 s=$l;cat "$1">>"$1.t"
elif [ -s "$1" ];then s=$(($(wc -c <"$1")));[ $s -le $l ]||{ x=1;s=$l;};fi;}
p(){ if [ $2 = 0 ];then return;elif [ $3 = 0 ];then head -c $2 "$1";return;fi
h1=$1 t1=$1 n1=$(($2/2));[ ! -e "$1.h" ]||{ h1=$1.h;t1=$1.t;}
head -c $n1 "$h1";tail -c $(($2-n1)) "$t1"|head -c $(($2-n1));}
G(){ if [ $1 = 0 ];then true>"$2"||z=1
elif [ "$F" ];then dd bs=$1 count=1 iflag=fullblock of="$2" 2>/dev/null||z=1
else dd bs=1 count=$1 of="$2" 2>/dev/null||z=1;fi;}
R(){ while :;do case $k in
R|B|C)z=0 f=$D;[ $d = 0 ]||f=$E
if [ $k = C ];then k=B;dd bs=$n count=1 iflag=fullblock 2>/dev/null|gzip -dc >"$D/s$i"||z=1
else G $n "$D/s$i";fi
[ $k$u = R0 ]||mkdir -p "$f/f$i"||z=1
while [ $u -gt 0 ]&&read -r a n;do G $n "$f/f$i/$a";u=$((u-1));done
read -r a&&[ "$a" = "$N" ]||break
echo "$i $t $l $h $f $z $k";;
K)true>"$D/k$i";{ read -r a c<"$D/g"&&[ "$a" = "$i" ]&&q $c;} </dev/null >/dev/null 4>&- &
esac
read -r k i t l h d n u||break;done
true>"$D/z";read -r a c<"$D/g"&&[ -n "$c" ]&&q $c;}
Z(){ echo "$N E $i 0 $1 0 0 0 0">&4||exit
j=$i;while [ $k = B ]&&[ $j -lt $t ];do j=$((j+1));echo "$N E $j 0 n 0 0 0 0">&4||exit;done;}
X(){ c=0;while read -r i t l h f z k;do [ ! -e "$D/z" ]||exit
o=$D/o$i e=$D/e$i y=d r=0
if [ $z = 1 ];then c=$h;Z x
elif [ $h != 0 ]&&[ $h = $c ];then Z n
elif [ $k = B ];then . "$D/s$i"
elif [ -e "$D/k$i" ];then Z n
else echo "$N S $i">&4||exit
care_files=$f/f$i;export care_files
$S /bin/sh "$D/s$i" </dev/null >>"$o" 2>>"$e" 4>&- &
p=$!;echo "$i $p">"$D/g"
w </dev/null >/dev/null 2>&1 4>&- &
W=$!
[ ! -e "$D/k$i" ]&&[ ! -e "$D/z" ]||q $p
wait $p;r=$?
echo>"$D/g"
if [ -e "$D/t$i" ];then y=t;wait $W;else kill $W;fi 2>/dev/null
[ ! -e "$D/k$i" ]||y=k
[ $y$r = d0 ]||c=$h
m "$o";os=$s ox=$x;m "$e"
echo "$N E $i $r $y $os $ox $s $x">&4||exit
{ p "$o" $os $ox;p "$e" $s $x;}>&4
fi
rm -rf "$D"/[a-z]$i "$D"/[oe]$i.* "$f/f$i";done;}
R|{ (X);echo "$N Q">&4;}
exit 0`;
}

/**
 * Takes a file of exactly `size` bytes into `directory/id` and answers with its SHA-256.
 *
 * @param packed it comes through gzip
 */
export function uploadProgram(directory: string, id: string, size: number, packed: boolean): string {
  return String.raw`umask 077;cd /
mkdir -p "${directory}"&&${packed ? 'gzip -dc' : 'cat'} >"${directory}/${id}"||{ echo "$N F";exit 1;}
s=$(($(wc -c <"${directory}/${id}")))
[ $s = ${String(size)} ]||{ rm -f "${directory}/${id}";echo "$N F";exit 1;}
h=$(sha256sum <"${directory}/${id}")
echo "$N U $s ${'$'}{h%% *}";exit 0`;
}

/** Sends one whole file: `D` when it could be opened, then its bytes up to the end of the channel. */
export function downloadProgram(quotedPath: string): string {
  return String.raw`cd /
[ -f ${quotedPath} ]||{ echo "not a regular file" >&2;exit 1;}
{ echo "$N D";exec cat;} <${quotedPath}
exit 1`;
}
